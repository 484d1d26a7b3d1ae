"""Cost grows with the number of nodes, and no faster."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from tests.support.growth import assert_linear, steps_of
from tests.support.runner import increment

from pellucid.io import DataCatalog
from pellucid.pipeline import node, pipeline
from pellucid.runner import SequentialRunner, ThreadRunner

if TYPE_CHECKING:
    from collections.abc import Callable

    from pellucid.pipeline import Pipeline
    from pellucid.runner import AbstractRunner

MOST_STEPS = 340


def _chain(size: int) -> Pipeline:
    return pipeline([node(increment, f"d{index}", f"d{index + 1}", name=f"n{index}") for index in range(size)])


def _fan_out(size: int) -> Pipeline:
    return pipeline([node(increment, "d0", f"d{index + 1}", name=f"n{index}") for index in range(size)])


@pytest.mark.parametrize("make", [_chain, _fan_out])
@pytest.mark.parametrize("runner", [SequentialRunner(), ThreadRunner(max_workers=4)])
def test_ten_thousand_nodes_run(make: Callable[[int], Pipeline], runner: AbstractRunner) -> None:
    outputs = runner.run(make(10_000), DataCatalog({"d0": 0}))
    assert outputs["d10000"].load() == (10_000 if make is _chain else 1)


@pytest.mark.parametrize("make", [_chain, _fan_out])
@pytest.mark.parametrize("runner", [SequentialRunner(), ThreadRunner(max_workers=2)])
def test_cost_is_linear(make: Callable[[int], Pipeline], runner: AbstractRunner) -> None:
    def run(size: int) -> Callable[[], object]:
        parts = make(size)
        return lambda: runner.run(parts, DataCatalog({"d0": 0}))

    assert_linear(run, 50)


def test_a_node_in_memory_takes_few_steps(caplog: pytest.LogCaptureFixture) -> None:
    """Lines of all modules together, where nobody listens and nothing is logged."""
    caplog.set_level(logging.WARNING, "pellucid")

    def steps(size: int) -> int:
        parts, catalog = _chain(size), DataCatalog({"d0": 0})
        return steps_of(lambda: SequentialRunner().run(parts, catalog))

    steps(2)  # finds out what has to be found out once
    assert (steps(110) - steps(10)) / 100 <= MOST_STEPS
