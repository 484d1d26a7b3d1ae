"""Data that stays in the memory of one process."""

from __future__ import annotations

import logging
from typing import Any

from pellucid.exceptions import DatasetError
from pellucid.io._copying import TCopyMode, check_copy_mode, copy_data, infer_copy_mode, is_immutable
from pellucid.io._dataset import AbstractDataset, logger

__all__ = ["MemoryDataset", "TCopyMode"]


class _Nothing:
    """The absence of data, also after a trip to another process."""

    def __reduce__(self) -> str:
        return "_EMPTY"

    def __repr__(self) -> str:
        return "<unset>"


_EMPTY: Any = _Nothing()
_NO_ARGUMENTS: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})


class MemoryDataset(AbstractDataset[Any, Any]):
    """Keeps data in memory, and hands out copies so that a node cannot change what another one gets.

    Args:
        data: what it holds from the start; nothing if left out. None is data, too.
        copy_mode: "assign", "copy" or "deepcopy"; by the type of the data if None.
        metadata: for others' use.

    Raises:
        DatasetError: there is no such copy mode.
    """

    _EPHEMERAL = True
    _NOTES_ITS_CALL = True

    def __init__(
        self, data: Any = _EMPTY, copy_mode: TCopyMode | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        if copy_mode is not None:
            check_copy_mode(copy_mode)
        self._copy_mode = copy_mode
        self.metadata = metadata
        self._data = _EMPTY if data is _EMPTY else copy_data(data, copy_mode)
        if type(self) is not MemoryDataset:
            # The constructor of a subclass may have noted its own arguments.
            self.__dict__.setdefault("_init_call", ((data, copy_mode, metadata), {}))
        elif copy_mode is None and metadata is None:
            self._init_call = _NO_ARGUMENTS
        else:
            # Not the data: that would keep it alive after its release.
            self._init_call = ((), {"copy_mode": copy_mode, "metadata": metadata})

    def load(self) -> Any:
        """Return the data, copied as the copy mode says.

        Raises:
            DatasetError: there is none, or it cannot be copied.
        """
        if self._data is _EMPTY:
            raise DatasetError("This MemoryDataset holds no data: none was saved, or it was released.")
        return copy_data(self._data, self._copy_mode)

    def save(self, data: Any) -> None:
        """Keep the data, copied as the copy mode says."""
        self._data = copy_data(data, self._copy_mode)

    def _is_by_reference(self, *data: Any) -> bool:
        """Tell whether to load, or to save this data, is to hand on a reference and nothing else: nothing is logged."""
        if type(self) is not MemoryDataset or logger.isEnabledFor(logging.DEBUG):
            return False
        if data and not (self._data is _EMPTY or is_immutable(self._data)):
            return False  # what is let go of for it may call somebody's code
        try:
            return (self._copy_mode or infer_copy_mode(data[0] if data else self._data)) == "assign"
        except Exception:  # of a type that is unlike others
            return False

    def _exists(self) -> bool:
        return self._data is not _EMPTY

    def _release(self) -> None:
        self._data = _EMPTY

    def _init_config(self) -> dict[str, Any]:
        # Data is no configuration.
        return {name: value for name, value in super()._init_config().items() if name != "data"}

    def _describe(self) -> dict[str, Any]:
        return {} if self._data is _EMPTY else {"data": f"<{type(self._data).__name__}>"}
