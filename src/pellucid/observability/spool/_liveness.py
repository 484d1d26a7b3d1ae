"""Who lives: locks that the kernel frees when their process ends, and what this process holds itself."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# POSIX locks do not exclude the process that holds them, and closing any descriptor of a locked file drops its lock. So
# what this process holds has to be known before a file is opened. Keyed by pid, as a forked child inherits the entries
# and not the locks; setting and removing an entry is atomic, so there is no mutex that a fork could leave locked.
_held: dict[tuple[int, object], object] = {}

_BUSY = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK})
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})
_FAR = 1 << 40
"""Offset of the byte that is locked on Windows, where what is locked cannot be read."""

_OPEN_FLAGS = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def own(status: os.stat_result) -> None:
    """Note that this process writes to a file, and has it locked."""
    _held[os.getpid(), (status.st_dev, status.st_ino)] = True


def disown(status: os.stat_result) -> None:
    """Note that this process does not write to a file any more."""
    _held.pop((os.getpid(), (status.st_dev, status.st_ino)), None)


def is_own(status: os.stat_result) -> bool:
    """Tell whether this process writes to a file."""
    return (os.getpid(), (status.st_dev, status.st_ino)) in _held


def lock(descriptor: int) -> bool | None:
    """Lock an open file, without waiting; return False if another process has it, None if there are no locks here.

    Raises:
        OSError: of the disk.
    """
    try:
        _lock(descriptor)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        if error.errno in _NO_LOCKS:
            return None
        raise
    return True


def is_dead(path: Path, pid: int) -> bool:
    """Tell whether no process writes to a file any more; one that is not there is dead.

    Args:
        path: the file.
        pid: of its writer; asked for where the file system has no locks.

    Raises:
        OSError: the file cannot be opened.
    """
    try:
        if is_own(path.stat()):
            return False
        descriptor = os.open(path, _OPEN_FLAGS)
    except FileNotFoundError:
        return True
    try:
        is_locked = lock(descriptor)
    finally:
        os.close(descriptor)
    return not _exists(pid) if is_locked is None else is_locked


def _exists(pid: int) -> bool:
    """Tell whether there is such a process; when in doubt there is."""
    if pid <= 0 or sys.platform == "win32":
        return pid > 0
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


class ExclusiveFile:
    """A lock between processes and between the threads of one, that needs no byte of disk.

    Args:
        path: the file; made if it is not there, and never removed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1
        self._key: tuple[int, object] = (0, "")

    def acquire(self) -> bool:
        """Take the lock; return False, without waiting, if it is taken.

        Raises:
            OSError: the file cannot be opened.
        """
        key = (os.getpid(), os.path.realpath(self.path))
        if _held.setdefault(key, self) is not self or self._descriptor >= 0:
            return False
        descriptor = -1
        try:
            descriptor = os.open(self.path, _OPEN_FLAGS | os.O_CREAT, 0o600)
            # Where there are no locks, this one holds within the process alone.
            if lock(descriptor) is not False:
                self._descriptor, self._key = descriptor, key
        finally:
            if self._descriptor < 0:
                if descriptor >= 0:
                    os.close(descriptor)
                del _held[key]
        return self._descriptor >= 0

    def release(self) -> None:
        """Free the lock, if it is held."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
            _held.pop(self._key, None)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
