"""How much of a run is left, by how long its nodes took in earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Remaining:
    """Keeps account of the nodes that are waiting and at work.

    Args:
        names: of all nodes.
        expected: seconds by name, of the nodes that are known.
    """

    def __init__(self, names: Iterable[str], expected: Mapping[str, float]) -> None:
        self._expected = expected
        self._waiting = set(names)
        self._running: dict[str, float] = {}
        self._seconds_waiting = sum(expected.get(name, 0.0) for name in self._waiting)
        self._unknown = sum(name not in expected for name in self._waiting)

    def begin(self, name: str, now: float) -> None:
        """Note that a node is at work."""
        if name in self._waiting:
            self._waiting.discard(name)
            self._seconds_waiting -= self._expected.get(name, 0.0)
            self._running[name] = now

    def end(self, name: str) -> None:
        """Note that a node is done, or failed."""
        if self._running.pop(name, None) is not None and name not in self._expected:
            self._unknown -= 1

    def seconds(self, now: float) -> float | None:
        """Return what is left with as many nodes at once as now, or None while a node that is left is not known.

        A node that takes longer than it did is taken to be about to end.
        """
        if self._unknown or not self._expected:
            return None
        running = sum(max(0.0, self._expected[name] - (now - since)) for name, since in self._running.items())
        return (max(0.0, self._seconds_waiting) + running) / max(1, len(self._running))
