"""JSON files."""

from __future__ import annotations

from typing import Any, ClassVar

from pellucid.io.datasets._files import FileDataset

__all__ = ["JSONDataset"]


class JSONDataset(FileDataset[Any, Any]):
    """A JSON file: ``load_args`` are those of ``json.load``, ``save_args`` those of ``json.dump``."""

    DEFAULT_SAVE_ARGS: ClassVar[dict[str, Any]] = {"indent": 2}

    def _read(self, path: str) -> Any:
        import json

        with self._opened_to_read(path) as file:
            return json.load(file, **self._load_args)

    def _write(self, path: str, data: Any) -> None:
        import json

        with self._opened_to_write(path) as file:
            json.dump(data, file, **self._save_args)
