"""Datasets and validators for the tests of the catalog."""

from __future__ import annotations

import threading
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from pellucid.io.core import AbstractDataset, AbstractVersionedDataset, Version
from pellucid.io.memory_dataset import MemoryDataset

HERE = "tests.support.io_catalog"


class NoteDataset(AbstractDataset[Any, Any]):
    """Keeps a text in a file, and everything that it was made with."""

    def __init__(
        self,
        filepath: str,
        credentials: dict[str, Any] | None = None,
        load_args: dict[str, Any] | None = None,
        metadata: Any = None,
    ) -> None:
        self.filepath, self.credentials, self.load_args, self.metadata = filepath, credentials, load_args, metadata
        self.released = self.confirmed = 0

    def load(self) -> str:
        return Path(self.filepath).read_text(encoding="utf-8")

    def save(self, data: str) -> None:
        Path(self.filepath).write_text(data, encoding="utf-8")

    def _exists(self) -> bool:
        return Path(self.filepath).exists()

    def _release(self) -> None:
        self.released += 1

    def confirm(self) -> None:
        self.confirmed += 1


class VersionedNoteDataset(AbstractVersionedDataset[str, str]):
    """A text in a file for each version."""

    def __init__(self, filepath: str, version: Version | None = None, credentials: Any = None) -> None:
        super().__init__(PurePosixPath(filepath), version)

    def load(self) -> str:
        return Path(self._get_load_path()).read_text(encoding="utf-8")

    def save(self, data: str) -> None:
        path = Path(self._get_save_path())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data, encoding="utf-8")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}


class ForeignDataset:
    """A dataset of nobody's family: it loads and saves, and that is all."""

    def __init__(self, data: Any = None) -> None:
        self.data = data

    def load(self) -> Any:
        if isinstance(self.data, Exception):
            raise self.data
        return self.data

    def save(self, data: Any) -> None:
        if data == "refused":
            raise OSError("no room at https://user:hunter2@host/x")
        self.data = data


class CountingDataset(MemoryDataset):
    """Counts how often it is made, and takes its time until all who want it are there."""

    made: ClassVar[list[int]] = []
    all_there: ClassVar[threading.Event] = threading.Event()

    def __init__(self) -> None:
        super().__init__()
        if not self.all_there.wait(timeout=30):
            raise TimeoutError("not all of them came")
        self.made.append(threading.get_ident())


class AskingDataset(MemoryDataset):
    """Asks a catalog for a dataset while it is being made."""

    catalog: ClassVar[Any] = None

    def __init__(self, other: str) -> None:
        super().__init__()
        self.other = self.catalog[other]


class SingleProcessDataset(MemoryDataset):
    _SINGLE_PROCESS = True


class EphemeralForeignDataset(ForeignDataset):
    _EPHEMERAL = True


class RefusingModel:
    """Like a model of pandera: a class that is used as it is."""

    @classmethod
    def validate(cls, data: Any, *, head: int = 0) -> Any:
        if head:
            return data[:head]
        raise ValueError("not valid")


class Scaler:
    def __init__(self, factor: int = 2) -> None:
        self.factor = factor

    def validate(self, data: int) -> int:
        return data * self.factor


class WithoutValidate:
    pass


scaler = Scaler(5)
a_number = 5


def double(data: int) -> int:
    return data * 2


def look(data: Any) -> None:
    """Return nothing: the data stays as it is."""


def refuse(data: Any) -> None:
    raise ValueError(f"{data} is not valid")


class Counter:
    """Counts what it sees."""

    seen: ClassVar[list[Any]] = []

    def validate(self, data: Any) -> Any:
        self.seen.append(data)
        return data
