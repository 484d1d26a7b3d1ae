"""The file of the run history."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from pellucid._util.database import DatabaseFile, DatabaseProblem, NewerDatabase
from pellucid.observability.history._errors import HistoryError, NewerHistoryError
from pellucid.observability.history._schema import HISTORY_SCHEMA

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

_T = TypeVar("_T")


class Database:
    """Does pieces of work in transactions, and says what goes wrong in words of the history.

    Each method raises a NewerHistoryError where the file is of a later version, and a HistoryError where it cannot be
    used, or is busy for too long.

    Args:
        path: the file; it and its folder are made when something is to be written.
        busy_seconds: how long to wait for another process that writes.
    """

    def __init__(self, path: Path, busy_seconds: float) -> None:
        self._file = DatabaseFile(path, HISTORY_SCHEMA, _count_set_aside)
        self._busy_seconds = busy_seconds

    def write(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do a piece of work in one write transaction; a damaged file is set aside before."""
        with _told():
            return self._file.write(work, self._wait_until)

    def read(self, work: Callable[[sqlite3.Connection], _T]) -> _T | None:
        """Do a piece of work in one read transaction on what there is; return None where there is nothing."""
        with _told():
            return self._file.read(work, self._wait_until)

    def give_back(self, pages: int) -> None:
        """Give room that is free back to the system, no more than so many pages of it."""
        statements = (f"PRAGMA incremental_vacuum({pages})", "PRAGMA wal_checkpoint(TRUNCATE)")
        with _told():
            self._file.execute(statements, self._wait_until)

    @property
    def _wait_until(self) -> float:
        return time.monotonic() + self._busy_seconds


def count(connection: sqlite3.Connection, name: str, more: int = 1) -> None:
    """Add to a counter of the file."""
    connection.execute(
        "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        (name, more),
    )


def _count_set_aside(connection: sqlite3.Connection) -> None:
    count(connection, "corrupt_files")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except NewerDatabase as error:
        raise NewerHistoryError(error.path, error.version, error.known) from error
    except DatabaseProblem as error:
        if error.is_damaged:
            text = f"is damaged: {error.reason}. The next run sets it aside and begins a new one."
        else:
            text = f"cannot be used: {error.reason}."
        raise HistoryError(f"The run history {error.path} {text}") from error
