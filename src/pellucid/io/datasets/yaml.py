"""YAML files."""

from __future__ import annotations

from typing import Any, ClassVar

from pellucid.io.datasets._files import FileDataset

__all__ = ["YAMLDataset"]


class YAMLDataset(FileDataset[Any, Any]):
    """A YAML file of plain data: it is read and written by the safe loader and dumper of PyYAML."""

    DEFAULT_SAVE_ARGS: ClassVar[dict[str, Any]] = {"default_flow_style": False, "sort_keys": False}

    def _read(self, path: str) -> Any:
        import yaml

        with self._opened_to_read(path) as file:
            return yaml.safe_load(file)

    def _write(self, path: str, data: Any) -> None:
        import yaml

        with self._opened_to_write(path) as file:
            yaml.safe_dump(data, file, **self._save_args)
