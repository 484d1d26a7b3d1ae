"""The folder of a spool: collecting what is finished."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from pellucid._util.values import values
from pellucid.observability.spool import _bounds
from pellucid.observability.spool._exclusion import SpoolBusy, exclusive
from pellucid.observability.spool._layout import ACTIVE, OUTBOX, QUARANTINE, TORN_SUFFIX, files_in, parse
from pellucid.observability.spool._limits import Limits
from pellucid.observability.spool._liveness import is_dead, is_own
from pellucid.observability.spool._outbox import Kept, OutboxQueue, kept_in, kept_of
from pellucid.observability.spool._sealing import examine, finish, is_ended
from pellucid.observability.spool._segment import Segment
from pellucid.observability.spool._signs import LastSigns
from pellucid.observability.spool._usage import used_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pellucid.observability.spool._sealing import Seal
    from pellucid.observability.spool._segment import Unbundle


@values(frozen=True)
class SpoolStatus:
    """What is in a spool.

    Attributes:
        live_pids: the processes that write to it.
        live: what they write to.
        finished: what is to be collected.
        outbox: what is to be delivered, by signal.
        quarantine: what was set aside.
        total_bytes: of all files; one that has several names counts once.
    """

    live_pids: tuple[int, ...]
    live: Kept
    finished: Kept
    outbox: Mapping[str, Kept]
    quarantine: Kept
    total_bytes: int


class SpoolFolder:
    """The folder in which the segments of all processes are.

    Args:
        path: of the folder; it need not be there.
        limits: of all that is kept.
        now_ns: tells the time, in nanoseconds since the epoch.
        unbundle: makes of a bundle what is in it, for whoever reads frames; None leaves bundles as they are.

    Attributes:
        path: of the folder.
        skipped: how many segments the last collection left for the next one, as the disk failed it.
        uncollected: of what `enforce_bounds` dropped last, the ENDs that had not been collected, by stream.
    """

    def __init__(
        self,
        path: Path,
        limits: Limits | None = None,
        *,
        now_ns: Callable[[], int] = time.time_ns,
        unbundle: Unbundle | None = None,
    ) -> None:
        self.path = path.absolute()
        self._unbundle = unbundle
        self.skipped = 0
        self.uncollected: dict[int, int] = {}
        self._limits = limits or Limits()
        self._now_ns = now_ns

    @property
    def _active(self) -> Path:
        return self.path / ACTIVE

    def finished(self, seal: Seal, wait_seconds: float = 0.0) -> Iterator[Segment]:
        """Iterate over the segments that no living process writes to, by process and in order, sealed.

        Nobody else does meanwhile: close the iterator to be done early. A segment that is not removed comes again.

        Args:
            seal: makes the payload of an END: of the stream, the payload of its START, and the time of the last sign
                of life of its process, or of any other one of a session that was killed as a whole.
            wait_seconds: for somebody else who collects.

        Raises:
            SpoolBusy: somebody else collects.
            OSError: of the disk.
        """
        self.skipped = 0
        if not self._active.is_dir():
            return
        with exclusive(self._lock_path, wait_seconds):
            _bounds.sweep(self.path, self._now_ns())
            entries = [self._active / entry.name for entry in files_in(self._active)]
            last = {parse(path.name).process: path for path in entries}
            signs = LastSigns(self.path, last.values())
            held_back: set[str] = set()
            for path in entries:
                name = parse(path.name)
                # A process's segments make sense in their order alone.
                if name.process in held_back:
                    continue
                segment = self._claimed(path, seal, signs if last[name.process] == path else None)
                if segment is None:
                    held_back.add(name.process)
                elif segment.size_bytes:
                    yield segment

    def _claimed(self, path: Path, seal: Seal, signs: LastSigns | None) -> Segment | None:
        """Return a segment that is finished, now or before; None if it is alive, or the disk fails.

        Args:
            path: of the segment.
            seal: as in `finished`.
            signs: tell when its writer has ended; None if that went on in another one.
        """
        try:
            if not is_dead(path, parse(path.name).pid):
                return None
            if is_ended(path):
                return self.segment(path)
            found = examine(path)
            segment = Segment(self.path, path, found.damaged_bytes, self._unbundle)
            if found.frames:
                if not found.is_finished:
                    ended_ns = signs.of(path, found) if signs is not None else None
                    if found.torn_bytes:
                        # Its name keeps what is about to be mended, should this end before it is taken.
                        path = path.rename(path.with_suffix(TORN_SUFFIX))
                        segment = Segment(self.path, path, found.damaged_bytes, self._unbundle)
                    finish(path, found, seal, ended_ns)
            elif found.damaged_bytes:
                segment.set_aside("nothing of it can be read")
            else:
                path.unlink()
        except FileNotFoundError:
            return Segment(self.path, path, 0)
        except OSError:
            self.skipped += 1
            return None
        return segment

    def segment(self, path: Path) -> Segment:
        """Return the segment that a file of the folder is."""
        return Segment(self.path, path, unbundle=self._unbundle)

    def outbox(self, signal: str) -> OutboxQueue:
        """Return what is to be delivered of a signal, ``traces`` or ``logs``."""
        return OutboxQueue(self.path, signal, self._unbundle)

    def open_elsewhere(self, stream: int) -> list[bytes]:
        """Return the payloads of STARTs without END in what other living processes write to.

        Raises:
            OSError: of the disk.
        """
        payloads = []
        last = {parse(segment.name).process: segment for segment in self.live_elsewhere()}
        for segment in last.values():
            with contextlib.suppress(FileNotFoundError):
                payloads += [each for (found, _), each in examine(segment.path).open.items() if found == stream]
        return payloads

    def live_elsewhere(self) -> Iterator[Segment]:
        """Iterate over what other living processes write to, by process and in order: to be read, and left alone.

        Raises:
            OSError: of the disk.
        """
        for entry in files_in(self._active):
            path = self._active / entry.name
            with contextlib.suppress(FileNotFoundError):
                # One of this process must not even be opened.
                if not is_own(path.stat()) and not is_dead(path, parse(entry.name).pid):
                    yield self.segment(path)

    def quarantine(self, segment: Segment, reason: str) -> None:
        """Set a segment aside that nobody can use.

        Raises:
            OSError: of the disk.
        """
        segment.set_aside(reason)

    def enforce_bounds(self) -> dict[int, int]:
        """Remove what is too old, or too much, oldest first; what was set aside goes before all else.

        An eighth of the limit is left for what is to be written. What somebody collects or delivers meanwhile stays.

        Returns:
            How many ENDs were dropped, by stream, those that a dead process would have had sealed among them.

        Raises:
            OSError: of the disk.
        """
        dropped: dict[int, int] = {}
        self.uncollected = {}
        if self.path.is_dir():
            with contextlib.suppress(SpoolBusy), exclusive(self._lock_path):
                dropped, self.uncollected = _bounds.enforce(self.path, self._limits, self._now_ns())
        return dropped

    def status(self) -> SpoolStatus:
        """Return what is kept.

        Raises:
            OSError: of the disk.
        """
        live, finished, pids = [], [], set()
        for entry in files_in(self._active):
            name = parse(entry.name)
            path = self._active / entry.name
            try:
                if is_dead(path, name.pid):
                    finished.append(path)
                else:
                    live.append(path)
                    pids.add(name.pid)
            except OSError:
                finished.append(path)
        signals = sorted(entry.name for entry in files_in(self.path / OUTBOX, ""))
        return SpoolStatus(
            live_pids=tuple(sorted(pids)),
            live=kept_of(live),
            finished=kept_of(finished),
            outbox={signal: self.outbox(signal).kept() for signal in signals},
            quarantine=kept_in(self.path / QUARANTINE),
            total_bytes=used_bytes(self.path),
        )

    @property
    def _lock_path(self) -> Path:
        return self.path / "collect.lock"
