"""Datasets and child processes for the tests of datasets."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pellucid.io.core import AbstractDataset, AbstractVersionedDataset

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Broken(AbstractDataset[Any, Any]):
    """Every operation fails."""

    def __init__(self, error: Exception, password: str | None = None) -> None:
        self.error = error
        self.password = password or "hunter22"

    def load(self) -> Any:
        raise self.error

    def save(self, data: Any) -> None:
        raise self.error

    def _exists(self) -> bool:
        raise self.error

    def _release(self) -> None:
        raise self.error


class OldStyle(AbstractDataset[Any, Any]):
    """Defines the private pair that datasets once had to define."""

    def __init__(self) -> None:
        self.kept: Any = None

    def _load(self) -> Any:
        return self.kept["found"]

    def _save(self, data: Any) -> None:
        self.kept = data

    def _describe(self) -> dict[str, Any]:
        return {"old": True}


class Foreign:
    """A dataset by its methods alone."""

    def __init__(self, data: Any = None) -> None:
        self.data = data

    def load(self) -> Any:
        return self.data

    def save(self, data: Any) -> None:
        self.data = data


class Plain(AbstractVersionedDataset[str, str]):
    """The smallest versioned dataset: a text file in an existing or new folder."""

    def __init__(self, filepath: Any, version: Any = None) -> None:
        super().__init__(filepath, version)

    def load(self) -> str:
        return _local(self._get_load_path()).read_text()

    def save(self, data: str) -> None:
        path = _local(self._get_save_path())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data)

    def _exists(self) -> bool:
        return _local(self._get_load_path()).exists()


class Louder(Plain):
    """Calls its parent's load and save."""

    def load(self) -> str:
        return super().load().upper()

    def save(self, data: str) -> None:
        super().save(f"{data}!")


def _local(path: Any) -> Path:
    from pathlib import Path

    return Path(path)


@contextmanager
def child(source: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run Python source in a process of its own; its standard input closes, and it is killed, at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", source, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    """Return the next line that a child prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()
