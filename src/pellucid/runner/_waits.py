"""How long nodes that could run have waited until they did."""

from __future__ import annotations

import time
from array import array
from itertools import accumulate, chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Waits"]


class Waits:
    """Keeps the time of each completion: a node can run when the last one that it depends on is done.

    Args:
        dependencies: for each node the indices of those that must be done before it.
    """

    __slots__ = ("_done_at", "_ends", "_needed", "_started_at")

    def __init__(self, dependencies: Sequence[Sequence[int]]) -> None:
        # All in three arrays: lists would take hundreds of bytes a node as long as the run lasts.
        self._needed = array("q", chain.from_iterable(dependencies))
        self._ends = array("q", accumulate(map(len, dependencies), initial=0))
        self._started_at = time.monotonic()
        self._done_at = array("d", [self._started_at]) * len(dependencies)

    def done(self, index: int) -> None:
        """Note that a node is done."""
        self._done_at[index] = time.monotonic()

    def seconds(self, index: int) -> float:
        """Return for how long a node could have run by now."""
        first, end = self._ends[index], self._ends[index + 1]
        if end - first == 1:
            return time.monotonic() - self._done_at[self._needed[first]]
        ready_at = max(map(self._done_at.__getitem__, self._needed[first:end]), default=self._started_at)
        return time.monotonic() - ready_at
