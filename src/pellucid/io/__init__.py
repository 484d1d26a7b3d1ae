"""Datasets and the catalog that holds them."""

from __future__ import annotations

from pellucid.exceptions import DatasetAlreadyExistsError, DatasetError, DatasetNotFoundError
from pellucid.io.cached_dataset import CachedDataset
from pellucid.io.catalog_config_resolver import CatalogConfigResolver
from pellucid.io.core import (
    AbstractDataset,
    AbstractVersionedDataset,
    CatalogProtocol,
    SharedMemoryCatalogProtocol,
    Version,
)
from pellucid.io.data_catalog import DataCatalog, SharedMemoryDataCatalog
from pellucid.io.memory_dataset import MemoryDataset
from pellucid.io.shared_memory_dataset import SharedMemoryDataset

__all__ = [
    "AbstractDataset",
    "AbstractVersionedDataset",
    "CachedDataset",
    "CatalogConfigResolver",
    "CatalogProtocol",
    "DataCatalog",
    "DatasetAlreadyExistsError",
    "DatasetError",
    "DatasetNotFoundError",
    "MemoryDataset",
    "SharedMemoryCatalogProtocol",
    "SharedMemoryDataCatalog",
    "SharedMemoryDataset",
    "Version",
]
