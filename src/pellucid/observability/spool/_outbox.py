"""What is to be delivered."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid._util.values import values
from pellucid.observability.spool._exclusion import exclusive
from pellucid.observability.spool._layout import (
    ACTIVE,
    OUTBOX,
    QUARANTINE,
    REASON,
    SUFFIX,
    files_in,
    make_folder,
)
from pellucid.observability.spool._segment import Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pellucid.observability.spool._segment import Unbundle


@values(frozen=True)
class Kept:
    """How much is kept somewhere.

    Attributes:
        segments: how many.
        size_bytes: of all.
        oldest_ns: when the oldest was last written to, in nanoseconds since the epoch; None if there is none.
    """

    segments: int
    size_bytes: int
    oldest_ns: int | None


class OutboxQueue:
    """The segments of which one signal is to be delivered.

    Args:
        root: the folder of the spool.
        signal: ``traces`` or ``logs``.
        unbundle: makes of a bundle what is in it.
    """

    def __init__(self, root: Path, signal: str, unbundle: Unbundle | None = None) -> None:
        self.signal = signal
        self.path = root / OUTBOX / signal
        self._root = root
        self._unbundle = unbundle

    @property
    def lock_path(self) -> Path:
        """The file that is locked while somebody delivers."""
        return self._root / f"deliver-{self.signal}.lock"

    def __iter__(self) -> Iterator[Segment]:
        """Iterate over all, as `items` does, without waiting."""
        return self.items()

    def items(self, wait_seconds: float = 0.0) -> Iterator[Segment]:
        """Iterate over the segments, oldest first, while nobody else does; close the iterator to be done early.

        Args:
            wait_seconds: for somebody else who does.

        Raises:
            SpoolBusy: somebody else does.
            OSError: of the disk.
        """
        if not files_in(self.path):
            return
        with exclusive(self.lock_path, wait_seconds):
            for entry in files_in(self.path):
                # One that is still active was not collected to the end, and will be linked to again.
                if not (self._root / ACTIVE / entry.name).exists():
                    yield self.segment(entry.name)

    def segment(self, name: str) -> Segment:
        """Return the segment of a name."""
        return Segment(self._root, self.path / name, unbundle=self._unbundle)

    def remove(self, item: Segment) -> None:
        """Be done with a segment that was delivered.

        Raises:
            OSError: of the disk.
        """
        item.path.unlink(missing_ok=True)

    def quarantine(self, item: Segment, reason: str) -> None:
        """Set a segment aside that nobody will ever accept.

        Raises:
            OSError: of the disk.
        """
        item.set_aside(reason)

    def take_back(self) -> int:
        """Have what was set aside as refused tried again; return how many segments that are.

        Raises:
            OSError: of the disk.
        """
        ending, count = f".{self.signal}{SUFFIX}", 0
        for entry in files_in(self._root / QUARANTINE, ending):
            make_folder(self.path)
            with contextlib.suppress(FileNotFoundError):
                Path(entry.path).replace(self.path / f"{entry.name.removesuffix(ending)}{SUFFIX}")
                count += 1
            Path(entry.path + REASON).unlink(missing_ok=True)
        return count

    def kept(self) -> Kept:
        """Return how much is waiting.

        Raises:
            OSError: of the disk.
        """
        return kept_in(self.path)


def kept_in(folder: Path) -> Kept:
    """Return how much there is of the segments of a folder."""
    return kept_of(folder / entry.name for entry in files_in(folder))


def kept_of(paths: Iterable[Path]) -> Kept:
    """Return how many files there are, how large they are, and when the oldest was written to."""
    count, size, oldest = 0, 0, None
    for path in paths:
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        count += 1
        size += status.st_size
        oldest = status.st_mtime_ns if oldest is None else min(oldest, status.st_mtime_ns)
    return Kept(count, size, oldest)
