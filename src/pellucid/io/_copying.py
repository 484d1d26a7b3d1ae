"""How data that stays in memory is handed on: as it is, as a copy, or as a deep copy."""

from __future__ import annotations

import copy
from typing import Any, Literal

from pellucid.exceptions import DatasetError

TCopyMode = Literal["deepcopy", "copy", "assign"]
COPY_MODES: tuple[TCopyMode, ...] = ("deepcopy", "copy", "assign")

_COPIED_LIBRARIES = frozenset({"pandas", "numpy"})
# Frames of these are immutable, lazy, or too large to copy.
_ASSIGNED_LIBRARIES = frozenset({"dask", "duckdb", "ibis", "modin", "polars", "pyarrow", "pyspark", "snowflake"})
_IMMUTABLE = frozenset({str, bytes, int, float, complex, bool, type(None), range})


def is_immutable(data: Any) -> bool:
    """Tell whether data is a plain number, a text or the like."""
    return any(type(data) is each for each in _IMMUTABLE)


def infer_copy_mode(data: Any) -> TCopyMode:
    """Return how data is best copied, by its type; no library is imported for that."""
    kind = type(data)
    if kind in _IMMUTABLE:
        return "assign"
    for base in kind.__mro__[:-1]:
        library = base.__module__.partition(".")[0]
        if library in _COPIED_LIBRARIES:
            return "copy"
        if library in _ASSIGNED_LIBRARIES:
            return "assign"
    return "assign" if kind.__name__ == "DataFrame" else "deepcopy"


def copy_data(data: Any, mode: TCopyMode | None = None) -> Any:
    """Return the data to hand on.

    Args:
        data: anything.
        mode: how to copy; inferred from the type if None.
    """
    mode = mode or infer_copy_mode(data)
    if mode == "assign":
        return data
    if mode == "copy":
        own = getattr(data, "copy", None)
        return own() if callable(own) else copy.copy(data)
    return copy.deepcopy(data)


def check_copy_mode(mode: str) -> None:
    """Refuse a copy mode that there is not.

    Raises:
        DatasetError: names those that there are.
    """
    if mode not in COPY_MODES:
        raise DatasetError(f"There is no copy mode {mode!r}; it is one of {', '.join(map(repr, COPY_MODES))}.")
