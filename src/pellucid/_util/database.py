"""Files of SQLite of our own: private, versioned, for threads and processes at once, set aside when damaged."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from pellucid._util.locks import FileLock
from pellucid._util.rows import Row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping

_T = TypeVar("_T")

_PAUSE_SECONDS = 0.01
_MOST_SET_ASIDE = 3
_STEPS_BETWEEN_CHECKS = 20_000
_SIDE_FILES = ("-wal", "-shm")
_NEVER = float("inf")


class DatabaseProblem(Exception):
    """A file cannot be used now.

    Args:
        path: the file.
        reason: why.
        is_damaged: whether it never will be.
    """

    def __init__(self, path: Path, reason: str, *, is_damaged: bool = False) -> None:
        self.path, self.reason, self.is_damaged = path, reason, is_damaged
        super().__init__(f"{path}: {reason}")


class NewerDatabase(DatabaseProblem):
    """A file was written by a later version.

    Args:
        path: the file.
        version: of its schema.
        known: the latest version that is understood here.
    """

    def __init__(self, path: Path, version: int, known: int) -> None:
        self.version, self.known = version, known
        super().__init__(path, f"it has schema version {version}, and up to version {known} is understood")


class _Unusable(Exception):
    """A file is to be set aside."""


class _Older(Exception):
    """A file is of an earlier version."""


class Schema(Row):
    """What is in a file.

    Attributes:
        versions: the statements that lead to each version from the one before it.
        application_id: SQLite's mark of whose file it is; 0 for none.
        replaces_others: set aside what is of a later version, or no file of this kind, instead of leaving it alone.
    """

    versions: Mapping[int, tuple[str, ...]]
    application_id: int = 0
    replaces_others: bool = False

    @property
    def latest(self) -> int:
        """The version of new files."""
        return max(self.versions)

    def prepare(self, connection: sqlite3.Connection) -> None:
        """Bring what is there to the latest version, within a transaction."""
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if not version and self.application_id:
            connection.execute(f"PRAGMA application_id = {self.application_id}")
        for each in range(version + 1, self.latest + 1):
            for statement in self.versions[each]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {each}")


class DatabaseFile:
    """Does pieces of work in transactions; the file is open only while it does.

    Nothing is inherited over a fork, and nothing stays locked. No descriptor of the file is opened here but by SQLite:
    closing one would drop all locks that this process has on the file, those of other threads among them.

    Args:
        path: the file; it and its folder are made when something is to be written, for their owner alone.
        schema: what is in it.
        on_replaced: called within the first transaction on a new file, when another had to be set aside for it.
    """

    def __init__(self, path: Path, schema: Schema, on_replaced: Callable[[sqlite3.Connection], None]) -> None:
        self.path = path.absolute()
        self._schema = schema
        self._on_replaced = on_replaced

    def write(self, work: Callable[[sqlite3.Connection], _T], wait_until: float, ends_at: float = _NEVER) -> _T:
        """Do a piece of work in one write transaction, again if that fails for what passes.

        A file that is damaged is set aside, and a new one is begun.

        Args:
            work: is given the connection; may be called again after it was rolled back.
            wait_until: how long to wait for others, of ``time.monotonic``.
            ends_at: when the work is broken off.

        Raises:
            NewerDatabase: the file is of a later version, and is left alone.
            DatabaseProblem: it cannot be done, or not in time; nothing was changed.
        """
        turn = _Turn(self.path, self._schema, work, self._on_replaced, wait_until, ends_at)
        return self._patiently(turn.take, wait_until)

    def read(self, work: Callable[[sqlite3.Connection], _T], wait_until: float) -> _T | None:
        """Do a piece of work in one read transaction on what there is; return None where there is nothing.

        A file of an earlier version is brought to this one before.

        Raises:
            NewerDatabase: the file is of a later version.
            DatabaseProblem: it is damaged, or cannot be read now; or it is of an earlier version, and is not to be
                changed.
        """

        def look() -> _T | None:
            if not _is_begun(self.path):
                return None
            with _opened(self.path, wait_until, _NEVER) as connection:
                return _transaction(connection, looked_at, "BEGIN")

        def looked_at(connection: sqlite3.Connection) -> _T | None:
            version = _version(connection, self.path, self._schema)
            if 0 < version < self._schema.latest:
                raise _Older
            return work(connection) if version else None

        try:
            return self._patiently(look, wait_until)
        except _Older:
            return self.write(work, wait_until)

    def execute(self, statements: tuple[str, ...], wait_until: float) -> None:
        """Execute what no transaction allows, such as giving room back.

        Raises:
            DatabaseProblem: it cannot be done now.
        """

        def work() -> None:
            with _opened(self.path, wait_until, _NEVER) as connection:
                for each in statements:
                    connection.execute(each).fetchall()

        self._patiently(work, wait_until)

    def _patiently(self, attempt: Callable[[], _T], wait_until: float) -> _T:
        import sqlite3

        while True:
            try:
                return attempt()
            except _Unusable as error:
                raise DatabaseProblem(self.path, str(error), is_damaged=True) from error
            except sqlite3.Error as error:
                # One that is not there was set aside by another process, between two looks at it.
                is_passing = _is_lock(error) or not self.path.exists()
                if not is_passing or time.monotonic() >= wait_until:
                    raise DatabaseProblem(self.path, str(error)) from error
                time.sleep(_PAUSE_SECONDS)


class _Turn(Generic[_T]):
    """One piece of work on a file, and what is done when the file cannot be used."""

    def __init__(
        self,
        path: Path,
        schema: Schema,
        work: Callable[[sqlite3.Connection], _T],
        on_replaced: Callable[[sqlite3.Connection], None],
        wait_until: float,
        ends_at: float,
    ) -> None:
        self._path = path
        self._schema = schema
        self._work = work
        self._on_replaced = on_replaced
        self._wait_until = wait_until
        self._ends_at = ends_at
        self._was_set_aside = False

    def take(self) -> _T:
        """Do the work; a file that cannot be used is set aside, if it still cannot be when nobody else looks at it."""
        with contextlib.suppress(_Unusable):
            return self._attempt()
        with _held(self._path.with_name(f"{self._path.name}.lock"), self._wait_until):
            with contextlib.suppress(_Unusable):
                return self._attempt()
            if not self._was_set_aside:
                with _told(self._path):
                    _set_aside(self._path)
                self._was_set_aside = True
            return self._attempt()

    def _attempt(self) -> _T:
        with _told(self._path):
            _make(self._path)
        with _opened(self._path, self._wait_until, self._ends_at) as connection:
            try:
                # First of all, so that nothing is changed in a file that is something else.
                if not _transaction(connection, self._checked, "BEGIN"):
                    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("PRAGMA journal_mode = WAL").fetchall()
                # A power cut may lose the last transactions, and damages nothing.
                connection.execute("PRAGMA synchronous = NORMAL")
                return _transaction(connection, self._prepared)
            except NewerDatabase as error:
                if self._schema.replaces_others:
                    raise _Unusable(error.reason) from error
                raise

    def _checked(self, connection: sqlite3.Connection) -> int:
        return _version(connection, self._path, self._schema)

    def _prepared(self, connection: sqlite3.Connection) -> _T:
        self._checked(connection)  # by now another process may have begun it, or be of a later version
        self._schema.prepare(connection)
        if self._was_set_aside:
            self._on_replaced(connection)
        return self._work(connection)


@contextlib.contextmanager
def _opened(path: Path, wait_until: float, ends_at: float) -> Iterator[sqlite3.Connection]:
    """Open a file that is there.

    Raises:
        _Unusable: it is damaged.
    """
    import sqlite3

    seconds = max(0.0, wait_until - time.monotonic())
    try:
        # Not to be made here: it would be readable for others.
        place = f"{path.as_uri()}?mode=rw"
        with contextlib.closing(sqlite3.connect(place, timeout=seconds, isolation_level=None, uri=True)) as connection:
            if ends_at < _NEVER:
                connection.set_progress_handler(lambda: time.monotonic() > ends_at, _STEPS_BETWEEN_CHECKS)
            connection.execute("PRAGMA trusted_schema = OFF")
            yield connection
    except sqlite3.DatabaseError as error:
        if _is_damage(error):
            raise _Unusable(str(error)) from error
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


def _version(connection: sqlite3.Connection, path: Path, schema: Schema) -> int:
    """Return the version of a file; 0 if there is nothing in it yet.

    Raises:
        NewerDatabase: it is of a later version.
        DatabaseProblem: it is a file of somebody else.
        _Unusable: it is one, and is to be set aside.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application == schema.application_id and version > schema.latest:
        raise NewerDatabase(path, version, schema.latest)
    if application == schema.application_id and version:
        return int(version)
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not (tables or version or application):
        return 0
    reason = "it is a database of something else"
    if schema.replaces_others:
        raise _Unusable(reason)
    raise DatabaseProblem(path, reason)


def _is_begun(path: Path) -> bool:
    with _told(path):
        try:
            return path.stat().st_size > 0
        except FileNotFoundError:
            return False


def _make(path: Path) -> None:
    """Make an empty file that is its owner's alone, if there is none.

    It gets its name when it is closed: closing any descriptor of a database drops the locks that this process has
    on it.
    """
    if path.exists():
        return
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.name.startswith(".") and folder.stat().st_mode & 0o077:
        with contextlib.suppress(OSError):
            folder.chmod(0o700)
    new = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.new")
    os.close(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    try:
        with contextlib.suppress(FileExistsError):
            _give_name(new, path)
    finally:
        new.unlink(missing_ok=True)


def _give_name(new: Path, path: Path) -> None:
    try:
        os.link(new, path)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links: then it is made in its place, if nobody else did so by now.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


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
    with _told(path):
        while not lock.acquire():
            if time.monotonic() >= until:
                raise DatabaseProblem(path, "locked by another process")
            time.sleep(_PAUSE_SECONDS)
    try:
        yield
    finally:
        lock.release(remove=True)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DatabaseProblem(path, error.strerror or str(error)) from error


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    import sqlite3

    # Of the exact class are "malformed" and "not a database"; the others are of permissions, room, locks and our own
    # mistakes, but for a table that should be there.
    text = str(error)
    return type(error) is sqlite3.DatabaseError or "no such table" in text or "unsupported file format" in text


def _is_lock(error: sqlite3.Error) -> bool:
    import sqlite3

    return isinstance(error, sqlite3.OperationalError) and "lock" in str(error)
