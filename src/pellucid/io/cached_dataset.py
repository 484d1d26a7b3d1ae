"""A dataset that remembers what it loaded or saved."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from pellucid.io._dataset import AbstractDataset
from pellucid.io._definition import VERSIONED_FLAG_KEY, Version
from pellucid.io.memory_dataset import MemoryDataset
from pellucid.typing import Dataset

if TYPE_CHECKING:
    from pellucid.io._copying import TCopyMode

__all__ = ["VERSIONED_FLAG_KEY", "CachedDataset"]


class CachedDataset(AbstractDataset[Any, Any]):
    """Keeps in memory what another dataset loads or saves, so that it is loaded at most once in a process.

    Args:
        dataset: a dataset, or the entry of a catalog that makes one.
        version: the versions of a dataset that is given as an entry.
        copy_mode: how data in memory is copied, as for ``MemoryDataset``.
        metadata: for others' use.

    Raises:
        ValueError: ``dataset`` is neither, or an entry that is itself versioned.
    """

    _SINGLE_PROCESS = True

    def __init__(
        self,
        dataset: Dataset | dict[str, Any],
        version: Version | None = None,
        copy_mode: TCopyMode | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._dataset: Any = _made(dataset, version)
        self._EPHEMERAL = bool(getattr(self._dataset, "_EPHEMERAL", False))
        self._copy_mode: TCopyMode | None = copy_mode
        self._cache = MemoryDataset(copy_mode=copy_mode)
        self._lock = threading.RLock()
        self.metadata = metadata

    def load(self) -> Any:
        """Return the data from memory, or else from the dataset."""
        with self._lock:
            if self._cache.exists():
                return self._cache.load()
            data = self._dataset.load()
            if data is not None:
                self._cache.save(data)
            return data

    def save(self, data: Any) -> None:
        """Save to the dataset, then keep the data in memory."""
        with self._lock:
            self._dataset.save(data)
            self._cache.save(data)

    def confirm(self) -> None:
        """Confirm the dataset."""
        self._dataset.confirm()

    def _exists(self) -> bool:
        if self._cache.exists():
            return True
        inner = getattr(self._dataset, "exists", None)
        return bool(inner()) if callable(inner) else False

    def _release(self) -> None:
        self._cache.release()
        inner = getattr(self._dataset, "release", None)
        if callable(inner):
            inner()

    def _describe(self) -> dict[str, Any]:
        describe = getattr(self._dataset, "_describe", None)
        return {"dataset": type(self._dataset), **(describe() if callable(describe) else {})}

    def _init_config(self) -> dict[str, Any]:
        config = super()._init_config()
        inner = getattr(config["dataset"], "_init_config", None)
        return {**config, "dataset": inner()} if callable(inner) else config

    def __getstate__(self) -> dict[str, Any]:
        # A cache that travelled would be two caches, and its data is a load away.
        empty = MemoryDataset(copy_mode=self._copy_mode)
        return {**{key: value for key, value in self.__dict__.items() if key != "_lock"}, "_cache": empty}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.RLock())


def _made(dataset: Any, version: Version | None) -> Any:
    if isinstance(dataset, dict):
        if VERSIONED_FLAG_KEY in dataset:
            raise ValueError("'versioned' belongs to the entry of the CachedDataset, not to that of the dataset in it.")
        if version is None:
            return AbstractDataset.from_config("_cached", dataset)
        return AbstractDataset.from_config("_cached", {**dataset, VERSIONED_FLAG_KEY: True}, version.load, version.save)
    if isinstance(dataset, Dataset):
        return dataset
    raise ValueError(f"A CachedDataset takes a dataset or the entry of one, not a {type(dataset).__name__}.")
