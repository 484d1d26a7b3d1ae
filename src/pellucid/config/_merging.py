"""Merging of configuration: of the files of one environment, and of environments over each other."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import DuplicateConfigKeyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    KeyPath = tuple[Any, ...]


class MergeStrategies(Enum):
    """How an environment goes over the base one."""

    SOFT = auto()
    DESTRUCTIVE = auto()


MERGING_IMPLEMENTATIONS = {
    MergeStrategies.SOFT: "_soft_merge",
    MergeStrategies.DESTRUCTIVE: "_destructive_merge",
}
"""The method of the loader that implements a strategy, by which a subclass may replace it."""


def clone(value: Any) -> Any:
    """Copy a tree of dicts and lists; what else is in it is shared."""
    kind = type(value)
    if kind is dict:
        return {key: clone(each) if type(each) in _CONTAINERS else each for key, each in value.items()}
    if kind is list:
        return [clone(each) if type(each) in _CONTAINERS else each for each in value]
    return value


_CONTAINERS = frozenset({dict, list})


def soft_merge(below: Mapping[Any, Any], above: Mapping[Any, Any]) -> dict[Any, Any]:
    """Merge mappings at every depth; anything else of ``above`` (lists, too) replaces what is below."""
    merged = dict(below)
    for key, value in above.items():
        lower = merged.get(key)
        merged[key] = soft_merge(lower, value) if isinstance(lower, dict) and isinstance(value, dict) else value
    return merged


def destructive_merge(below: Mapping[Any, Any], above: Mapping[Any, Any]) -> dict[Any, Any]:
    """Replace whole top-level keys."""
    return {**below, **above}


def is_hidden_key(key: object) -> bool:
    """Tell whether a top-level key is a variable for templating only: it starts with an underscore."""
    return isinstance(key, str) and key.startswith("_")


class EnvironmentFiles:
    """The files of one environment, put together, with the file that each key stands in.

    Args:
        nested: mappings of two files may share a key as long as nothing stands twice below it; else a key is
            in one file only. Top-level keys that start with an underscore are free: the last file wins.
    """

    def __init__(self, *, nested: bool) -> None:
        self._nested = nested
        self._owners: dict[KeyPath, str] = {}
        self.data: dict[Any, Any] = {}
        self.files_of: dict[Any, list[str]] = {}

    def add(self, content: Mapping[Any, Any], name: str) -> None:
        """Merge the content of the file ``name`` into ``data``.

        Raises:
            DuplicateConfigKeyError: a key of it stands in a file that was added before.
        """
        claimed: list[KeyPath] = []
        clashes: dict[str, list[KeyPath]] = {}
        for key, value in content.items():
            self.files_of.setdefault(key, []).append(name)
            if is_hidden_key(key):
                self.data[key] = value
                continue
            for path in self._join(self.data, key, value, (), claimed):
                clashes.setdefault(self._owner(path), []).append(path)
        for other, paths in clashes.items():
            raise DuplicateConfigKeyError([".".join(map(str, path)) for path in paths], other, name)
        self._owners.update(dict.fromkeys(claimed, name))

    def _join(
        self, target: dict[Any, Any], key: Any, value: Any, above: KeyPath, claimed: list[KeyPath]
    ) -> Iterator[KeyPath]:
        """Put ``value`` under ``key`` of ``target``; yield the paths that are taken."""
        path = (*above, key)
        if key not in target:
            target[key] = clone(value)
            claimed.append(path)
        elif self._nested and isinstance(target[key], dict) and isinstance(value, dict):
            for inner, each in value.items():
                yield from self._join(target[key], inner, each, path, claimed)
        else:
            yield path

    def _owner(self, path: KeyPath) -> str:
        """Return the file that brought ``path``, by itself or as a part of something above it."""
        above = (path[:length] for length in range(len(path), 0, -1))
        return next(self._owners[each] for each in above if each in self._owners)
