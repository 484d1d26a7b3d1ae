"""Data that several processes share."""

from __future__ import annotations

from typing import Any

from pellucid.exceptions import DatasetError
from pellucid.io._dataset import AbstractDataset

__all__ = ["SharedMemoryDataset"]


class SharedMemoryDataset(AbstractDataset[Any, Any]):
    """Keeps data where several processes can load it.

    Args:
        manager: gives it its place: ``manager.MemoryDataset()`` returns what loads and saves, and can be pickled.
    """

    _EPHEMERAL = True

    def __init__(self, manager: Any = None) -> None:
        self.shared_memory_dataset: Any = None
        if type(self) is SharedMemoryDataset:
            # What was recorded would be pickled, and a manager cannot be.
            self._init_call = ((), {})
        if manager is not None:
            self.set_manager(manager)

    def set_manager(self, manager: Any) -> None:
        """Take a new, empty place from a ``SharedMemoryArena``, or from anything else with ``MemoryDataset()``."""
        self.shared_memory_dataset = manager.MemoryDataset()

    def load(self) -> Any:
        """Return the data.

        Raises:
            DatasetError: there is none.
        """
        return self._place().load()

    def save(self, data: Any) -> None:
        """Keep the data.

        Raises:
            DatasetError: it cannot be pickled, or there is no room.
        """
        self._place().save(data)

    def _place(self) -> Any:
        if self.shared_memory_dataset is None:
            raise DatasetError("This SharedMemoryDataset has no place to keep data: call set_manager() first.")
        return self.shared_memory_dataset

    def _exists(self) -> bool:
        return self.shared_memory_dataset is not None and bool(self.shared_memory_dataset.exists())

    def _release(self) -> None:
        if self.shared_memory_dataset is not None:
            self.shared_memory_dataset.release()

    def _describe(self) -> dict[str, Any]:
        return {}
