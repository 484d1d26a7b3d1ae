"""From a dataset's name to its configuration: entries, patterns, the catch-all, the runtime's default."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import DatasetError, DatasetNotFoundError
from pellucid.io._credentials import CREDENTIALS_KEY, CredentialsTable
from pellucid.io._definition import copy_containers
from pellucid.io._patterns import Pattern, PatternTable, is_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

Patterns = dict[str, dict[str, Any]]

DEFAULT_RUNTIME_PATTERN: Patterns = {"{default}": {"type": "pellucid.io.MemoryDataset"}}


class CatalogConfigResolver:
    """Knows the configuration of every dataset that a catalog's entries and patterns describe.

    Patterns are tried in this order: more characters outside of braces first, then more placeholders, then by the
    alphabet. After them comes the catch-all, of which there may be one, and then the runtime's default.

    Args:
        config: the catalog's entries by name or pattern.
        credentials: what the entries' ``credentials`` refer to.
        default_runtime_patterns: for names that nothing else matches, when a runner asks; memory by default.

    Raises:
        DatasetError: an entry is no mapping, a pattern cannot be read, or there are two catch-alls.
        CredentialsNotFoundError: credentials are missing.
    """

    def __init__(
        self,
        config: dict[str, dict[str, Any]] | None = None,
        credentials: dict[str, dict[str, Any]] | None = None,
        default_runtime_patterns: Patterns | None = None,
    ) -> None:
        self._credentials = CredentialsTable(credentials)
        self._default_runtime_patterns = default_runtime_patterns or DEFAULT_RUNTIME_PATTERN
        self._runtime = PatternTable(self._default_runtime_patterns)
        # Of these a run makes a dataset for each name that only goes from node to node.
        self._with_credentials = {
            text for text, config in self._default_runtime_patterns.items() if _mentions_credentials(config)
        }
        entries: dict[str, Any] = {}
        patterns: dict[str, Any] = {}
        for name, entry in (config or {}).items():
            _check_entry(name, entry)
            (patterns if is_pattern(name) else entries)[name] = entry
        self._resolved_configs: dict[str, dict[str, Any]] = {
            name: self._credentials.resolve(name, entry) for name, entry in entries.items()
        }
        catch_alls = {text: entry for text, entry in patterns.items() if Pattern(text).is_catch_all}
        if len(catch_alls) > 1:
            shown = ", ".join(map(repr, sorted(catch_alls)))
            raise DatasetError(f"The catalog has more than one catch-all pattern: {shown}. Keep one.")
        self._catch_all = PatternTable(catch_alls)
        self._patterns = PatternTable({text: entry for text, entry in patterns.items() if text not in catch_alls})
        # Most catalogs have no pattern, and are asked for every dataset that only goes from node to node.
        self._tables = tuple(table for table in (self._patterns, self._catch_all) if len(table))
        self._check_patterns()

    def _check_patterns(self) -> None:
        """Find mistakes in the patterns' configurations now, and not when the first name matches."""
        for table in self._tables:
            for pattern in table:
                entry = table.config_of(pattern)
                pattern.check_references(entry)
                self._credentials.resolve(pattern.text, _without_open_credentials(entry))
        for pattern in self._runtime:
            pattern.check_references(self._runtime.config_of(pattern))

    @property
    def config(self) -> dict[str, dict[str, Any]]:
        """The entries that are no patterns, with their credentials in them."""
        return self._resolved_configs

    @property
    def _logger(self) -> logging.Logger:
        return logging.getLogger(__name__)

    @staticmethod
    def is_pattern(pattern: str) -> bool:
        """Tell whether a name is a pattern: it has an opening brace."""
        return is_pattern(pattern)

    def list_patterns(self) -> list[str]:
        """Return all patterns in the order in which they are tried, the runtime's last; each one once."""
        tables = (self._patterns, self._catch_all, self._runtime)
        return list(dict.fromkeys(pattern.text for table in tables for pattern in table))

    def match_dataset_pattern(self, ds_name: str) -> str | None:
        """Return the most specific pattern that matches a name, the catch-all apart, or None."""
        return _text(self._patterns.find(ds_name))

    def match_user_catch_all_pattern(self, ds_name: str) -> str | None:
        """Return the catalog's catch-all pattern if it has one, or None."""
        return _text(self._catch_all.find(ds_name))

    def match_runtime_pattern(self, ds_name: str) -> str:
        """Return the runtime's pattern that matches a name.

        Raises:
            DatasetNotFoundError: none does.
        """
        return self._find_runtime(ds_name).text

    def _find_runtime(self, ds_name: str) -> Pattern:
        found = self._runtime.find(ds_name)
        if found is None:
            raise DatasetNotFoundError(f"No pattern of the runtime matches the dataset name '{ds_name}'.")
        return found

    def matches(self, ds_name: str) -> bool:
        """Tell whether a pattern of the catalog matches a name, its catch-all included."""
        return bool(self._tables) and any(table.find(ds_name) is not None for table in self._tables)

    def resolve_pattern(self, ds_name: str) -> dict[str, Any]:
        """Return the configuration of a dataset, placeholders and credentials filled in; a copy.

        It comes from the entry of that name, else from the best pattern, the catch-all, or the runtime's pattern.

        Raises:
            DatasetNotFoundError: not even a pattern of the runtime matches.
            CredentialsNotFoundError: credentials are missing.
        """
        entry = self._resolved_configs.get(ds_name)
        if entry is not None:
            return dict(copy_containers(entry))
        for table in self._tables:
            pattern = table.find(ds_name)
            if pattern is not None:
                break
        else:
            table, pattern = self._runtime, self._find_runtime(ds_name)
        config = table.filled(pattern, ds_name)
        if table is self._runtime and pattern.text not in self._with_credentials:
            plain: dict[str, Any] = config
            return plain
        # After the placeholders: what is in braces within a password is none.
        resolved: dict[str, Any] = self._credentials.resolve(ds_name, config)
        return resolved


def _check_entry(name: Any, entry: Any) -> None:
    if not isinstance(name, str):
        raise DatasetError(f"The catalog has an entry {name!r}, which is no text; put its name in quotes.")
    if not isinstance(entry, Mapping):
        raise DatasetError(
            f"The catalog's entry '{name}' is {_kind(entry)}, and should be a mapping with a 'type'. "
            "If it serves interpolation alone, start its name with an underscore in the catalog's file."
        )


def _kind(value: Any) -> str:
    return "empty" if value is None else f"a {type(value).__name__}"


def _text(pattern: Pattern | None) -> str | None:
    return None if pattern is None else pattern.text


def _without_open_credentials(config: Any) -> Any:
    """Return a configuration without the names of credentials that depend on a placeholder."""
    if isinstance(config, Mapping):
        return dict(_closed_items(config))
    if isinstance(config, (list, tuple)):
        return [_without_open_credentials(each) for each in config]
    return config


def _mentions_credentials(config: Any) -> bool:
    if isinstance(config, Mapping):
        return CREDENTIALS_KEY in config or any(map(_mentions_credentials, config.values()))
    return isinstance(config, (list, tuple)) and any(map(_mentions_credentials, config))


def _closed_items(config: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    for key, value in config.items():
        if not (key == CREDENTIALS_KEY and isinstance(value, str) and is_pattern(value)):
            yield key, _without_open_credentials(value)
