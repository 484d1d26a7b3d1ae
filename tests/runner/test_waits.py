"""How long a node that could run has waited."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

from pellucid.runner import _waits
from pellucid.runner._waits import Waits

if TYPE_CHECKING:
    import pytest


class Time:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_a_node_can_run_from_when_the_last_one_that_it_needs_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time()
    monkeypatch.setattr(_waits, "time", time)
    waits = Waits([[], [], [0, 1], [0]])
    time.now = 103.0
    assert waits.seconds(0) == 3.0
    waits.done(0)
    time.now = 105.0
    waits.done(1)
    time.now = 106.0
    assert waits.seconds(2) == 1.0
    assert waits.seconds(3) == 3.0


def test_what_is_kept_of_a_node_is_a_few_bytes() -> None:
    needed = [[number - 1] if number else [] for number in range(10_000)]
    tracemalloc.start()
    try:
        waits = Waits(needed)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert waits.seconds(9_999) >= 0
    assert kept < 40 * len(needed)
