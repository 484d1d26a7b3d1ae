"""What is told of a dataset beside its name; only what is cheap, and never by loading anything."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DatasetFacts", "is_parameter"]

_T = TypeVar("_T")
_TYPE = Attr.DATASET_TYPE
_MOST_KNOWN = 10_000
_HOW_IT_LOADS = ("load", "save", "get", "__getitem__", "is_by_reference")
_IN_MEMORY = "pellucid.io.memory_dataset.MemoryDataset"
"""The type that most have, which is nowhere but in memory."""


def is_parameter(name: str) -> bool:
    """Tell whether a dataset is the run's parameters, or one of them."""
    return name == "parameters" or name.startswith("params:")


class DatasetFacts:
    """Knows the datasets of one catalog; what does not change is worked out once, of the last few thousand.

    Attributes:
        is_brief: tells of a dataset, by its name and, for a save, the data, whether its load or save certainly takes
            no time and calls nobody's code.
    """

    def __init__(self, catalog: Any) -> None:
        from pellucid.io import DataCatalog

        self._catalog = catalog
        kind = type(catalog)
        # Whoever has a catalog of his own may do anything to load and save.
        is_usual = issubclass(kind, DataCatalog) and all(
            getattr(kind, each) is getattr(DataCatalog, each) for each in _HOW_IT_LOADS
        )
        self.is_brief: Callable[..., bool] = catalog.is_by_reference if is_usual else _never
        self._labels: dict[str, str] = {}
        self._known: dict[str, tuple[Any, str]] = {}

    def label(self, name: str) -> str:
        """Return the pattern of the catalog that the dataset was made by, or its name."""
        label = self._labels.get(name)
        if label is None:
            label = _bounded(self._labels)[name] = self._find_label(name)
        return label

    def _find_label(self, name: str) -> str:
        resolver = getattr(self._catalog, "config_resolver", None)
        if resolver is None or name in resolver.config:
            return name
        return resolver.match_dataset_pattern(name) or resolver.match_user_catch_all_pattern(name) or name

    def after(self, name: str, operation: str, data: Any) -> dict[str, Any]:
        """Return attributes of an operation that was done.

        Args:
            name: of the dataset.
            operation: "load" or "save".
            data: what was loaded or saved.
        """
        dataset, kind = self._known.get(name) or self._found(name)
        facts: dict[str, Any] = {_TYPE: kind}
        path, version = ("", "") if kind == _IN_MEMORY else _place(dataset, operation)
        if version:
            facts[Attr.DATASET_VERSION] = version
        if path:
            size = _size(path)
            if size is not None:
                facts[Attr.DATASET_BYTES] = size
        rows = _rows(data) if _may_have_rows(type(data).__module__) else None
        if rows is not None:
            facts[Attr.DATASET_ROWS] = rows
        return facts

    def _found(self, name: str) -> tuple[Any, str]:
        dataset = self._catalog[name]
        inner = getattr(dataset, "_dataset", dataset)  # a cached dataset wraps another one
        kind = type(inner)
        known = _bounded(self._known)[name] = (inner, f"{kind.__module__}.{kind.__qualname__}")
        return known


def _never(*_given: Any) -> bool:
    return False


def _bounded(known: dict[str, _T]) -> dict[str, _T]:
    """Return what is known with room for one more."""
    if len(known) >= _MOST_KNOWN:
        known.clear()
    return known


def _place(dataset: Any, operation: str) -> tuple[str, str]:
    """Return the local path that was read or written, and the version; empty texts where there is none."""
    if getattr(dataset, "_protocol", "file") != "file":
        return "", ""
    base = getattr(dataset, "_filepath", None)
    if base is None:
        return "", ""
    if getattr(dataset, "_version", None) is None:
        return str(base), ""
    version = dataset.resolve_load_version() if operation == "load" else dataset.resolve_save_version()
    return str(base / version / base.name), version


def _size(path: str) -> int | None:
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    return found.st_size if (found.st_mode & 0o170000) == 0o100000 else None


@lru_cache(maxsize=64)
def _may_have_rows(module: str) -> bool:
    """Tell whether objects of a type of this module may be tables: of pandas, polars or Arrow."""
    return module.partition(".")[0] in {"pandas", "polars", "pyarrow"}


def _rows(data: Any) -> int | None:
    """Return the number of rows of a table; None of anything else."""
    shape = getattr(data, "shape", None)
    if type(shape) is tuple and shape and type(shape[0]) is int:
        return shape[0]
    return None
