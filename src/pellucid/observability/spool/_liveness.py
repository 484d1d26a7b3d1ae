"""Who lives: locks that the kernel frees when their process ends, what this process holds itself, and signs of life."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pellucid._util.locks import lock_open

if TYPE_CHECKING:
    from pathlib import Path

# POSIX locks do not exclude the process that holds them, and closing any descriptor of a locked file drops its lock. So
# what this process holds has to be known before a file is opened. Keyed by pid, as a forked child inherits the entries
# and not the locks; setting and removing an entry is atomic, so there is no mutex that a fork could leave locked.
_held: dict[tuple[int, tuple[int, int]], bool] = {}

_NS_PER_SECOND = 1_000_000_000
_MARK_NS = 618_033_989
"""What a sign is known by: no write, and no copy, gives a file a time with this part of a second."""

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
        # Shared, so that two who look at the same time do not take each other for its writer.
        is_locked = lock_open(descriptor, is_shared=True)
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


def give_sign(path: Path, now_ns: int) -> None:
    """Note that the writer of a segment lives, as the time of its file; the next write takes its place.

    Args:
        path: of the segment.
        now_ns: by the clock that its frames have their times from.

    Raises:
        OSError: of the disk.
    """
    # Never in the future.
    time_ns = (now_ns - _MARK_NS) // _NS_PER_SECOND * _NS_PER_SECOND + _MARK_NS
    os.utime(path, ns=(time_ns, time_ns))


def sign_of(status: os.stat_result) -> int:
    """Return the time of the sign that a segment was given after its last frame; 0 if there is none."""
    time_ns = status.st_mtime_ns
    return time_ns if time_ns % _NS_PER_SECOND == _MARK_NS else 0
