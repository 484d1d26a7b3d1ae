"""A file of SQLite that threads and processes share, and what is done when it is damaged."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from pellucid._util.database import DatabaseFile, DatabaseProblem, NewerDatabase, Schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIRST = Schema({1: ("CREATE TABLE things (name TEXT PRIMARY KEY)",)})
SECOND = Schema({**FIRST.versions, 2: ("ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 0",)})
ELSEWHERE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM things").fetchall()
# Whoever is the last one, as far as the locks tell, removes the log on leaving, and with it the lock of a writer.
connection.close()
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO things VALUES ('theirs')")
    connection.execute("COMMIT")
    print("written")
except sqlite3.OperationalError as error:
    print(error)
connection.close()
"""


def soon(seconds: float = 60.0) -> float:
    return time.monotonic() + seconds


def add(name: str) -> Callable[[sqlite3.Connection], None]:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO things (name) VALUES (?)", (name,))

    return work


def names(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM things ORDER BY name")]


def made(path: Path, schema: Schema = FIRST) -> DatabaseFile:
    return DatabaseFile(path, schema, add("replaced"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".ours" / "things.db"


def test_what_is_written_is_read(path: Path) -> None:
    database = made(path)
    assert database.read(names, soon()) is None
    assert not path.parent.exists()
    database.write(add("a"), soon())
    assert database.read(names, soon()) == ["a"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["things.db"]


def test_a_file_of_an_earlier_version_is_brought_to_this_one_and_read(path: Path) -> None:
    made(path).write(add("a"), soon())
    later = made(path, SECOND)
    assert later.read(lambda found: found.execute("SELECT name, size FROM things").fetchall(), soon()) == [("a", 0)]
    later.write(add("b"), soon())
    assert later.read(names, soon()) == ["a", "b"]
    for attempt in (made(path).read, made(path).write):
        with pytest.raises(NewerDatabase, match="version 2") as caught:
            attempt(names, soon())
        assert (caught.value.version, caught.value.known) == (2, 1)


def test_a_file_of_an_earlier_version_that_cannot_be_changed_is_told(path: Path) -> None:
    made(path).write(add("a"), soon())
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseProblem, match="locked"):
            made(path, SECOND).read(names, soon(0.05))
    assert made(path).read(names, soon()) == ["a"]


@pytest.mark.processes
def test_a_thread_that_comes_and_goes_leaves_the_lock_of_another_one(path: Path) -> None:
    """Closing any descriptor of a file drops the locks of the process on it."""
    database = made(path)
    database.write(add("first"), soon())
    told = []

    def come_and_go() -> None:
        for attempt in (database.write, database.read):
            with contextlib.suppress(DatabaseProblem):
                attempt(names, soon(0.05))

    def work(connection: sqlite3.Connection) -> None:
        add("mine")(connection)
        other = threading.Thread(target=come_and_go)
        other.start()
        other.join()
        command = [sys.executable, "-c", ELSEWHERE, str(path)]
        told.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())

    database.write(work, soon())
    assert told == ["database is locked"]
    assert database.read(names, soon()) == ["first", "mine"]


def test_threads_that_find_a_damaged_file_replace_it_once(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database" * 500)
    with pytest.raises(DatabaseProblem) as caught:
        made(path).read(names, soon())
    assert caught.value.is_damaged
    barrier = threading.Barrier(4)

    def work(name: str) -> None:
        barrier.wait(60)
        made(path).write(add(name), soon())

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made(path).read(names, soon()) == ["a", "b", "c", "d", "replaced"]
    (aside,) = path.parent.glob("things.db.unusable-*")
    assert aside.read_bytes() == b"no database" * 500


def test_a_file_that_is_taken_away_between_two_looks_is_made_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database, connect = made(path), sqlite3.connect
    lost: list[Path] = []
    database.write(add("a"), soon())

    def lose_once(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        if not lost:
            lost.append(path.rename(path.with_name("gone")))
        connection: sqlite3.Connection = connect(*args, **kwargs)
        return connection

    monkeypatch.setattr(sqlite3, "connect", lose_once)
    database.write(add("b"), soon())
    assert database.read(names, soon()) == ["b"]
    lost.clear()
    assert database.read(names, soon()) is None
    assert not path.exists()


def test_a_file_system_without_links_has_it_made_in_place(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", refuse)
    made(path).write(add("a"), soon())
    assert made(path).read(names, soon()) == ["a"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["things.db"]


def test_faults_of_the_work_are_its_own(path: Path) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        add("a")(connection)
        raise FileNotFoundError("something else")

    with pytest.raises(FileNotFoundError, match="something else"):
        made(path).write(broken, soon())
    made(path).write(add("b"), soon())
    assert made(path).read(names, soon()) == ["b"]


def test_a_file_that_cannot_be_looked_at_is_told(path: Path) -> None:
    path.parent.parent.joinpath(".ours").touch()
    for attempt in (made(path).write, made(path).read):
        with pytest.raises(DatabaseProblem, match=r"things\.db"):
            attempt(names, soon())
