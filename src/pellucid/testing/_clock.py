"""Time and ids that are the same in every run of a test."""

from __future__ import annotations

import itertools
import os
import threading
from typing import Any

from pellucid.observability.records import Clock, Ids

_START_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z


class FakeClock(Clock):
    """A clock that goes on when it is told to: what a span takes is what was told meanwhile.

    A worker process has a copy, which goes on from where the clock was when the worker started.

    Args:
        start_ns: nanoseconds since the epoch.
        step_seconds: how much it goes on by itself with each look at it.
    """

    __slots__ = ("_lock", "_now_ns", "_step_ns")

    def __init__(self, start_ns: int = _START_NS, *, step_seconds: float = 0.0) -> None:
        super().__init__(0)
        self._now_ns = start_ns
        self._step_ns = round(step_seconds * 1e9)
        self._lock = threading.Lock()

    def now_ns(self) -> int:
        """Return the time, in nanoseconds since the epoch."""
        with self._lock:
            now = self._now_ns
            self._now_ns += self._step_ns
            return now

    def ago_ns(self, seconds: float) -> int:
        """Return the time, as what was measured by another clock did not take any."""
        del seconds
        return self.now_ns()

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Args:
            seconds: not negative.

        Raises:
            ValueError: it is negative, as time never goes back.
        """
        if seconds < 0:
            raise ValueError(f"A clock cannot be advanced by {seconds} seconds: time never goes back.")
        with self._lock:
            self._now_ns += round(seconds * 1e9)

    def __reduce__(self) -> tuple[Any, ...]:
        return _clock_at, (self._now_ns, self._step_ns)


def _clock_at(now_ns: int, step_ns: int) -> FakeClock:
    return FakeClock(now_ns, step_seconds=step_ns / 1e9)


class CountedIds(Ids):
    """Ids 1, 2, 3 and so on in the process of the test; in any other they are as random as ever, so as to differ."""

    __slots__ = ("_counts", "_own_pid")

    def __init__(self) -> None:
        super().__init__()
        self._own_pid = os.getpid()
        self._counts = {64: itertools.count(1), 128: itertools.count(1)}

    def _bits(self, count: int) -> int:
        return next(self._counts[count]) if os.getpid() == self._own_pid else super()._bits(count)
