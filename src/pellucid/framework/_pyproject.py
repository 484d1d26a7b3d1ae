"""What the ``pyproject.toml`` of a project says of it."""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path
from typing import Any, NamedTuple

from pellucid._util.suggest import did_you_mean
from pellucid._version import __version__
from pellucid.exceptions import NotAProjectError, ProjectError
from pellucid.utils import KEDRO_API_VERSION, find_project, is_project

__all__ = ["ProjectMetadata", "read_project_metadata"]

_logger = logging.getLogger("pellucid.framework.startup")

_PYPROJECT = "pyproject.toml"
_SECTIONS = ("pellucid", "kedro")
_VERSION_KEYS = ("pellucid_init_version", "kedro_init_version")
_REQUIRED = ("package_name", "project_name")
_KNOWN = (*_REQUIRED, *_VERSION_KEYS, "source_dir", "tools", "example_pipeline")


class ProjectMetadata(NamedTuple):
    """What ``pyproject.toml`` says of a project."""

    config_file: Path
    package_name: str
    project_name: str
    project_path: Path
    source_dir: Path
    kedro_init_version: str
    tools: list[str] | None = None
    example_pipeline: str | None = None


def read_project_metadata(project_path: str | Path) -> ProjectMetadata:
    """Read what ``pyproject.toml`` in a folder says of its project.

    Raises:
        NotAProjectError: there is no such file, or it has no section of ours.
        ProjectError: the file cannot be used.
    """
    root = Path(project_path).expanduser().resolve()
    file = root / _PYPROJECT
    section, name = _section(root, file)
    _refuse_bad_keys(section, name, file)
    version = next((section[key] for key in _VERSION_KEYS if key in section), None)
    if "kedro_init_version" in section and "pellucid_init_version" not in section:
        _refuse_other_major(str(version), file)
    tools = section.get("tools")
    return ProjectMetadata(
        config_file=file,
        package_name=section["package_name"],
        project_name=section["project_name"],
        project_path=root,
        source_dir=(root / str(section.get("source_dir", "src"))).resolve(),
        kedro_init_version=str(version) if version is not None else __version__,
        tools=tools,
        example_pipeline=section.get("example_pipeline"),
    )


def _section(root: Path, file: Path) -> tuple[dict[str, Any], str]:
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        problem = "has no pyproject.toml" if root.is_dir() else "is not a folder"
        raise NotAProjectError(f"{root} {problem}, so it holds no project.{_project_nearby(root)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"{file} cannot be read: {error}") from error
    tool = _parsed(text, file).get("tool")
    for name in _SECTIONS:
        section = tool.get(name) if isinstance(tool, dict) else None
        if isinstance(section, dict):
            return section, name
    raise NotAProjectError(
        f"{file} has neither [tool.pellucid] nor [tool.kedro], so {root} holds no project.{_project_nearby(root)}"
    )


def _parsed(text: str, file: Path) -> dict[str, Any]:
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        content: dict[str, Any] = toml.loads(text)
    except ValueError as error:
        problem = str(error).replace("at end of document", f"at line {len(text.splitlines())}, the end of the document")
        raise ProjectError(f"{file} is no valid TOML: {problem}") from error
    return content


def _project_nearby(root: Path) -> str:
    """Name a project above or just below a folder, as a hint."""
    above = find_project(root.parent)
    if above is not None:
        return f" The folder above it is one: {above}."
    try:
        below = next((each for each in sorted(root.iterdir()) if each.is_dir() and is_project(each)), None)
    except OSError:
        below = None
    return f" A folder in it is one: {below}." if below is not None else ""


def _refuse_bad_keys(section: dict[str, Any], name: str, file: Path) -> None:
    where = f"[tool.{name}] of {file}"
    missing = [key for key in _REQUIRED if not isinstance(section.get(key), str) or not section[key]]
    unknown = [key for key in section if key not in _KNOWN]
    if missing:
        needed = "', '".join(missing)
        hint = did_you_mean(missing[0], unknown)
        raise ProjectError(f"{where} lacks a text for '{needed}'.{hint}")
    if unknown:
        hint = did_you_mean(unknown[0], _KNOWN)
        raise ProjectError(f"{where} has a key that is not known: '{unknown[0]}'.{hint}")
    package = section["package_name"]
    if not all(part.isidentifier() for part in package.split(".")):
        raise ProjectError(f"{where}: package_name is '{package}', which is no name of a Python package.")


def _refuse_other_major(version: str, file: Path) -> None:
    followed = KEDRO_API_VERSION.partition(".")[0]
    major = version.partition(".")[0]
    if not major.isdigit():
        raise ProjectError(f"{file}: kedro_init_version is '{version}', which is no version.")
    if int(major) < int(followed):
        raise ProjectError(
            f"{file} was made for Kedro {version}; pellucid follows Kedro {followed}.x. Bring the project up to "
            f"Kedro {followed}, and set kedro_init_version to {KEDRO_API_VERSION}."
        )
    if int(major) > int(followed):
        _logger.warning("%s was made for Kedro %s; pellucid follows Kedro %s.x.", file, version, followed)
