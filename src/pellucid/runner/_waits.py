"""How long nodes that could run have waited until they did."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Waits"]


class Waits:
    """Keeps the time of each completion: a node can run when the last one that it depends on is done.

    Args:
        dependencies: for each node the indices of those that must be done before it.
    """

    __slots__ = ("_dependencies", "_done_at", "_started_at")

    def __init__(self, dependencies: Sequence[Sequence[int]]) -> None:
        self._dependencies = dependencies
        self._started_at = time.monotonic()
        self._done_at = [self._started_at] * len(dependencies)

    def done(self, index: int) -> None:
        """Note that a node is done."""
        self._done_at[index] = time.monotonic()

    def seconds(self, index: int) -> float:
        """Return for how long a node could have run by now."""
        done_at = self._done_at
        ready_at = max((done_at[each] for each in self._dependencies[index]), default=self._started_at)
        return time.monotonic() - ready_at
