"""One process at a time."""

from __future__ import annotations

import errno
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pellucid._util.locks import FileLock
from pellucid.observability.spool._layout import make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_POLL_SECONDS = 0.01


class SpoolBusy(BlockingIOError):
    """Another process, or thread, is at it.

    Args:
        path: the lock that it holds.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EAGAIN, "another process is at it", str(path))


@contextmanager
def exclusive(path: Path, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold a lock.

    Raises:
        SpoolBusy: it was taken for so long.
        OSError: the lock cannot be made.
    """
    make_folder(path.parent)
    lock = FileLock(path, in_process=True)
    give_up_at = time.monotonic() + wait_seconds
    while not lock.acquire():
        if time.monotonic() >= give_up_at:
            raise SpoolBusy(path)
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        lock.release()
