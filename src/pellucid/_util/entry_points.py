"""What installed distributions offer by entry points, read without ``importlib.metadata``, which is slow to import."""

from __future__ import annotations

import importlib
import os
import sys
import time
from functools import lru_cache
from io import FileIO

TYPE_CHECKING = False  # importing typing takes longer than reading what is installed
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_INFOS = (".dist-info", ".egg-info")
_METADATA = ("METADATA", "PKG-INFO")
# File systems tell times in steps: a folder that changed just now may change again without a later time.
_SETTLED_NS = 2_000_000_000


class InstalledEntryPoint:
    """One entry point.

    Attributes:
        name: of the entry point.
        value: ``package.module`` or ``package.module:attribute``.
        group: it belongs to this one.
        distribution: name of the distribution that offers it.
        version: of that distribution.
    """

    __slots__ = ("distribution", "group", "name", "value", "version")

    def __init__(self, name: str, value: str, group: str, distribution: str, version: str) -> None:
        self.name = name
        self.value = value
        self.group = group
        self.distribution = distribution
        self.version = version

    def load(self) -> Any:
        """Import what the entry point names; raises whatever the import does."""
        return load_value(self.value)


def load_value(value: str) -> Any:
    """Import what the value of an entry point names."""
    module, _, attributes = value.partition("[")[0].partition(":")
    found: Any = importlib.import_module(module.strip())
    for name in filter(None, attributes.strip().split(".")):
        found = getattr(found, name)
    return found


def installed_entry_points(*groups: str) -> list[InstalledEntryPoint]:
    """Return the entry points of some groups, in the order of ``sys.path``.

    Of a distribution that is there twice, the first one counts.
    """
    if _is_plain():
        try:
            return [each for info, text in _texts() for each in _read(info, text, groups)]
        except NotADirectoryError:
            pass  # an archive may have distributions in it
    return list(_by_library(groups))


def _is_plain() -> bool:
    """Tell whether nobody finds distributions elsewhere than in ``sys.path``, or in a way of its own."""
    finders = [each for each in sys.meta_path if getattr(each, "find_distributions", None) is not None]
    others = [each for each in finders if getattr(each, "__name__", "") != "PathFinder"]
    return not others and not any(each.lower().endswith(".egg") for each in sys.path)


def _texts() -> Iterator[tuple[str, str]]:
    """Yield the path of each distribution, and its entry points as they are written.

    Raises:
        NotADirectoryError: there is a file on ``sys.path``.
    """
    seen: set[str] = set()
    for path in sys.path:
        try:
            state = os.lstat(f"{path or os.curdir}{os.sep}")  # with the separator, of the folder that a link leads to
            is_settled = time.time_ns() - state.st_mtime_ns > _SETTLED_NS
            texts_in = _texts_in if is_settled else _texts_in.__wrapped__
            found = texts_in(path, state.st_dev, state.st_ino, state.st_mtime_ns)
        except NotADirectoryError:
            raise
        except OSError:
            continue  # as Python does, which imports nothing from there
        for name, info, text in found:
            if name not in seen:
                seen.add(name)
                yield info, text


@lru_cache(maxsize=256)
def _texts_in(path: str, _device: int, _number: int, _changed_ns: int) -> tuple[tuple[str, str, str], ...]:
    """Return the distributions in a folder as they were at a time: a command asks for several groups.

    For each: what it is called, where it is, and its entry points.
    """
    with os.scandir(path or os.curdir) as entries:
        infos = [each for each in entries if each.name.lower().endswith(_INFOS)]
    return tuple((_name_of(each.name), each.path, _text_of(each.path, "entry_points.txt")) for each in infos)


def _name_of(info: str) -> str:
    name = info.rpartition(".")[0].partition("-")[0].lower().replace(".", "_")
    return "_".join(filter(None, name.split("_")))


def _text_of(info: str, name: str) -> str:
    try:
        with FileIO(f"{info}{os.sep}{name}") as file:
            return file.read().decode("utf-8")
    except OSError:
        return ""


def _read(info: str, text: str, groups: tuple[str, ...]) -> Iterator[InstalledEntryPoint]:
    if not any(f"[{group}]" in text for group in groups):
        return
    distribution, version = _described(info)
    group = ""
    for line in map(str.strip, text.splitlines()):
        name, equals, value = line.partition("=")
        if line.startswith("[") and line.endswith("]"):
            group = line.strip("[]")
        elif equals and group in groups and not line.startswith("#"):
            yield InstalledEntryPoint(name.strip(), value.strip(), group, distribution, version)


def _described(info: str) -> tuple[str, str]:
    """Return name and version of a distribution as its metadata has them; what its folder is called, failing that."""
    name, _, version = info.rpartition(os.sep)[2].rpartition(".")[0].partition("-")
    headers = {"name": name, "version": version}
    text = next(filter(None, (_text_of(info, each) for each in _METADATA)), "")
    for line in text.partition("\n\n")[0].splitlines():
        key, colon, value = line.partition(":")
        if colon and key.lower() in headers:
            headers[key.lower()] = value.strip()
    return headers["name"], headers["version"]


def _by_library(groups: tuple[str, ...]) -> Iterator[InstalledEntryPoint]:
    from importlib.metadata import entry_points

    for group in groups:
        for each in entry_points(group=group):
            name, version = (each.dist.name, each.dist.version) if each.dist is not None else ("", "")
            yield InstalledEntryPoint(each.name, each.value, group, name, version)
