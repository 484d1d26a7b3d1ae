"""Counts how much Python is executed: growth with size, without a clock."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


def steps_of(work: Callable[[], object]) -> int:
    """Return how many lines are executed while ``work`` runs, in all of its threads; each turn of a loop counts."""
    count = [0]

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            count[0] += 1
        return trace

    before, before_in_threads = sys.gettrace(), threading.gettrace()
    threading.settrace(trace)
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
        threading.settrace(before_in_threads)
    return count[0]


def assert_linear(make: Callable[[int], Callable[[], object]], small: int, times: int = 8) -> None:
    """Fail if work of ``times`` the size takes clearly more than ``times`` the steps.

    Args:
        make: prepares work of a size; what it does itself does not count.
        small: the smaller size.
        times: how much larger the other one is.
    """
    few, many = steps_of(make(small)), steps_of(make(small * times))
    assert few > small  # else it counts nothing
    assert many < few * times * 1.5, f"{few} steps for {small}, {many} for {small * times}"
