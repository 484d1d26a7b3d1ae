"""Where the totals are: in a file, or in memory."""

from __future__ import annotations

import threading
import time
import weakref
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from pellucid._util.database import DatabaseFile, DatabaseProblem, Schema
from pellucid.exceptions import PellucidError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

_T = TypeVar("_T")

DEFAULT_SECONDS = 5.0

TOTALS_SCHEMA = Schema(
    versions=MappingProxyType(
        {
            1: (
                """CREATE TABLE series (
                    metric TEXT NOT NULL, labels TEXT NOT NULL, state TEXT NOT NULL, seen_ns INTEGER NOT NULL,
                    PRIMARY KEY (metric, labels)
                ) WITHOUT ROWID""",
                # Events that were taken, and are not counted yet: one a line.
                "CREATE TABLE inbox (number INTEGER PRIMARY KEY, events BLOB NOT NULL)",
                "CREATE TABLE segments (name TEXT PRIMARY KEY, taken_ns INTEGER NOT NULL) WITHOUT ROWID",
                "CREATE INDEX segments_by_time ON segments (taken_ns)",
            ),
        }
    ),
    application_id=0x70656C6D,
    # Counters that begin at 0 again are what Prometheus expects of a restart; ones that stand still are not.
    replaces_others=True,
)


class TotalsError(PellucidError, OSError):
    """The totals cannot be read or written now: no permission, no room, or no turn before the deadline."""


class Database:
    """Does pieces of work in transactions, in a file or in memory.

    Args:
        path: the file; None keeps everything in memory.
        on_set_aside: called within the first transaction on a new file, when another one had to be set aside for it.
    """

    def __init__(self, path: Path | None, on_set_aside: Callable[[sqlite3.Connection], None]) -> None:
        self._file = None if path is None else DatabaseFile(path, TOTALS_SCHEMA, on_set_aside)
        self._lock = threading.Lock()
        self._memory: sqlite3.Connection | None = None

    def do(self, work: Callable[[sqlite3.Connection], _T], deadline: float | None) -> _T:
        """Do a piece of work in one transaction, again if that fails for what passes.

        Args:
            work: is given the connection; may be called again after it was rolled back.
            deadline: of ``time.monotonic``; None is some seconds from now.

        Raises:
            TotalsError: it cannot be done, or not before the deadline.
        """
        until = time.monotonic() + DEFAULT_SECONDS if deadline is None else deadline
        if self._file is None:
            return self._in_memory(work)
        try:
            return self._file.write(work, until, until)
        except DatabaseProblem as error:
            raise TotalsError(str(error)) from error

    def _in_memory(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        import sqlite3

        with self._lock:
            if self._memory is None:
                self._memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
                # Whoever has no file need not close anything.
                weakref.finalize(self, self._memory.close)
                TOTALS_SCHEMA.prepare(self._memory)
            with self._memory:
                self._memory.execute("BEGIN")
                return work(self._memory)

    def close(self) -> None:
        """Forget what is in memory; a file needs no closing."""
        with self._lock:
            if self._memory is not None:
                self._memory.close()
                self._memory = None


def rows(connection: sqlite3.Connection, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """Return all rows of a query."""
    return connection.execute(statement, arguments).fetchall()
