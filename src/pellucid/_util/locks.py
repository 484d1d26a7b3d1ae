"""Exclusive locks on files, which the kernel frees when their process ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

# POSIX locks do not exclude the threads of one process, and closing a second descriptor of a locked file would drop
# its lock: so what this process holds has to be known before the file is opened. Keyed by pid, as a forked child
# inherits the entries and not the locks; setdefault is atomic, so there is no mutex that a fork could leave locked.
_held: dict[tuple[int, str], object] = {}

_BUSY = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK})
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})
_FAR = 1 << 40
"""Offset of the byte that is locked on Windows, where what is locked cannot be read."""


class FileLock:
    """An exclusive advisory lock on a file, between processes and between the threads of one.

    A forked child does not hold its parent's lock, and does not keep it alive.

    Args:
        path: the file; it is made if it is not there, readable for its owner alone.
        in_process: where the file system has no locks, hold it between the threads of this process alone.
    """

    def __init__(self, path: str | os.PathLike[str], *, in_process: bool = False) -> None:
        given = Path(path)
        # Not the path resolved as a whole: a link in place of the file is refused, not followed.
        self.path = str(given.parent.resolve() / given.name)
        self._in_process = in_process
        self._descriptor: int | None = None
        self._pid = 0

    @property
    def held(self) -> bool:
        """Tell whether this object holds the lock, in this process."""
        return self._descriptor is not None and self._pid == os.getpid()

    def acquire(self) -> bool:
        """Take the lock and note the process id in the file; return False, without waiting, if it is taken.

        On a full disk there is no note.

        Raises:
            OSError: the file cannot be opened, or its file system has no locks.
        """
        key = (os.getpid(), self.path)
        claim = object()
        if _held.setdefault(key, claim) is not claim:
            return False
        try:
            self._descriptor = _open_locked(self.path, self._in_process)
        finally:
            if self._descriptor is None:
                _held.pop(key, None)
        self._pid = key[0]
        return self._descriptor is not None

    def release(self, *, remove: bool = False) -> None:
        """Free the lock, if this process holds it.

        Args:
            remove: remove the file, too, while it is still locked.
        """
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        if self._pid != os.getpid():
            os.close(descriptor)
            return
        if remove and sys.platform != "win32":
            _unlink(self.path)
        os.close(descriptor)
        if remove and sys.platform == "win32":
            _unlink(self.path)
        _held.pop((self._pid, self.path), None)

    def holder(self) -> int | None:
        """Return the process id that was noted in the file, or None; it may have ended meanwhile."""
        key = (os.getpid(), self.path)
        claim = object()
        if _held.setdefault(key, claim) is not claim:
            return key[0]
        try:
            text = Path(self.path).read_text(encoding="ascii", errors="replace")[:20].strip()
        except OSError:
            return None
        finally:
            _held.pop(key, None)
        return int(text) if text.isdigit() else None

    def __enter__(self) -> Self:
        if not self.acquire():
            raise BlockingIOError(errno.EAGAIN, "locked by another process or thread", self.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def _unlink(path: str) -> None:
    with contextlib.suppress(OSError):
        Path(path).unlink()


def _open_locked(path: str, in_process: bool) -> int | None:
    """Return a descriptor that holds the lock, or None if another process has it."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    while True:
        descriptor = os.open(path, flags, 0o600)
        try:
            if not _is_locked(descriptor, path, in_process):
                os.close(descriptor)
                return None
            if _is_at(descriptor, path):
                with contextlib.suppress(OSError):
                    os.truncate(descriptor, 0)
                    os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        # The previous holder removed the file between our open and our lock.
        os.close(descriptor)


def _is_locked(descriptor: int, path: str, in_process: bool) -> bool:
    is_locked = lock_open(descriptor)
    if is_locked is None and not in_process:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), path)
    return is_locked is not False


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), Path(path).stat())
    except FileNotFoundError:
        return False


def lock_open(descriptor: int, *, is_shared: bool = False) -> bool | None:
    """Lock an open file, without waiting; return False if another process has it, None if there are no locks here.

    Args:
        descriptor: of the file, open for reading and writing.
        is_shared: beside others that have it shared; on Windows it never is.

    Raises:
        OSError: of the disk.
    """
    try:
        _lock(descriptor, is_shared)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        if error.errno in _NO_LOCKS:
            return None
        raise
    return True


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, is_shared: bool) -> None:
        del is_shared
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int, is_shared: bool) -> None:
        fcntl.lockf(descriptor, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
