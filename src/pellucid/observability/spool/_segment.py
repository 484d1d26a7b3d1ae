"""A segment that nobody writes to any more, as it is read."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

from pellucid.observability.spool._frames import BUNDLE, FORMAT_VERSION, HEADER_KEY, Frame, FrameKind, FrameReader
from pellucid.observability.spool._layout import (
    ACTIVE,
    OUTBOX,
    QUARANTINE,
    REASON,
    SUFFIX,
    TEMPORARY,
    TORN_SUFFIX,
    make_folder,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from typing import TypeAlias

    from pellucid.observability.spool._outbox import OutboxQueue

    Unbundle: TypeAlias = Callable[[Frame], Iterable[Frame]]


_MOST_KEPT_BYTES = 16 * 1024 * 1024


class Segment:
    """One segment: its frames, and what may be done with it.

    Args:
        root: the folder of the spool.
        path: of the file.
        damaged_bytes: if that is known.
        unbundle: makes of a bundle what is in it; None leaves bundles as they are.

    Attributes:
        name: of the file; the same in the outboxes.
        path: of the file.
    """

    def __init__(
        self, root: Path, path: Path, damaged_bytes: int | None = None, unbundle: Unbundle | None = None
    ) -> None:
        self.name = path.name
        self.path = path
        self._root = root
        self._damaged_bytes = damaged_bytes
        self._unbundle = unbundle
        self._header: dict[str, Any] | None = None
        self._frames: tuple[Frame, ...] | None = None

    @property
    def header(self) -> dict[str, Any]:
        """What its writer said of itself.

        Of an unreadable one, what is sure: that its frames are to be kept here, and delivered nowhere.

        Raises:
            OSError: the file cannot be read.
        """
        if self._header is None:
            with self.path.open("rb") as file:
                self._header = header_of(next(iter(FrameReader(file)), None)) or {
                    "v": FORMAT_VERSION,
                    "pid": parse(self.name).pid,
                    "session_id": "",
                    "is_worker": False,
                    "resource": {},
                    "traces": False,
                    "logs": False,
                    "history": True,
                    "metrics": True,
                }
        return self._header

    @property
    def damaged_bytes(self) -> int:
        """How many bytes of it cannot be read, but for a last frame that was never finished.

        Raises:
            OSError: the file cannot be read.
        """
        if self._damaged_bytes is None:
            for _ in self.frames():
                break  # those of a file of usual size are all read by now
        if self._damaged_bytes is None:
            with self.path.open("rb") as file:
                reader = FrameReader(file)
                for _ in reader:
                    pass
            self._damaged_bytes = reader.damaged_bytes
        return self._damaged_bytes

    @property
    def is_torn(self) -> bool:
        """Whether its writer was killed in the middle of a write."""
        return self.name.endswith(TORN_SUFFIX)

    @property
    def size_bytes(self) -> int:
        """How large the file is; 0 if it is not there."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def frames(self) -> Iterator[Frame]:
        """Read its frames, in the order in which they were written; what is damaged is left out.

        In place of a bundle comes what is in it.

        Those of a file of usual size are read once, and kept.

        Raises:
            OSError: the file cannot be read.
        """
        return self._unbundled(self.kept_frames())

    def kept_frames(self) -> Iterator[Frame]:
        """Read its frames with its bundles as they are.

        Raises:
            OSError: the file cannot be read.
        """
        if self._frames is None and 0 < self.size_bytes <= _MOST_KEPT_BYTES:
            with self.path.open("rb") as file:
                reader = FrameReader(file)
                self._frames = tuple(reader)
            self._damaged_bytes = reader.damaged_bytes
        if self._frames is not None:
            yield from self._frames
            return
        with self.path.open("rb") as file:
            yield from FrameReader(file)

    def _unbundled(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        unbundle = self._unbundle
        if unbundle is None:
            yield from frames
            return
        for frame in frames:
            if frame.stream < BUNDLE:
                yield frame
            else:
                yield from unbundle(frame)

    def as_kept(self) -> KeptSegment:
        """Return it with its bundles as they are."""
        return KeptSegment(self)

    def forget(self) -> None:
        """Keep nothing of what was read in memory."""
        self._frames = self._header = None

    def link_to(self, outbox: OutboxQueue | str) -> None:
        """Put it into an outbox, too; there it shows once it is removed here. May be repeated.

        Args:
            outbox: or the name of its signal.

        Raises:
            OSError: of the disk.
        """
        signal = outbox if isinstance(outbox, str) else outbox.signal
        target = self._root / OUTBOX / signal / self.name
        make_folder(target.parent)
        try:
            os.link(self.path, target, follow_symlinks=False)
        except FileExistsError:
            return
        except (OSError, NotImplementedError):
            # A file system without links, or one with as many as it can have.
            import shutil

            temporary = target.with_name(target.name + TEMPORARY)
            shutil.copy2(self.path, temporary)
            temporary.replace(target)

    def remove(self) -> None:
        """Be done with it; one that is damaged is set aside instead.

        Raises:
            OSError: of the disk.
        """
        if self.damaged_bytes:
            self.set_aside(f"{self.damaged_bytes} bytes cannot be read")
        else:
            self.path.unlink(missing_ok=True)

    def set_aside(self, reason: str) -> None:
        """Move it to where what nobody can use is kept for people to look at.

        Args:
            reason: kept beside it.

        Raises:
            OSError: of the disk.
        """
        folder = self._root / QUARANTINE
        make_folder(folder)
        place = self.path.parent.name
        name = self.name if place in (ACTIVE, QUARANTINE) else f"{self.name.removesuffix(SUFFIX)}.{place}{SUFFIX}"
        with contextlib.suppress(OSError):
            _write_private(folder / (name + REASON), f"{reason[:1000]}\n".encode("utf-8", "replace"))
        self.path.replace(folder / name)


class KeptSegment:
    """A segment whose frames are given as they were written: with its bundles as they are.

    Args:
        segment: the segment.
    """

    def __init__(self, segment: Segment) -> None:
        self.name = segment.name
        self._segment = segment

    @property
    def header(self) -> dict[str, Any]:
        """That of the segment."""
        return self._segment.header

    def frames(self) -> Iterator[Frame]:
        """Yield its frames, in order.

        Raises:
            OSError: the file cannot be read.
        """
        return self._segment.kept_frames()


def _write_private(path: Path, data: bytes) -> None:
    """Write a small file that nobody else may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def header_of(frame: Frame | None) -> dict[str, Any] | None:
    """Return what a header says, or None if it is none."""
    if frame is None or frame.kind is not FrameKind.HEADER:
        return None
    if frame.stream != FORMAT_VERSION or frame.key != HEADER_KEY:
        return None
    try:
        header = json.loads(frame.payload)
    except (ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) else None
