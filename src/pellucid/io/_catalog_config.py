"""From a catalog back to the configuration that makes it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pellucid.io._credentials import take_out
from pellucid.io._definition import VALIDATOR_KEY
from pellucid.io._lazy import LazyDataset, full_type_name
from pellucid.io.memory_dataset import MemoryDataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pellucid.io._validation import ValidatorSpec

logger = logging.getLogger("pellucid.io.data_catalog")

_MEMORY_TYPES = frozenset({"MemoryDataset", "SharedMemoryDataset"})


def write_config(
    datasets: Iterable[tuple[str, Any]], validators: Mapping[str, ValidatorSpec]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Return the entries of datasets, and apart from them their credentials.

    Datasets in memory are left out. So are those that cannot tell their configuration; a warning names each.

    Args:
        datasets: name and dataset, or what it was made from.
        validators: the validators of some of them.
    """
    entries: dict[str, dict[str, Any]] = {}
    credentials: dict[str, Any] = {}
    for name, dataset in datasets:
        config = _config_of(name, dataset)
        if config is None:
            continue
        entries[name] = take_out(name, config, credentials)
        if name in validators:
            entries[name][VALIDATOR_KEY] = validators[name].to_config()
    return entries, credentials


def _config_of(name: str, dataset: Any) -> Any:
    if isinstance(dataset, LazyDataset):
        in_memory = dataset.type_name.rpartition(".")[2] in _MEMORY_TYPES
        return None if in_memory else dataset.config
    if isinstance(dataset, MemoryDataset) or type(dataset).__name__ in _MEMORY_TYPES:
        return None
    describe: Callable[[], Any] | None = getattr(dataset, "_init_config", None)
    if describe is None:
        logger.warning(
            "The dataset '%s' (%s) cannot tell its configuration, and is left out.", name, full_type_name(type(dataset))
        )
        return None
    return describe()
