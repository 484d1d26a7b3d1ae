"""What a signal that ends a run does to the process."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

from pellucid.exceptions import RunTerminated
from pellucid.framework.session._signals import TerminationGuard

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def interval() -> Iterator[float]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.005)
    yield 0.005
    sys.setswitchinterval(before)


def test_threads_take_turns_more_often_once_a_run_is_to_end(interval: float) -> None:
    with TerminationGuard():
        assert sys.getswitchinterval() == pytest.approx(interval, abs=2e-6)
        with pytest.raises(RunTerminated):
            signal.raise_signal(signal.SIGTERM)
    assert sys.getswitchinterval() == pytest.approx(0.001, abs=2e-6)


def test_whoever_has_them_take_turns_even_more_often_is_left_in_peace(interval: float) -> None:
    sys.setswitchinterval(0.0001)
    with TerminationGuard(), pytest.raises(RunTerminated):
        signal.raise_signal(signal.SIGTERM)
    assert sys.getswitchinterval() == pytest.approx(0.0001, abs=2e-6)
