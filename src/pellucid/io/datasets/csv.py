"""CSV files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pellucid.exceptions import DatasetError
from pellucid.io.datasets._tables import AUTO, PANDAS, POLARS, ROWS, TableDataset, library

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["CSVDataset"]


class CSVDataset(TableDataset):
    """A CSV file, as a frame of pandas or polars, or as rows.

    Engine "rows" needs no library: it loads a list of dictionaries of strings and saves a list of dictionaries;
    ``load_args`` and ``save_args`` are those of ``csv.DictReader`` and ``csv.DictWriter``.
    """

    ENGINES: ClassVar[tuple[str, ...]] = (AUTO, PANDAS, POLARS, ROWS)

    def _read(self, path: str) -> Any:
        engine = self._engine_to_load()
        if engine == ROWS:
            return self._read_rows(path)
        return library(engine).read_csv(path, **self._load_args)

    def _write(self, path: str, data: Any) -> None:
        engine = self._engine_to_save(data)
        if engine == PANDAS:
            data.to_csv(path, **{"index": False, "mode": self._open_args_save.get("mode", "w"), **self._save_args})
        elif engine == POLARS:
            (data.collect() if hasattr(data, "collect") else data).write_csv(path, **self._save_args)
        else:
            self._write_rows(path, data)

    def _read_rows(self, path: str) -> list[dict[str, Any]]:
        import csv

        with self._opened_to_read(path, newline="") as file:
            return list(csv.DictReader(file, **self._load_args))

    def _write_rows(self, path: str, rows: Sequence[Mapping[str, Any]]) -> None:
        import csv

        rows = list(rows)
        if not all(hasattr(row, "keys") for row in rows):
            raise DatasetError("A CSVDataset saves rows as dictionaries, one for each row.")
        names = list(dict.fromkeys(name for row in rows for name in row))
        with self._opened_to_write(path, newline="") as file:
            writer = csv.DictWriter(file, **{"fieldnames": names, **self._save_args})
            writer.writeheader()
            writer.writerows(rows)
