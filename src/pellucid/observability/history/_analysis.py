"""Where the time of a run went."""

from __future__ import annotations

from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pellucid.observability.history._graph import NodeWork
    from pellucid.observability.history._model import StoredSpan

_LOAD, _COMPUTE, _SAVE = range(3)


class Shares(NamedTuple):
    """What a run's time was used for; the first four add up to the run's duration.

    Each moment belongs to what was done in it. Where several nodes were at work, it is divided among them equally.

    Attributes:
        load: seconds in which datasets were loaded.
        compute: seconds in which nodes did something else than load and save.
        save: seconds in which datasets were saved.
        idle: seconds in which no node was at work.
        queue: seconds that nodes which could have run waited for a free worker, added up over all nodes.
    """

    load: float
    compute: float
    save: float
    idle: float
    queue: float

    @property
    def total(self) -> float:
        """The run's duration, in seconds."""
        return self.load + self.compute + self.save + self.idle


def shares(works: Sequence[NodeWork], started_ns: int, ended_ns: int) -> Shares:
    """Return what the time of a run was used for.

    Of a node's time, load is that in which at least one of its loads was going on; save that in which a save, but no
    load was; compute is the rest. What lies outside of the run is left out.

    Args:
        works: the nodes.
        started_ns: when the run started, in nanoseconds since the epoch.
        ended_ns: when it ended.
    """
    changes: list[tuple[int, int, int]] = []
    for work in works:
        for kind, start, end in _phases(work):
            begin, stop = max(start, started_ns), min(end, ended_ns)
            if begin < stop:
                changes += [(begin, kind, 1), (stop, kind, -1)]
    used, active, before = [0.0, 0.0, 0.0], [0, 0, 0], started_ns
    for at, kind, step in sorted(changes):
        busy = sum(active)
        if busy:
            for each in range(3):
                used[each] += (at - before) * active[each] / busy
        active[kind] += step
        before = at
    idle = max(0.0, max(0, ended_ns - started_ns) - sum(used))
    queue = sum(_queue_seconds(work.span) for work in works)
    load, compute, save = (each / 1e9 for each in used)
    return Shares(load, compute, save, idle / 1e9, queue)


def slowest(works: Iterable[NodeWork], count: int = 5) -> list[NodeWork]:
    """Return the nodes that took longest, the longest first."""
    return sorted(works, key=lambda each: (-each.span.duration_ns, each.span.started_ns, each.span.name))[:count]


def _phases(work: NodeWork) -> Iterator[tuple[int, int, int]]:
    """Yield what a node did, from when to when, without gap or overlap."""
    start, end = work.span.started_ns, work.span.ended_ns
    loads, saves = _within(work.loads, start, end), _within(work.saves, start, end)
    marks = sorted({start, end, *(mark for each in (*loads, *saves) for mark in each)})
    loading, saving = _Cursor(loads), _Cursor(saves)
    for begin, stop in pairwise(marks):
        kind = _LOAD if loading.covers(begin) else _SAVE if saving.covers(begin) else _COMPUTE
        yield kind, begin, stop


class _Cursor:
    """Tells whether a time is inside of one of some intervals; to be asked in the order of time."""

    def __init__(self, intervals: list[tuple[int, int]]) -> None:
        self._intervals = intervals
        self._next = 0
        self._until = intervals[0][0] if intervals else 0

    def covers(self, at: int) -> bool:
        """Tell whether it is."""
        while self._next < len(self._intervals) and self._intervals[self._next][0] <= at:
            self._until = max(self._until, self._intervals[self._next][1])
            self._next += 1
        return self._next > 0 and at < self._until


def _within(spans: Iterable[StoredSpan], start: int, end: int) -> list[tuple[int, int]]:
    clipped = ((max(each.started_ns, start), min(each.ended_ns, end)) for each in spans)
    return sorted(each for each in clipped if each[0] < each[1])


def _queue_seconds(span: StoredSpan) -> float:
    value = span.attribute(Attr.QUEUE_WAIT)
    return max(0.0, value) if isinstance(value, (int, float)) and isfinite(value) else 0.0
