"""One segment that this process appends to."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING

from pellucid._util.locks import lock_open
from pellucid.observability.spool import _liveness
from pellucid.observability.spool._layout import CLOSED_SUFFIX, UNFINISHED, make_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | os.O_EXCL
    | os.O_APPEND
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
)


class SegmentFile:
    """A new segment, locked by this process; it has its name once what it begins with is written.

    Args:
        path: of the segment.
        beginning: the frames that it begins with.

    Attributes:
        size: in bytes.
        beginning_bytes: of these, what it began with.
        started: when it was made, on the monotonic clock in seconds.
        ends: how many ended things are in it, by stream.

    Raises:
        OSError: it cannot be made; then nothing of it is left.
    """

    def __init__(self, path: Path, beginning: Iterable[bytes]) -> None:
        self.path = path
        self.size = 0
        self.started = time.monotonic()
        self.ends: dict[int, int] = {}
        make_folder(path.parent)
        # Windows renames no file that is open.
        first = path if sys.platform == "win32" else path.with_suffix(UNFINISHED)
        self.descriptor = os.open(first, _FLAGS, 0o600)
        self._status = os.fstat(self.descriptor)
        try:
            _liveness.own(self._status)
            lock_open(self.descriptor)
            self.append(b"".join(beginning))
            if first != path:
                first.rename(path)
        except BaseException:
            self.release()
            with contextlib.suppress(OSError):
                first.unlink()
            raise
        self.beginning_bytes = self.size

    def append(self, data: bytes) -> None:
        """Write bytes behind all others, all or none of them.

        Raises:
            OSError: of the disk.
        """
        offset = self.size
        count = os.write(self.descriptor, data)
        if count != len(data):
            self._complete(data, offset, count)
        self.size += len(data)

    def _complete(self, data: bytes, offset: int, count: int) -> None:
        """Write the rest of what was written in part, or take back the part."""
        try:
            while count < len(data):
                if os.fstat(self.descriptor).st_size != offset + count:
                    # A signal's frame came between: the reader skips the part, and finds the whole behind it.
                    count = 0
                    offset = os.fstat(self.descriptor).st_size
                count += os.write(self.descriptor, data[count:])
        except OSError:
            if os.fstat(self.descriptor).st_size == offset + count:
                os.ftruncate(self.descriptor, offset)
            raise

    def is_there(self) -> bool:
        """Tell whether the file still has a name; without, all in it is lost."""
        return os.fstat(self.descriptor).st_nlink > 0

    def sync(self) -> None:
        """Wait until all is on the disk.

        Raises:
            OSError: of the disk.
        """
        getattr(os, "fdatasync", os.fsync)(self.descriptor)

    def close_by_name(self) -> None:
        """Say by its name that there is no more, where there is no room for it in the file.

        Raises:
            OSError: of the disk.
        """
        self.path = self.path.rename(self.path.with_suffix(CLOSED_SUFFIX))

    def release(self) -> None:
        """Let others have it."""
        # Before it is closed, as then its inode may be another file's.
        _liveness.disown(self._status)
        self.forget()

    def forget(self) -> None:
        """Close it; all there is to do in a forked child, whose parent goes on writing to it."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)
