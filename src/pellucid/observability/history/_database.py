"""The file of the run history: opened safely, with the tables of this version."""

from __future__ import annotations

import os
import stat
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from pellucid.observability.history._errors import HistoryError, NewerHistoryError
from pellucid.observability.history._schema import LATEST, MIGRATIONS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

_SIDES = ("-wal", "-shm")
_CORRUPT = ("malformed", "not a database", "file is encrypted", "unsupported file format")


class CorruptHistoryError(HistoryError):
    """The file is no database, or a damaged one."""


class Database:
    """Opens the file for one piece of work at a time, and closes it again.

    Args:
        path: the file; it and its folder are made when something is to be written.
        busy_seconds: how long to wait for another process that writes.
    """

    def __init__(self, path: Path, busy_seconds: float) -> None:
        self.path = path
        self._busy_seconds = busy_seconds
        self._opened_file = 0  # the number of the file that was last opened

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Hold one write transaction: committed at the end, rolled back on an error.

        A corrupt file is set aside before it, and a new one is begun.

        Raises:
            NewerHistoryError: the file is of a later version.
            HistoryError: the file cannot be written to, or is busy for too long.
        """
        with self._told(), closing(self._opened_or_new()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                _migrate(connection, self.path)
                yield connection
            except BaseException:
                with suppress(Exception):
                    connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Hold one read transaction on what there is; None where there is nothing.

        Raises:
            NewerHistoryError: the file is of a later version.
            HistoryError: the file cannot be read.
        """
        if not self.path.exists() or not self.path.stat().st_size:
            yield None
            return
        with self._told(), closing(self._connected()) as connection:
            connection.execute("BEGIN")
            version = _version(connection)
            if version > LATEST:
                raise NewerHistoryError(self.path, version, LATEST)
            yield connection if version == LATEST else None
            connection.rollback()

    @contextmanager
    def outside_transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold a connection for upkeep that a transaction does not allow."""
        with self._told(), closing(self._connected()) as connection:
            yield connection

    def set_aside(self) -> Path | None:
        """Rename the file that was last opened, with what belongs to it, and return where it is now.

        None if somebody else did so before: what is in its place by now is not the corrupt one.
        """
        target = self.path.with_name(f"{self.path.name}.corrupt-{time.time_ns()}")
        try:
            if self.path.stat().st_ino != self._opened_file:
                return None
            self.path.rename(target)
        except FileNotFoundError:
            return None
        for side in _SIDES:
            with suppress(OSError):
                self.path.with_name(self.path.name + side).rename(target.with_name(target.name + side))
        self._keep_few_corrupt()
        return target

    # ------------------------------------------------------------------ opening

    def _opened_or_new(self) -> sqlite3.Connection:
        try:
            return self._created()
        except CorruptHistoryError:
            self.set_aside()
        connection = self._created()
        connection.execute("BEGIN IMMEDIATE")
        _migrate(connection, self.path)
        count(connection, "corrupt_files")
        connection.commit()
        return connection

    def _created(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if stat.S_IMODE(self.path.parent.stat().st_mode) & 0o077 and self.path.parent.name.startswith("."):
            with suppress(OSError):
                self.path.parent.chmod(0o700)
        # SQLite gives its other files the mode of this one.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        is_new = not self.path.stat().st_size
        with self._told():
            connection = self._connected()
            try:
                if is_new:
                    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("SELECT count(*) FROM sqlite_master")
            except BaseException:
                connection.close()
                raise
        return connection

    def _connected(self) -> sqlite3.Connection:
        import sqlite3

        self._opened_file = self.path.stat().st_ino
        connection = sqlite3.connect(self.path, timeout=self._busy_seconds, isolation_level=None)
        try:
            # What a run left is in the spool until a transaction here is complete; a power cut may lose the last ones.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA trusted_schema = OFF")
        except BaseException:  # it is no database, as some versions of SQLite see at once
            connection.close()
            raise
        return connection

    def _keep_few_corrupt(self, most: int = 3) -> None:
        found = sorted(self.path.parent.glob(f"{self.path.name}.corrupt-*"), key=lambda each: each.name)
        files = [each for each in found if not each.name.endswith(_SIDES)]
        for old in files[:-most]:
            for each in (old, *(old.with_name(old.name + side) for side in _SIDES)):
                each.unlink(missing_ok=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        import sqlite3

        try:
            yield
        except sqlite3.DatabaseError as error:
            text = str(error)
            if any(each in text for each in _CORRUPT):
                raise CorruptHistoryError(
                    f"The run history {self.path} is damaged: {text}. The next run sets it aside and begins a new one."
                ) from error
            raise HistoryError(f"The run history {self.path} cannot be used: {text}.") from error
        except OSError as error:
            raise HistoryError(f"The run history {self.path} cannot be used: {error.strerror or error}.") from error


def count(connection: sqlite3.Connection, name: str, more: int = 1) -> None:
    """Add to a counter of the file."""
    connection.execute(
        "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        (name, more),
    )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version > LATEST:
        raise NewerHistoryError(path, version, LATEST)
    for each in range(version + 1, LATEST + 1):
        for statement in MIGRATIONS[each]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {each}")
