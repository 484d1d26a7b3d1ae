"""Which nodes may run now: counters over indices, no I/O."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["ReadySet"]


class ReadySet:
    """Hands out the tasks 0 … n-1 in an order that respects their dependencies.

    Tasks come out first in, first out: those without dependencies by index, and those that a completion sets free
    by index behind them. All calls together cost O(tasks + dependencies).

    Args:
        dependencies: for each task the tasks that must be done before it.
    """

    __slots__ = ("_followers", "_ready", "_unmet")

    def __init__(self, dependencies: Sequence[Iterable[int]]) -> None:
        self._unmet: list[int] = []
        self._followers: list[list[int]] = [[] for _ in dependencies]
        for index, needed in enumerate(dependencies):
            distinct = set(needed)
            self._unmet.append(len(distinct))
            for other in distinct:
                self._followers[other].append(index)
        self._ready = deque(index for index, count in enumerate(self._unmet) if not count)

    def __bool__(self) -> bool:
        """Tell whether ``take`` has something to give."""
        return bool(self._ready)

    def take(self) -> int:
        """Return the next task that may run; raises IndexError where there is none."""
        return self._ready.popleft()

    def done(self, index: int) -> None:
        """Note that a task is done; what waited for it alone becomes ready."""
        unmet = self._unmet
        for follower in self._followers[index]:
            unmet[follower] -= 1
            if not unmet[follower]:
                self._ready.append(follower)
