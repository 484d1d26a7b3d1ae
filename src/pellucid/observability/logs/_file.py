"""A file of log lines that several processes append to, rotated by one of them."""

from __future__ import annotations

import errno
import os
import threading
import time
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from pellucid._util.locks import FileLock
from pellucid._util.texts import text_of
from pellucid.observability.logs._forks import call_in_forks

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.observability.logs._entry import Entry

__all__ = ["FileSink"]

_STEP_BYTES = 32 * 1024
_LOOK_SECONDS = 1.0
_RETRY_SECONDS = 5.0
_MOST_TIMES, _LEAST_ROOM = 10, 16 * 1024 * 1024  # its largest size, where it cannot be rotated


class FileSink:
    """Appends JSON lines, each by one write, so that lines of several processes do not mix.

    The main process renames the file when it is full (``x.jsonl`` to ``x.jsonl.1`` and so on) under a lock that
    concurrent runs respect; the others notice by the inode. A full disk or a folder that cannot be written costs the
    lines, counted, and nothing else.

    Args:
        path: of the file; its folder is made.
        most_bytes: its size from which it is rotated.
        count: how many older files are kept; 0 keeps none.
        rotates: whether this process does that.
    """

    def __init__(self, path: Path, most_bytes: int, count: int, *, rotates: bool) -> None:
        self.path = path
        self.dropped = 0
        self.rotates = rotates
        self._most = max(1, most_bytes)
        self._highest = max(self._most * _MOST_TIMES, _LEAST_ROOM)
        self._count = max(0, count)
        self._descriptor = -1
        self._inode = (0, 0)
        self._step = max(1, min(_STEP_BYTES, self._most // 16))
        # How many bytes are appended, and until when, before the file is looked at: none to one that is not open.
        self._room = 0
        self._look_at = 0.0
        self._open_at = 0.0
        self._is_torn = False
        self._is_closed = False
        self._notice = ""
        self._was_told = False
        self._renew_lock()
        call_in_forks(self._renew_lock)

    def _renew_lock(self) -> None:
        self._lock = threading.RLock()

    def write(self, entry: Entry) -> bool:
        """Append a line."""
        return self.write_line(entry.line())

    def write_line(self, line: bytes) -> bool:
        """Append a line."""
        with self._lock:
            try:
                if self._room > 0 and time.monotonic() < self._look_at:
                    self._put(line)
                else:
                    self._append(line)
            except OSError as error:
                self._room = 0
                self.dropped += 1
                self._told(error)
        return self._notice != ""

    def take_notice(self) -> str:
        """Return that lines are lost, once."""
        notice, self._notice = self._notice, ""
        return notice

    def close(self, deadline: float) -> None:
        """Close the file."""
        del deadline  # nothing waits here
        with self._lock:
            self._is_closed = True
            self._let_go()

    def _append(self, line: bytes) -> None:
        now = time.monotonic()
        if self._descriptor < 0:
            self._open(now)
        else:
            self._look(now)
        if self._descriptor < 0:
            self.dropped += 1
            return
        self._put(b"\n" + line if self._is_torn else line)

    def _put(self, data: bytes) -> None:
        written = os.write(self._descriptor, data)
        if written < len(data):  # a full disk takes a part; the next line must not continue it
            self._is_torn = True
            raise OSError(errno.ENOSPC, "the disk is full")
        self._is_torn = False
        self._room -= written

    def _open(self, now: float) -> None:
        if self._is_closed or now < self._open_at:
            return
        self._open_at = now + _RETRY_SECONDS
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # O_NONBLOCK: a named pipe without a reader is refused instead of waited for.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        self._descriptor = os.open(self.path, flags, 0o600)
        status = os.fstat(self._descriptor)
        self._inode = (status.st_dev, status.st_ino)
        self._room, self._look_at = 0 if status.st_size else self._step, now + _LOOK_SECONDS
        self._open_at = 0.0

    def _look(self, now: float) -> None:
        """See whether the file is full, or is another one by now."""
        self._room, self._look_at = self._step, now + _LOOK_SECONDS
        status = self._status()
        if status is not None and self.rotates and status.st_size >= self._most:
            status = self._rotated()
        if status is not None and status.st_size >= self._highest:
            raise OSError(errno.EFBIG, "it is full, and cannot be rotated")
        if status is None or (status.st_dev, status.st_ino) != self._inode:
            self._let_go()
            self._open(now)

    def _status(self) -> os.stat_result | None:
        try:
            return self.path.stat()
        except FileNotFoundError:
            return None

    def _rotated(self) -> os.stat_result | None:
        with suppress(OSError):  # that it cannot be rotated costs no line as long as it is not far too large
            self._rotate()
        return self._status()

    def _rotate(self) -> None:
        lock = FileLock(self.path.with_suffix(".lock"))
        if not lock.acquire():  # another run is at it
            return
        try:
            status = self._status()  # another run may have been faster
            if status is not None and status.st_size >= self._most:
                self._shift()
        finally:
            lock.release()

    def _shift(self) -> None:
        if not self._count:
            self.path.unlink(missing_ok=True)
            return
        names = [self.path]
        while len(names) <= self._count and names[-1].exists():
            names.append(self.path.with_name(f"{self.path.name}.{len(names)}"))
        for old, new in reversed(list(pairwise(names))):
            old.replace(new)

    def _let_go(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor, self._room = self._descriptor, -1, 0
            os.close(descriptor)

    def _told(self, error: OSError) -> None:
        if not self._was_told:
            self._was_told = True
            self._notice = f"Log lines cannot be written to {self.path}: {text_of(error, 300)}"
