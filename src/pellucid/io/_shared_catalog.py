"""The catalog of a run in several processes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from pellucid.exceptions import DatasetError
from pellucid.io._catalog import DataCatalog
from pellucid.io._lazy import full_type_name
from pellucid.io._names import is_ephemeral, is_single_process
from pellucid.io._redaction import redact_urls, show_error
from pellucid.io.cached_dataset import CachedDataset
from pellucid.io.memory_dataset import MemoryDataset
from pellucid.io.shared_memory_dataset import SharedMemoryDataset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pellucid.io._resolver import Patterns

logger = logging.getLogger("pellucid.io.data_catalog")


class SharedMemoryDataCatalog(DataCatalog):
    """A catalog whose intermediate datasets hold their data where all processes of a run reach it."""

    default_runtime_patterns: ClassVar[Patterns] = {"{default}": {"type": "pellucid.io.SharedMemoryDataset"}}

    _manager: Any = None

    def set_manager_datasets(self, manager: Any) -> None:
        """Tell all shared-memory datasets where their data goes, those that are made later included.

        Args:
            manager: what ``SharedMemoryDataset.set_manager`` takes.
        """
        with self._lock:
            self._manager = manager
            for dataset in self._datasets.values():
                if isinstance(dataset, SharedMemoryDataset):
                    dataset.set_manager(manager)

    def _enter(self, name: str, dataset: Any) -> None:
        has_no_place = isinstance(dataset, SharedMemoryDataset) and dataset.shared_memory_dataset is None
        if has_no_place and self._manager is not None:
            dataset.set_manager(self._manager)
        super()._enter(name, dataset)

    def __getstate__(self) -> dict[str, Any]:
        # A place goes along with its dataset; the means to make new ones stays with its owner.
        return {**super().__getstate__(), "_manager": None}

    def share_memory_outputs(self, names: Iterable[str]) -> None:
        """Put shared-memory datasets in place of those in the memory of this process, so that their data arrives here.

        Call it after ``set_manager_datasets``. Data that such a dataset has already goes along.

        Args:
            names: the outputs of a pipeline; those that the catalog does not have, or that are not in memory, stay.

        Raises:
            DatasetError: a dataset keeps its data in memory in a way of its own; names it and its type.
        """
        for name in names:
            dataset = self.get(name)
            if type(dataset) is MemoryDataset or _caches_memory(dataset):
                self._share(name, dataset)
            elif is_ephemeral(dataset) and not isinstance(dataset, SharedMemoryDataset):
                raise DatasetError(
                    f"The dataset '{name}' ({full_type_name(type(dataset))}) keeps its data in the memory of one "
                    "process, and several are to be used. Use a SharedMemoryDataset, a file, or another runner."
                )

    def _share(self, name: str, dataset: Any) -> None:
        shared = SharedMemoryDataset()
        with self._lock:
            self._enter(name, shared)
            if dataset.exists():
                shared.save(dataset.load())

    def validate_catalog(self) -> None:
        """Make sure that every dataset which has been made can be handed to another process.

        Raises:
            AttributeError: some cannot; the message names each with its reason.
        """
        reasons = {name: _why_not(dataset) for name, dataset in list(self._datasets.items())}
        problems = [f"  '{name}': {reason}" for name, reason in reasons.items() if reason]
        if problems:
            raise AttributeError(
                "These datasets cannot be used by several processes:\n"
                + "\n".join(problems)
                + "\nUse other datasets or another runner. Functions that are kept as data must be importable by name."
            )


def _caches_memory(dataset: Any) -> bool:
    """Tell whether a dataset caches one that is itself in memory: of two copies, none would reach this process."""
    return isinstance(dataset, CachedDataset) and is_ephemeral(getattr(dataset, "_dataset", None))


def _why_not(dataset: Any) -> str | None:
    """Return why a dataset cannot be handed to another process, or None if it can."""
    import pickle

    kind = full_type_name(type(dataset))
    if is_single_process(dataset):
        return f"{kind} is made for one process"
    try:
        pickle.Pickler(_Discard(), protocol=pickle.HIGHEST_PROTOCOL).dump(dataset)
    except Exception as error:
        return f"{kind} cannot be pickled: {redact_urls(show_error(error))}"
    return None


class _Discard:
    """A file that keeps nothing: to find out whether something pickles costs no memory."""

    def write(self, data: Any) -> int:
        return len(data)
