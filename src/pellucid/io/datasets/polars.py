"""Tables as frames of polars."""

from __future__ import annotations

from typing import ClassVar

from pellucid.io.datasets import csv, parquet

__all__ = ["CSVDataset", "ParquetDataset"]


class CSVDataset(csv.CSVDataset):
    """A CSV file, as a frame of polars."""

    ENGINES: ClassVar[tuple[str, ...]] = ("polars",)


class ParquetDataset(parquet.ParquetDataset):
    """A Parquet file, as a frame of polars."""

    ENGINES: ClassVar[tuple[str, ...]] = ("polars",)
