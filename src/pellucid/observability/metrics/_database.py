"""The file of the totals: opened for each piece of work, bounded in time, set aside when it cannot be used."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pellucid._util.locks import FileLock
from pellucid.exceptions import PellucidError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

_T = TypeVar("_T")

SCHEMA_VERSION = 1

_APPLICATION_ID = 0x70656C6D
_SCHEMA = (
    """CREATE TABLE series (
        metric TEXT NOT NULL, labels TEXT NOT NULL, state TEXT NOT NULL, seen_ns INTEGER NOT NULL,
        PRIMARY KEY (metric, labels)
    ) WITHOUT ROWID""",
    "CREATE TABLE segments (name TEXT PRIMARY KEY, taken_ns INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX segments_by_time ON segments (taken_ns)",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

DEFAULT_SECONDS = 5.0
_PAUSE_SECONDS = 0.01
_MOST_SET_ASIDE = 3
_STEPS_BETWEEN_CHECKS = 20_000
_SIDE_FILES = ("-wal", "-shm")


class TotalsError(PellucidError, OSError):
    """The totals cannot be read or written now: no permission, no room, or no turn before the deadline."""


class _UnusableFileError(Exception):
    """The file is damaged, of a later version, or no file of totals at all."""


class Database:
    """Does pieces of work in transactions, in a file or in memory.

    A file is opened for each of them: nothing is inherited over a fork, and nothing stays locked.

    Args:
        path: the file; None keeps everything in memory.
        on_set_aside: called within the first transaction on a new file, when another one had to be set aside for it.
    """

    def __init__(self, path: Path | None, on_set_aside: Callable[[sqlite3.Connection], None]) -> None:
        self._path = path
        self._on_set_aside = on_set_aside
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
        if self._path is None:
            return self._in_memory(work)
        return self._in_file(self._path, work, until)

    def _in_memory(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        import sqlite3

        with self._lock:
            if self._memory is None:
                self._memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            return _transaction(self._memory, lambda each: _prepared(each, work))

    def close(self) -> None:
        """Forget what is in memory; a file needs no closing."""
        with self._lock:
            if self._memory is not None:
                self._memory.close()
                self._memory = None

    def _in_file(self, path: Path, work: Callable[[sqlite3.Connection], _T], until: float) -> _T:
        import sqlite3

        turn = _Turn(path, work, self._on_set_aside, until)
        while True:
            try:
                return turn.take()
            except TotalsError:
                raise
            except (_UnusableFileError, sqlite3.Error, OSError) as error:
                if not _is_passing(error) or time.monotonic() >= until:
                    raise TotalsError(f"{path}: {error}") from error
                time.sleep(_PAUSE_SECONDS)


class _Turn(Generic[_T]):
    """One piece of work on a file, and what is done when the file cannot be used."""

    def __init__(
        self,
        path: Path,
        work: Callable[[sqlite3.Connection], _T],
        on_set_aside: Callable[[sqlite3.Connection], None],
        until: float,
    ) -> None:
        self._path = path
        self._work = work
        self._on_set_aside = on_set_aside
        self._until = until
        self._was_set_aside = False

    def take(self) -> _T:
        """Do the work; a file that cannot be used is set aside, if it still cannot be when nobody else looks at it."""
        with contextlib.suppress(_UnusableFileError):
            return self._attempt()
        with _held(self._path.with_name(f"{self._path.name}.lock"), self._until):
            with contextlib.suppress(_UnusableFileError):
                return self._attempt()
            if not self._was_set_aside:
                _set_aside(self._path)
                self._was_set_aside = True
            return self._attempt()

    def _attempt(self) -> _T:
        return _attempt(self._path, self._all_work, self._until)

    def _all_work(self, connection: sqlite3.Connection) -> _T:
        if self._was_set_aside:
            self._on_set_aside(connection)
        return self._work(connection)


def _attempt(path: Path, work: Callable[[sqlite3.Connection], _T], until: float) -> _T:
    import sqlite3

    _make(path)
    left = max(0.0, until - time.monotonic())
    with contextlib.closing(sqlite3.connect(path, timeout=left, isolation_level=None)) as connection:
        connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS_BETWEEN_CHECKS)
        try:
            # First of all, so that nothing is changed in a file that is something else.
            _transaction(connection, _is_empty, "BEGIN")
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            connection.execute("PRAGMA synchronous = NORMAL")
            return _transaction(connection, lambda each: _prepared(each, work))
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                raise _UnusableFileError(str(error)) from error
            raise


def _transaction(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], _T], begin: str = "BEGIN IMMEDIATE"
) -> _T:
    connection.execute(begin)
    try:
        done = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return done


def _prepared(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], _T]) -> _T:
    if _is_empty(connection):
        for statement in _SCHEMA:
            connection.execute(statement)
    return work(connection)


def _is_empty(connection: sqlite3.Connection) -> bool:
    """Tell whether there is nothing in the file yet.

    Raises:
        _UnusableFileError: there is something else in it than totals.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if (version, application) == (SCHEMA_VERSION, _APPLICATION_ID):
        return False
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables or version or application:
        raise _UnusableFileError(f"not a file of totals of version {SCHEMA_VERSION}")
    return True


def _make(path: Path) -> None:
    """Make an empty file that is its owner's alone, if there is none.

    It gets its name when it is closed: closing any descriptor of a database drops the locks that this process has
    on it.
    """
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.new")
    os.close(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    try:
        with contextlib.suppress(FileExistsError):
            os.link(new, path)
    finally:
        new.unlink(missing_ok=True)


def _set_aside(path: Path) -> None:
    """Rename a file and what belongs to it, and remove all but the last few that were renamed so before."""
    place = path.with_name(f"{path.name}.unusable-{time.time_ns():020d}")
    for suffix in ("", *_SIDE_FILES):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{place}{suffix}")
    names = {
        each.name.removesuffix("-wal").removesuffix("-shm") for each in path.parent.glob(f"{path.name}.unusable-*")
    }
    for old in sorted(names)[:-_MOST_SET_ASIDE]:
        for suffix in ("", *_SIDE_FILES):
            path.with_name(f"{old}{suffix}").unlink(missing_ok=True)


@contextlib.contextmanager
def _held(path: Path, until: float) -> Iterator[None]:
    lock = FileLock(path)
    while not lock.acquire():
        if time.monotonic() >= until:
            raise TotalsError(f"{path}: locked by another process")
        time.sleep(_PAUSE_SECONDS)
    try:
        yield
    finally:
        lock.release(remove=True)


def _is_damage(error: Exception) -> bool:
    import sqlite3

    # Of the exact class are "malformed" and "not a database"; the others are of permissions, room, locks and our own
    # mistakes, but for a table that should be there.
    return type(error) is sqlite3.DatabaseError or "no such table" in str(error)


def _is_passing(error: Exception) -> bool:
    import sqlite3

    return isinstance(error, sqlite3.OperationalError) and "lock" in str(error)


def rows(connection: sqlite3.Connection, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """Return all rows of a query."""
    return connection.execute(statement, arguments).fetchall()
