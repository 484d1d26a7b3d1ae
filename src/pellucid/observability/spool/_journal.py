"""What one process has written, what it has open, and what became of the disk."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import time
from typing import TYPE_CHECKING

from pellucid.observability.spool._frames import BUNDLE, HEADER_KEY, FrameKind, counted, encode, header_frame
from pellucid.observability.spool._layout import ACTIVE, process_name, segment_name
from pellucid.observability.spool._limits import SpoolFullError
from pellucid.observability.spool._pace import SLOW_SECONDS, DiskPace
from pellucid.observability.spool._segment_file import SegmentFile
from pellucid.observability.spool._usage import used_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from pellucid.observability.spool._limits import Limits

    Entry: TypeAlias = tuple[int, int, bytes, bytes]
    """A frame: its kind, stream and key, and all its bytes."""

_START = int(FrameKind.START)
_END = int(FrameKind.END)

_monotonic = time.monotonic

_LOOK_SECONDS = 1.0
_LEAST_ALLOWANCE_BYTES = 64 * 1024
_RESERVE_BYTES = 256 * 1024
_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 5.0
_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})


class Journal:
    """The segments of one process; the caller sees to it that one thread at a time is in it.

    A signal may interrupt `write` and call it again, unless `is_changing`.

    Args:
        folder: of the spool.
        header: JSON; its ``pid`` is made this process's.
        limits: of the spool.
        now_ns: tells the time of frames.
        on_drop: told the stream of ENDs that are lost, and how many they are; raises nothing.

    Attributes:
        written: ENDs that are in a segment, by stream.
        dropped: ENDs that are lost, by stream.
        is_degraded: whether frames are refused, until the disk is tried again.
        is_changing: whether the segment is being replaced or repaired.
        is_writing: whether a frame is being appended; `close` has to wait.
        pace: of the disk.
        rolls: how many segments were rolled over.
        news: faults that nobody was told of yet.
    """

    def __init__(
        self,
        folder: Path,
        header: bytes,
        limits: Limits,
        now_ns: Callable[[], int],
        on_drop: Callable[[int, int], object] | None = None,
    ) -> None:
        self.written: dict[int, int] = {}
        self.dropped: dict[int, int] = {}
        self.is_degraded = False
        self.is_changing = False
        self.is_writing = False
        self.pace = DiskPace()
        self.rolls = 0
        self.news: list[tuple[str, BaseException]] = []
        self._folder = folder
        self._header = header
        self._limits = limits
        self._now_ns = now_ns
        self._on_drop = on_drop
        self._process = process_name(now_ns())
        self._sequence = 0
        self._file: SegmentFile | None = None
        self._open: dict[tuple[int, bytes], bytes] = {}
        self._missing: set[tuple[int, bytes]] = set()
        self._lost: list[tuple[int, bytes]] = []
        self._is_plain = False
        self._is_broken = False
        self._is_limited = False
        self._look_at = 0.0
        self._roll_at = math.inf
        self._most_bytes = 0
        self._wait = 0.0
        self._retry_at = 0.0
        self._told: set[str] = set()
        # What is being written, and how large the file is with it; an exception of a signal may have cut that off.
        self._in_hand: tuple[Sequence[Entry], int] | None = None

    def quick(self, entries: Sequence[Entry], data: bytes) -> bool:
        """Append frames by one write, if there is nothing else to do or to look after; else do nothing.

        Args:
            entries: the frames.
            data: all their bytes.
        """
        file = self._file
        begun = _monotonic()
        if (
            not self._is_plain
            or self.is_writing
            or self.is_changing
            or file is None
            or self._in_hand is not None
            or begun >= self._look_at
            or begun >= self._roll_at
            or file.size + len(data) > self._most_bytes
        ):
            return False
        self.is_writing = True
        try:
            self._in_hand = entries, file.size + len(data)
            has_end = False
            for kind, stream, key, frame in entries:
                if kind == _START:
                    # Before it is written: a signal may end it, and must find it.
                    self._open[stream, key] = frame
                else:
                    has_end = True
            try:
                file.append(data)
            except OSError:
                self._in_hand = None
                return False
            if has_end:
                self._note_ends(file, entries)
            self._in_hand = None
        finally:
            self.is_writing = False
        seconds = _monotonic() - begun
        pace = self.pace
        if seconds > SLOW_SECONDS:
            pace.note(seconds)
        else:
            pace.calm_writes += 1
            pace.since_slow += 1
        return True

    def write(self, kind: int, stream: int, key: bytes, frame: bytes) -> None:
        """Append a START or an END, or count it as lost.

        Args:
            kind: START or END.
            stream: of the frame.
            key: of the frame.
            frame: all its bytes.
        """
        self._settle()
        entry = kind, stream, key, frame
        if self.quick((entry,), frame):
            return
        file = self._file
        if self.is_writing and self._is_plain and file is not None:
            # A signal came in the middle of a write: that one's segment is not to be replaced under it.
            self._append(file, kind, stream, key, frame)
            if self._in_hand is not None:
                self._in_hand = self._in_hand[0], self._in_hand[1] + len(frame)
            return
        file = self._prepared(time.monotonic(), len(frame)) or self._reserved(entry)
        if file is None:
            self._lose(kind, stream, key, frame)
            return
        begun = time.monotonic()
        self.is_writing = True
        try:
            self._append(file, kind, stream, key, frame)
        finally:
            self.is_writing = False
        self.pace.note(time.monotonic() - begun)

    def _append(self, file: SegmentFile, kind: int, stream: int, key: bytes, frame: bytes) -> None:
        if kind == _START:
            # Before it is written: a signal may end it, and must find it.
            self._open[stream, key] = frame
        try:
            file.append(frame)
        except OSError as error:
            repaired = self._repaired(error, frame)
            if repaired is None:
                self._lose(kind, stream, key, frame)
                return
            file = repaired
        if kind == _END:
            self._note_ends(file, ((kind, stream, key, frame),))

    def _note_ends(self, file: SegmentFile, entries: Sequence[Entry]) -> None:
        """Take note that frames are written."""
        opened, written, ends = self._open, self.written, file.ends
        for kind, stream, key, frame in entries:
            if kind == _END:
                opened.pop((stream, key), None)
                what, count = counted(stream, frame)
                written[what] = written.get(what, 0) + count
                if not ends:
                    self._roll_at = file.started + self._limits.roll_seconds
                ends[what] = ends.get(what, 0) + count

    def _settle(self) -> None:
        """See what became of a write that an exception of a signal has cut off, and make up for it."""
        if self._in_hand is None or self.is_writing or self.is_changing:
            return
        file, (entries, size) = self._file, self._in_hand
        self._in_hand = None
        if file is None:
            return
        with contextlib.suppress(OSError):
            file.size = os.fstat(file.descriptor).st_size
        if file.size >= size:
            self._note_ends(file, entries)
            return
        for each in entries:
            self.write(*each)

    def roll(self) -> bool:
        """Let go of the segment if anything ended in it; return whether there was anything to let go."""
        self._settle()
        if self._file is None or not self._file.ends or self.is_changing or self.is_writing:
            return False
        self.is_changing = True
        try:
            self._roll(lazily=True)
        except OSError as error:
            self._fail(error, time.monotonic())
            return False
        finally:
            self.is_changing = False
        return True

    def sync(self) -> None:
        """Wait until all is on the disk, as far as it can be."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.sync()

    def close(self) -> None:
        """Let go of the segment; what is open in it is sealed by whoever collects it."""
        self._settle()
        self._forget_lost()
        if self._missing or (self._is_broken and self._open):
            self._retry_at = 0.0
            self._prepared(time.monotonic(), 0)
        if self._file is not None and self._is_kept(self._file):
            self._finish(self._file, None if self._open else FrameKind.CLOSED)
        self._file = None
        self._is_plain = False

    def forget(self) -> None:
        """Close what was inherited from the parent process."""
        if self._file is not None:
            self._file.forget()

    def drop(self, stream: int, key: bytes, frame: bytes) -> None:
        """Count an END that is lost; in any thread."""
        self._count_dropped(*counted(stream, frame))
        if (stream, key) in self._open:
            self._lost.append((stream, key))
            self._is_plain = False

    def _count_dropped(self, stream: int, count: int) -> None:
        self.dropped[stream] = self.dropped.get(stream, 0) + count
        if self._on_drop is not None:
            self._on_drop(stream, count)

    def _lose(self, kind: int, stream: int, key: bytes, frame: bytes) -> None:
        """Count an END as lost; keep a START until it can be written, or its END comes."""
        if kind == _START:
            self._open[stream, key] = frame
            self._missing.add((stream, key))
        else:
            self.drop(stream, key, frame)
            self._forget_lost()
            file, is_over = self._file, all(map(self._is_nowhere, self._open))
            if self._is_broken and is_over and file is not None and not self.is_changing:
                # Nothing that goes on is in it, and its process may be killed before there is room again.
                self._let_go(file)
        self._is_plain = self._is_plain and not self._missing

    def _forget_lost(self) -> None:
        """Take what has lost its END as no longer open; a segment with its START is replaced as soon as there is room.

        Else it would be sealed as what a killed process left.
        """
        while self._lost:
            identity = self._lost.pop()
            if self._open.pop(identity, None) is not None and not self._is_nowhere(identity):
                self._is_broken = True
            self._missing.discard(identity)

    def _is_nowhere(self, identity: tuple[int, bytes]) -> bool:
        """Tell whether the segment certainly has no START of something; of a bundle it may have an earlier one."""
        return identity in self._missing and identity[0] < BUNDLE

    def _let_go(self, file: SegmentFile) -> None:
        self._finish(file, FrameKind.CLOSED)
        self._file = None
        self._is_plain = self._is_broken = False

    def _prepared(self, now: float, size: int) -> SegmentFile | None:
        """Return the segment that so many bytes can be written to; None while the disk does not take them."""
        if now < self._retry_at or self.is_changing:
            return None
        self.is_changing = True
        try:
            return self._looked_after(now, size)
        except OSError as error:
            self._fail(error, now)
            return None
        finally:
            self.is_changing = False

    def _reserved(self, entry: Entry) -> SegmentFile | None:
        """Return the segment for the END of what is open in it, if only the limit of the spool is in the way.

        What began in time, such as the run, so ends there, too.
        """
        kind, stream, key, frame = entry
        file, identity = self._file, (stream, key)
        if file is None or not self._is_limited or self.is_changing or kind != _END or identity in self._missing:
            return None
        return file if identity in self._open and file.size + len(frame) <= self._most_bytes + _RESERVE_BYTES else None

    def _repaired(self, error: OSError, frame: bytes) -> SegmentFile | None:
        """Write a frame that could not be written to another segment, if it is not the whole disk that is full."""
        self.is_changing = True
        now = time.monotonic()
        try:
            if error.errno in _FULL:
                raise error
            self._is_broken = True
            file = self._looked_after(now, len(frame))
            file.append(frame)
        except OSError as failed:
            self._fail(failed, now)
            return None
        else:
            return file
        finally:
            self.is_changing = False

    def _looked_after(self, now: float, size: int) -> SegmentFile:
        self._forget_lost()
        file = self._file
        if file is not None and not self._is_kept(file):
            file = self._file = None
        room = self._room(size if file else size + sum(map(len, self._beginning())))
        if file is None:
            file = self._file = self._new()
        elif self._is_broken or self._is_due(file, now):
            file = self._roll(lazily=False)
        if self._missing:
            file.append(b"".join(self._open[identity] for identity in self._missing))
            self._missing.clear()
        self._most_bytes = min(file.size + room, max(self._longest(file), file.size + size))
        self._is_plain, self._is_broken, self.is_degraded = True, False, False
        self._wait = self._retry_at = 0.0
        self._look_at = now + _LOOK_SECONDS
        return file

    def _is_kept(self, file: SegmentFile) -> bool:
        """Tell whether a segment has a name; if not, somebody removed the folder, and what ended in it is lost."""
        if file.is_there():
            return True
        for stream, count in file.ends.items():
            self.written[stream] -= count
            self._count_dropped(stream, count)
        self._note(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file.path)))
        file.release()
        return False

    def _is_due(self, file: SegmentFile, now: float) -> bool:
        return now >= self._roll_at or file.size >= self._longest(file)

    def _longest(self, file: SegmentFile) -> int:
        """Return the size at which a segment is rolled over; what it began with would begin the next one, too."""
        return max(self._limits.segment_bytes, 2 * file.beginning_bytes)

    def _room(self, size: int) -> int:
        """Return how many bytes may be written before the folder has to be looked at again.

        Raises:
            SpoolFullError: not even so many may be.
        """
        room = self._limits.total_bytes - used_bytes(self._folder)
        if room < size:
            raise SpoolFullError(self._limits.total_bytes)
        # A share of it alone, as other processes write, too.
        return max(size, min(room, max(room // 4, _LEAST_ALLOWANCE_BYTES)))

    def _new(self) -> SegmentFile:
        path = self._folder / ACTIVE / segment_name(self._process, self._sequence)
        self._sequence += 1
        file = SegmentFile(path, self._beginning())
        self._missing.clear()
        self._roll_at = math.inf
        return file

    def _beginning(self) -> list[bytes]:
        return [header_frame(self._header, self._now_ns()), *self._open.values()]

    def _roll(self, *, lazily: bool) -> SegmentFile:
        """Go on in a new segment, which has all that is open; the old one is let go once that is written."""
        old = self._file
        assert old is not None
        self._file = new = self._new() if self._open or not lazily else None
        self._is_plain = new is not None
        self._finish(old, FrameKind.ROLLED)
        self.rolls += 1
        self._look_at = 0.0
        return new if new is not None else old

    def _finish(self, file: SegmentFile, kind: FrameKind | None) -> None:
        with contextlib.suppress(OSError):
            if kind is not None:
                try:
                    file.append(encode(kind, 0, HEADER_KEY, self._now_ns(), b""))
                except OSError:
                    if kind is FrameKind.CLOSED:
                        file.close_by_name()
        file.release()

    def _fail(self, error: OSError, now: float) -> None:
        """Refuse frames for a while."""
        self.is_degraded = True
        self._is_limited = isinstance(error, SpoolFullError)
        self._is_plain = False
        self._wait = min(max(2 * self._wait, _FIRST_WAIT_SECONDS), _LONGEST_WAIT_SECONDS)
        self._retry_at = now + self._wait
        self._note(error)

    def _note(self, error: OSError) -> None:
        """Have somebody told of a fault, the first time there is one of its kind."""
        is_full = isinstance(error, SpoolFullError)
        text = "The spool is full" if is_full else "The spool cannot be written to"
        if text not in self._told:
            self._told.add(text)
            self.news.append((text, error))
