"""Checks of the databases of telemetry, which change nothing in them."""

from __future__ import annotations

import stat
import time
from contextlib import closing, contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from pellucid.observability._cli._runs_text import counted, size
from pellucid.observability._cli._telemetry_check import Check
from pellucid.observability.flow import TOTALS_PATH
from pellucid.observability.history import HISTORY_SCHEMA
from pellucid.observability.metrics import TOTALS_SCHEMA

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pellucid._util.database import Schema
    from pellucid.observability.options import Options

_SECONDS = 5.0
"""How long a large file is looked through."""
_STEPS_BETWEEN_LOOKS = 20_000
_IN_HISTORY = MappingProxyType({"run": "SELECT count(*) FROM runs", "unsorted file": "SELECT count(*) FROM inbox"})
_IN_TOTALS = MappingProxyType({"series": "SELECT count(*) FROM series", "uncounted file": "SELECT count(*) FROM inbox"})


class _Store(NamedTuple):
    """One database.

    Attributes:
        name: what it is called.
        path: of the file.
        schema: what should be in it.
        counting: nouns, each with the question how many of these are in it; the first one's may be in others, too.
        fate: what becomes of a file that cannot be used.
    """

    name: str
    path: Path
    schema: Schema
    counting: Mapping[str, str]
    fate: str


class _UnusableError(Exception):
    """A database is not as it should be; the texts are those of a check."""

    def __init__(self, text: str, hint: str) -> None:
        self.text, self.hint = text, hint
        super().__init__(text)


def check_stores(project_path: Path, options: Options) -> Iterator[Check]:
    """Check that the databases that are written to can be opened, are of a known version, and not damaged."""
    fate = "The next run sets it aside and begins a new one."
    if options.history.enabled:
        path = project_path / options.history.path
        yield _checked(_Store("run history", path, HISTORY_SCHEMA, _IN_HISTORY, fate))
    if options.metrics.enabled:
        path = project_path / TOTALS_PATH
        yield _checked(_Store("totals", path, TOTALS_SCHEMA, _IN_TOTALS, fate))


def last_taken_ns(path: Path) -> int | None:
    """Return when a history took something or a run in it ended, whichever is later; None if that cannot be told.

    In nanoseconds since the epoch.
    """
    import sqlite3

    try:
        if not path.stat().st_size:
            return None
        with _looking_at(path) as connection:
            found = connection.execute(
                "SELECT max(ended) FROM runs UNION ALL SELECT max(taken_ns) FROM segments"
            ).fetchall()
    except (OSError, sqlite3.Error):
        return None
    return max((time_ns for (time_ns,) in found if isinstance(time_ns, int)), default=None)


def _checked(store: _Store) -> Check:
    import sqlite3

    try:
        return Check("OK", store.name, _told(store))
    except FileNotFoundError:
        return Check("OK", store.name, f"{store.path} is made by the first run")
    except (_UnusableError, OSError, sqlite3.Error) as error:
        return _problem(error, store)


def _problem(error: Exception, store: _Store) -> Check:
    import sqlite3

    state: Literal["WARN", "FAIL"] = "FAIL"
    if isinstance(error, _UnusableError):
        text, hint = error.text, error.hint
    elif isinstance(error, OSError):
        text, hint = f"cannot be read: {error.strerror or error}", "Allow it."
    elif not isinstance(error, sqlite3.OperationalError):
        text, hint = f"is damaged: {error}", store.fate
    elif "locked" in str(error):
        state, text, hint = "WARN", "is locked by another process", "Runs keep what it should get."
    else:
        text, hint = f"cannot be opened: {error}", "See its permissions, and those of its folder."
    return Check(state, store.name, f"{store.path} {text}.", hint)


def _told(store: _Store) -> str:
    """Look through a file, and return what is to be told of it.

    Raises:
        _UnusableError: it is not as it should be.
        sqlite3.Error: it cannot be read.
        OSError: it is not there, or cannot be looked at.
    """
    import sqlite3

    before = store.path.stat()
    if not stat.S_ISREG(before.st_mode):
        raise _UnusableError("is no file", "Move it away.")
    if not before.st_size:
        return f"{store.path} is empty until the first run"
    try:
        return _looked_through(store)
    except (_UnusableError, sqlite3.Error):
        if store.path.stat().st_mtime_ns == before.st_mtime_ns:
            raise
        return _looked_through(store)  # it was written to meanwhile


def _looked_through(store: _Store) -> str:
    with _looking_at(store.path) as connection:
        version = _version(connection, store)
        faults = _faults(connection)
        if faults:
            raise _UnusableError(f"is damaged: {faults}", store.fate)
        counts = list(_counts(connection, store)) if version == store.schema.latest else []
        (pages,), (page,) = (connection.execute(f"PRAGMA {each}").fetchone() for each in ("page_count", "page_size"))
    text = ", ".join([str(store.path), f"schema version {version}", *counts, size(pages * page)])
    if faults is None:
        text = f"{text}; not looked through to its end within {_SECONDS:g} s"
    if version < store.schema.latest:
        text = f"{text}; the next run brings it to version {store.schema.latest}"
    return text


def _counts(connection: sqlite3.Connection, store: _Store) -> Iterator[str]:
    for place, (noun, question) in enumerate(store.counting.items()):
        (count,) = connection.execute(question).fetchone()
        if not place:
            yield counted(count, noun)
        elif count:
            yield f"more in {counted(count, noun)}"


def _version(connection: sqlite3.Connection, store: _Store) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    schema = store.schema
    if application == schema.application_id and version > schema.latest:
        hint = store.fate if schema.replaces_others else "Use the later pellucid that wrote it, or move it away."
        raise _UnusableError(f"has schema version {version}; here up to {schema.latest} is understood", hint)
    missing = sorted(_tables_of(schema) - _tables(connection)) if version == schema.latest else []
    if application != schema.application_id or not version or missing:
        lacking = f" (without the tables {', '.join(missing)})" if missing else ""
        hint = store.fate if schema.replaces_others else "Move it away, or set another path."
        raise _UnusableError(f"is a database of something else{lacking}", hint)
    return int(version)


def _faults(connection: sqlite3.Connection) -> str | None:
    """Return the first fault that is found, nothing if there is none, or None if that takes too long."""
    import sqlite3

    ends_at = time.monotonic() + _SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > ends_at, _STEPS_BETWEEN_LOOKS)
    try:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if "interrupt" not in str(error):
            raise
        return None
    finally:
        connection.set_progress_handler(None, 0)
    return "" if found == "ok" else " ".join(str(found).split())


def _tables_of(schema: Schema) -> set[str]:
    import sqlite3

    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.prepare(connection)
        return _tables(connection)


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@contextmanager
def _looking_at(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file to be read alone.

    Where nobody has it open, as there is no log beside it, SQLite is told that nobody will: else it would make one.
    """
    import sqlite3

    is_in_use = path.with_name(f"{path.name}-wal").exists()
    place = f"{path.absolute().as_uri()}?mode=ro{'' if is_in_use else '&immutable=1'}"
    with closing(sqlite3.connect(place, timeout=1.0, isolation_level=None, uri=True)) as connection:
        connection.execute("PRAGMA trusted_schema = OFF")
        yield connection
