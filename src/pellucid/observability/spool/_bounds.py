"""Keeps a spool from growing without end."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from typing import TYPE_CHECKING

from pellucid.observability.spool._exclusion import SpoolBusy, exclusive
from pellucid.observability.spool._frames import counted_in
from pellucid.observability.spool._layout import (
    ACTIVE,
    OUTBOX,
    QUARANTINE,
    REASON,
    SIGNAL_STREAMS,
    TEMPORARY,
    UNFINISHED,
    files_in,
    parse,
)
from pellucid.observability.spool._liveness import is_dead
from pellucid.observability.spool._outbox import OutboxQueue
from pellucid.observability.spool._sealing import examine
from pellucid.observability.spool._usage import used_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.observability.spool._limits import Limits

_STALE_SECONDS = 60.0
_NS_PER_DAY = 86_400_000_000_000


def sweep(root: Path, now_ns: int) -> None:
    """Remove what was begun by a process that ended before it could be anything."""
    folders = [(root / ACTIVE, UNFINISHED)]
    folders += [(root / OUTBOX / entry.name, TEMPORARY) for entry in files_in(root / OUTBOX, "")]
    for folder, suffix in folders:
        for entry in files_in(folder, suffix):
            path = folder / entry.name
            with contextlib.suppress(OSError):
                # A young one may be about to be locked.
                is_stale = now_ns - path.stat().st_mtime_ns > _STALE_SECONDS * 1e9
                if is_stale and is_dead(path, parse(entry.name).pid):
                    path.unlink()


def enforce(root: Path, limits: Limits, now_ns: int) -> tuple[dict[int, int], dict[int, int]]:
    """Remove what is too old or too much; the caller has the lock for collecting.

    Returns:
        How many ENDs were dropped, by stream, and of these, how many had not been collected.

    Raises:
        OSError: a folder cannot be read.
    """
    sweep(root, now_ns)
    with contextlib.ExitStack() as held:
        signals = []
        for entry in files_in(root / OUTBOX, ""):
            queue = OutboxQueue(root, entry.name)
            with contextlib.suppress(SpoolBusy):
                held.enter_context(exclusive(queue.lock_path))
                signals.append(entry.name)
        return _Purge(root, signals).run(limits, now_ns)


class _Purge:
    """Removes segments, and counts what was in them."""

    def __init__(self, root: Path, signals: list[str]) -> None:
        self._root = root
        self._signals = signals
        self._dropped: Counter[int] = Counter()
        self._uncollected: Counter[int] = Counter()
        self._entries = [entry.name for entry in files_in(root / ACTIVE)]
        self._last = {parse(name).process: name for name in self._entries}

    def run(self, limits: Limits, now_ns: int) -> tuple[dict[int, int], dict[int, int]]:
        oldest_ns = now_ns - int(limits.age_days * _NS_PER_DAY)
        most = limits.total_bytes - limits.total_bytes // 8
        used = used_bytes(self._root)
        for path in self._set_aside():
            if used > most or _written_ns(path) < oldest_ns:
                used -= self._remove_set_aside(path)
        for name in self._names():
            paths = [path for path in self._places(name) if path.exists()]
            if paths and (used > most or min(map(_written_ns, paths)) < oldest_ns):
                self._drop(name)
                used = used_bytes(self._root)
        return dict(self._dropped + self._uncollected), dict(self._uncollected)

    def _set_aside(self) -> list[Path]:
        return [self._root / QUARANTINE / entry.name for entry in files_in(self._root / QUARANTINE)]

    @staticmethod
    def _remove_set_aside(path: Path) -> int:
        """Remove what was counted when it was set aside; return how many bytes that frees."""
        with contextlib.suppress(OSError):
            status = path.stat()
            path.unlink()
            path.with_name(path.name + REASON).unlink(missing_ok=True)
            return status.st_size if status.st_nlink == 1 else 0
        return 0

    def _names(self) -> list[str]:
        names = set(self._entries)
        for signal in self._signals:
            names.update(entry.name for entry in files_in(self._root / OUTBOX / signal))
        return sorted(names)

    def _places(self, name: str) -> list[Path]:
        return [self._root / ACTIVE / name, *(self._root / OUTBOX / signal / name for signal in self._signals)]

    def _drop(self, name: str) -> None:
        """Remove a segment everywhere, unless it is written to; one that the disk keeps is not counted."""
        active = self._root / ACTIVE / name
        is_active = active.exists()
        with contextlib.suppress(OSError):
            if is_active:
                if not is_dead(active, parse(name).pid):
                    return
                found = examine(active)
                # Where it is to be delivered from it does not show yet, and goes first, or it would show then.
                for place in self._places(name)[1:]:
                    place.unlink(missing_ok=True)
                active.unlink()
                self._uncollected.update(found.ends)
                if not found.is_finished and self._last[parse(name).process] == name:
                    for (stream, _), payload in found.open.items():
                        what, count = counted_in(stream, payload)
                        self._uncollected[what] += count
                return
            for signal, place in zip(self._signals, self._places(name)[1:], strict=True):
                if place.exists():
                    stream = SIGNAL_STREAMS.get(signal, 0)
                    count = examine(place).ends[stream]
                    place.unlink()
                    self._dropped[stream] += count


def _written_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return time.time_ns()
