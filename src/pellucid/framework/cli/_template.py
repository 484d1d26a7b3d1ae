"""Makes a folder from a template."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pellucid import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.abc import Traversable
    from pathlib import Path

    from ._names import ProjectNames

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_SKIPPED = frozenset({"__pycache__", ".git", ".DS_Store"})
_PACKAGE, _DOT = "__package__", "__dot__"


def values_of(names: ProjectNames) -> dict[str, str]:
    """Return what the placeholders of a project's template stand for."""
    return {
        "project_name": names.project_name,
        "repo_name": names.repo_name,
        "python_package": names.python_package,
        "pellucid_version": __version__,
    }


def write_template(template: Traversable, target: Path, values: Mapping[str, str]) -> list[Path]:
    """Copy a template's files into a folder, and return what was written.

    ``{{ name }}`` is replaced by its value in text files and in paths; a placeholder that is not known stays. In
    paths, ``__package__`` is the Python package, and ``__dot__`` at the start of a name is a dot.

    Args:
        template: the folder to copy.
        target: made if it is not there.
        values: by the names of the placeholders.
    """
    written = []
    for parts, source in _files(template, ()):
        path = target.joinpath(*(_named(part, values) for part in parts))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_filled(source.read_bytes(), values))
        written.append(path)
    return written


def _files(folder: Traversable, parts: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Traversable]]:
    for each in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if each.name in _SKIPPED or each.name.endswith(".pyc"):
            continue
        if each.is_dir():
            yield from _files(each, (*parts, each.name))
        else:
            yield (*parts, each.name), each


def _named(part: str, values: Mapping[str, str]) -> str:
    if part.startswith(_DOT):
        part = "." + part[len(_DOT) :]
    return _replaced(part.replace(_PACKAGE, values.get("python_package", _PACKAGE)), values)


def _filled(content: bytes, values: Mapping[str, str]) -> bytes:
    if b"{{" not in content or b"\0" in content:
        return content
    try:
        # Line ends are kept as the template has them.
        return _replaced(content.decode("utf-8"), values).encode("utf-8")
    except UnicodeDecodeError:
        return content


def _replaced(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)
