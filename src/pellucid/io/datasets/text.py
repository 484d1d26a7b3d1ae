"""Text files."""

from __future__ import annotations

from pellucid.io.datasets._files import FileDataset

__all__ = ["TextDataset"]


class TextDataset(FileDataset[str, str]):
    """A text file, as one string; UTF-8 unless ``fs_args`` says otherwise."""

    def _read(self, path: str) -> str:
        with self._opened_to_read(path, newline="") as file:
            text: str = file.read()
        return text

    def _write(self, path: str, data: str) -> None:
        with self._opened_to_write(path, newline="") as file:
            file.write(data)
