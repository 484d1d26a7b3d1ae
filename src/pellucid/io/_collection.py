"""Datasets by name: kept, made when they are first needed, and handed to another process."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from pellucid._util.suggest import did_you_mean
from pellucid.exceptions import DatasetError, DatasetNotFoundError, VersionAlreadyExistsError
from pellucid.io._definition import TYPE_KEY, VALIDATOR_KEY, Version
from pellucid.io._lazy import LazyDataset, full_type_name
from pellucid.io._redaction import show_error
from pellucid.io._validation import Validation
from pellucid.io.memory_dataset import MemoryDataset

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pellucid.io._resolver import CatalogConfigResolver

# The public name: what a user's logging configuration refers to.
logger = logging.getLogger("pellucid.io.data_catalog")


class DatasetCollection:
    """Datasets by name, given as objects or made from configuration; each is made once, whoever asks.

    Args:
        config_resolver: knows the configuration of datasets that are not given.
        load_versions: the versions to be loaded, by dataset.
        save_version: what all versioned datasets save as; drawn when it is first needed if None.
    """

    def __init__(
        self,
        config_resolver: CatalogConfigResolver,
        load_versions: Mapping[str, str | None] | None,
        save_version: str | None,
    ) -> None:
        self._config_resolver = config_resolver
        self._datasets: dict[str, Any] = {}
        self._lazy_datasets: dict[str, LazyDataset] = {}
        self._order: dict[str, None] = {}
        self._made_from: dict[str, LazyDataset] = {}
        self._given_as_data: dict[str, None] = {}
        self._load_versions: dict[str, str | None] = dict(load_versions or {})
        self._known_save_version = save_version
        self._validation = Validation()
        self._lock = threading.RLock()
        self._in_the_making: set[str] = set()

    def _described(self, name: str, config: dict[str, Any]) -> LazyDataset:
        """Return what makes a dataset, and take note of its validator."""
        if TYPE_KEY not in config:
            raise DatasetError(
                f"Dataset '{name}': its configuration has no 'type'. "
                "If it serves interpolation alone, start its name with an underscore in the catalog's file."
            )
        if VALIDATOR_KEY in config:
            self._validation.declare(name, config[VALIDATOR_KEY])
            config = {key: value for key, value in config.items() if key != VALIDATOR_KEY}
        return LazyDataset(name, config, self._load_versions.get(name))

    def get(
        self,
        key: str,
        fallback_to_runtime_pattern: bool = False,
        version: Version | None = None,
    ) -> Any:
        """Return a dataset, made now if need be, or None if there is none of that name.

        Args:
            key: the dataset's name.
            fallback_to_runtime_pattern: make one by the runtime's pattern (in memory by default) if nothing matches.
            version: return a copy that loads and saves this version; what is in the catalog stays as it is.

        Raises:
            DatasetError: its configuration is wrong.
        """
        dataset = self._datasets.get(key)
        if dataset is None:
            dataset = self._materialized(key, fallback_to_runtime_pattern)
        if version is None or dataset is None:
            return dataset
        return at_version(key, dataset, version)

    def _materialized(self, name: str, by_runtime_pattern: bool) -> Any:
        with self._lock:
            dataset = self._datasets.get(name)
            if dataset is not None:
                return dataset
            lazy = self._lazy_datasets.get(name)
            if lazy is None:
                if not (by_runtime_pattern or self._config_resolver.matches(name)):
                    return None
                lazy = self._described(name, self._config_resolver.resolve_pattern(name))
            if name in self._in_the_making:
                raise DatasetError(f"Dataset '{name}': making it asks the catalog for the dataset itself.")
            if lazy.is_versioned and lazy.save_version is None:
                lazy.save_version = self._save_version
            self._in_the_making.add(name)
            try:
                dataset = lazy.materialize()
            finally:
                self._in_the_making.discard(name)
            self._enter(name, dataset)
            self._made_from[name] = lazy
            return dataset

    def _enter(self, name: str, dataset: Any) -> None:
        """Keep a dataset under a name; the one place where that happens."""
        self._order[name] = None
        self._datasets[name] = dataset
        self._lazy_datasets.pop(name, None)

    def __getitem__(self, ds_name: str) -> Any:
        dataset = self.get(ds_name)
        if dataset is None:
            raise DatasetNotFoundError(
                f"The catalog has no dataset '{ds_name}', and no pattern that matches it."
                f"{did_you_mean(ds_name, self.keys())}"
            )
        return dataset

    def __setitem__(self, key: str, value: Any) -> None:
        with self._lock:
            if key in self._order:
                logger.warning("Replacing the dataset '%s'.", key)
            if isinstance(value, LazyDataset):
                self._datasets.pop(key, None)
                self._lazy_datasets[key] = value
                self._order[key] = None
            else:
                self._given_as_data.pop(key, None)
                if not _is_dataset(value):
                    self._given_as_data[key] = None
                    logger.debug("What is given as the dataset '%s' is kept in memory.", key)
                    value = _in_memory(key, value)
                self._note_versions(key, value)
                self._enter(key, value)
            self._made_from.pop(key, None)
            self._validation.forget(key)

    def _note_versions(self, name: str, dataset: Any) -> None:
        """Hold the catalog's versions and those of a given dataset together."""
        version = getattr(dataset, "_version", None)
        load, save = getattr(version, "load", None), getattr(version, "save", None)
        if save:
            if self._known_save_version not in (None, save):
                raise VersionAlreadyExistsError(
                    f"The dataset '{name}' would save the version '{save}', "
                    f"and all others of the catalog '{self._known_save_version}'. One catalog saves one version."
                )
            self._known_save_version = save
        if load:
            self._load_versions[name] = load

    @property
    def _save_version(self) -> str:
        """What versioned datasets save as; drawn when it is first needed."""
        with self._lock:
            if self._known_save_version is None:
                from pellucid._util.timestamps import unique_timestamp

                self._known_save_version = unique_timestamp()
            return self._known_save_version

    def __contains__(self, dataset_name: object) -> bool:
        if not isinstance(dataset_name, str):
            return False
        return dataset_name in self._order or self._config_resolver.matches(dataset_name)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._order))

    def __len__(self) -> int:
        return len(self._order)

    def keys(self) -> list[str]:
        """Return the names of all datasets, patterns apart, in the order in which they were added."""
        return list(self._order)

    def values(self) -> list[Any]:
        """Make and return all datasets."""
        return [self[name] for name in self]

    def items(self) -> list[tuple[str, Any]]:
        """Make and return all datasets, with their names."""
        return [(name, self[name]) for name in self]

    def _ipython_key_completions_(self) -> list[str]:
        return self.keys()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DatasetCollection):
            return NotImplemented
        mine, theirs = self._config_resolver, other._config_resolver
        return (
            self._has_datasets_of(other)
            and self._lazy_datasets == other._lazy_datasets
            and mine.list_patterns() == theirs.list_patterns()
        )

    def _has_datasets_of(self, other: DatasetCollection) -> bool:
        theirs = other._datasets
        data = self._given_as_data.keys() & other._given_as_data.keys()
        return self._datasets.keys() == theirs.keys() and all(
            mine == theirs[name] or (name in data and _have_same_data(mine, theirs[name]))
            for name, mine in self._datasets.items()
        )

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            # Drawn now, or each process would save a version of its own.
            version = self._save_version
            state = {key: dict(value) if isinstance(value, dict) else value for key, value in self.__dict__.items()}
        del state["_lock"]
        return {**state, "_known_save_version": version, "_in_the_making": set()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()


def _in_memory(name: str, data: Any) -> MemoryDataset:
    try:
        return MemoryDataset(data=data)
    except Exception as error:
        kind = full_type_name(type(data))
        raise DatasetError(
            f"{name}: data of the type {kind} cannot be kept in memory: {show_error(error)}. "
            "If it needs no copies, give it as MemoryDataset(data, copy_mode='assign')."
        ) from error


def _have_same_data(first: Any, second: Any) -> bool:
    if not type(first) is type(second) is MemoryDataset:
        return False
    try:
        mine, theirs = vars(first)["_data"], vars(second)["_data"]
        return mine is theirs or bool(mine == theirs)
    except Exception:
        # Frames and arrays compare by element.
        return False


def _is_dataset(value: Any) -> bool:
    """Tell whether a value is a dataset, by what it can do; data may have a ``load`` on its class."""
    if isinstance(value, type):
        return False
    load, save = getattr(value, "load", None), getattr(value, "save", None)
    return callable(load) and callable(save) and not isinstance(getattr(load, "__self__", None), type)


def at_version(name: str, dataset: Any, version: Version) -> Any:
    """Return a copy of a dataset that loads and saves a version; the dataset itself if it knows no versions."""
    # Not public, and still what datasets written for Kedro have.
    copy = getattr(dataset, "_copy", None)
    if copy is None or not hasattr(dataset, "_version"):
        logger.warning("The dataset '%s' (%s) has no versions.", name, type(dataset).__name__)
        return dataset
    return copy(_version=version)
