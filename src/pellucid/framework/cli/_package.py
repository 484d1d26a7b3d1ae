"""A project as files that can be deployed."""

from __future__ import annotations

import sys
import tarfile
from typing import TYPE_CHECKING

import click

from ._forward import call

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.framework.startup import ProjectMetadata

_LOCAL = "local"


def build_package(metadata: ProjectMetadata, *, isolated: bool) -> None:
    """Write a wheel of the project and an archive of its configuration to its folder ``dist``.

    Args:
        metadata: of the project.
        isolated: let pip fetch what the build needs into an environment of its own.

    Raises:
        click.exceptions.Exit: pip failed; with its exit code.
        click.UsageError: the project has no folder of configuration.
    """
    from pellucid.framework.project import settings

    conf = metadata.project_path / str(settings.CONF_SOURCE)
    if not conf.is_dir():
        raise click.UsageError(f"The project's configuration is not there: {conf}")
    target = metadata.project_path / "dist"
    target.mkdir(exist_ok=True)
    options = [] if isolated else ["--no-build-isolation"]
    wheel = [sys.executable, "-m", "pip", "wheel", "--no-deps", *options, "--wheel-dir", str(target), "."]
    call(wheel, cwd=metadata.project_path)
    archive = target / f"conf-{metadata.package_name}.tar.gz"
    archive_configuration(conf, archive)
    click.echo(f"The wheel and the configuration ({archive.name}) are in {target}.")


def archive_configuration(conf: Path, archive: Path) -> None:
    """Write a folder of configuration to an archive, without what is local and without bytecode."""

    def kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        parts = member.name.split("/")
        is_local = len(parts) > 2 and parts[1] == _LOCAL and parts[-1] != ".gitkeep"
        return None if is_local or "__pycache__" in parts else member

    with tarfile.open(archive, "w:gz") as tar:
        tar.add(conf, arcname=conf.name, filter=kept)
