"""Where new projects come from: the starters that are built in, those of plugins, and folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._hints import nearest_or_all
from ._plugins import distribution_of, load_each

if TYPE_CHECKING:
    from importlib.abc import Traversable

BUILTIN = "pellucid"
_TEMPLATE = "template"


@dataclass(frozen=True)
class KedroStarterSpec:
    """A starter that a plugin offers by its entry point, which names a list of these.

    Args:
        alias: what ``--starter`` calls it.
        template_path: its folder.
        directory: the folder within that one, if not itself.
        origin: the plugin; filled in when it is found.
    """

    alias: str
    template_path: str
    directory: str | None = None
    origin: str | None = None


def builtin_starters() -> dict[str, Traversable]:
    """Return the templates that come with pellucid, by name."""
    from importlib.resources import files

    folders = {each.name: each / _TEMPLATE for each in files("pellucid.starters").iterdir() if each.name[:1] != "_"}
    return {name: template for name, template in sorted(folders.items()) if template.is_dir()}


def plugin_starters() -> dict[str, KedroStarterSpec]:
    """Return the starters of plugins by alias; of two with one alias the first."""
    found: dict[str, KedroStarterSpec] = {}
    for entry_point, specs in load_each("starters"):
        origin = distribution_of(entry_point)[0] or entry_point.name
        for each in specs if isinstance(specs, (list, tuple)) else [specs]:
            spec: Any = each  # Kedro's class is as good as ours
            if all(hasattr(spec, name) for name in ("alias", "template_path")):
                directory = getattr(spec, "directory", None)
                found.setdefault(spec.alias, KedroStarterSpec(spec.alias, spec.template_path, directory, origin))
    return found


def find_template(starter: str) -> Traversable:
    """Return the folder of files that a starter's projects are made of.

    Args:
        starter: a name, or the path of a folder: with a folder ``template`` in it, or itself the template.

    Raises:
        click.UsageError: there is no such starter, or it cannot be used here.
    """
    builtin = builtin_starters()
    if starter in builtin:
        return builtin[starter]
    folder = Path(starter).expanduser()
    if folder.is_dir():
        return _template_of(folder)
    if "://" in starter or starter.startswith(("git@", "gh:")):
        raise click.UsageError(f"Starters are not downloaded; get '{starter}' first, and name its folder.")
    offered = plugin_starters()
    if starter not in offered:
        hint = nearest_or_all(starter, [*builtin, *offered])
        raise click.UsageError(f"There is no starter '{starter}', nor a folder of this name.{hint}")
    spec = offered[starter]
    folder = Path(spec.template_path, spec.directory or "")
    if not folder.is_dir():
        raise click.UsageError(f"The starter '{starter}' of {spec.origin} is no folder here: {spec.template_path}")
    return _template_of(folder)


def _template_of(folder: Path) -> Path:
    if (folder / "cookiecutter.json").exists():
        raise click.UsageError(f"{folder} is a template for cookiecutter, which pellucid does not use.")
    return folder / _TEMPLATE if (folder / _TEMPLATE).is_dir() else folder
