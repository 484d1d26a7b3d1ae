"""The catalog of a project's datasets."""

from __future__ import annotations

from pellucid.io._catalog import DataCatalog
from pellucid.io._definition import TYPE_KEY, VALIDATOR_KEY
from pellucid.io._lazy import LazyDataset as _LazyDataset
from pellucid.io._shared_catalog import SharedMemoryDataCatalog

__all__ = ["TYPE_KEY", "VALIDATOR_KEY", "DataCatalog", "SharedMemoryDataCatalog", "_LazyDataset"]
