"""Parquet files."""

from __future__ import annotations

from typing import Any

from pellucid.io.datasets._tables import PANDAS, TableDataset, library

__all__ = ["ParquetDataset"]


class ParquetDataset(TableDataset):
    """A Parquet file, as a frame of pandas or polars; pandas needs pyarrow for it."""

    def _read(self, path: str) -> Any:
        return library(self._engine_to_load()).read_parquet(path, **self._load_args)

    def _write(self, path: str, data: Any) -> None:
        if self._engine_to_save(data) == PANDAS:
            data.to_parquet(path, **self._save_args)
        else:
            (data.collect() if hasattr(data, "collect") else data).write_parquet(path, **self._save_args)
