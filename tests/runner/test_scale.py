"""Cost grows with the number of nodes, and no faster."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.support.runner import increment

from pellucid.io import DataCatalog
from pellucid.pipeline import node, pipeline
from pellucid.runner import SequentialRunner, ThreadRunner

if TYPE_CHECKING:
    from pellucid.pipeline import Pipeline
    from pellucid.runner import AbstractRunner


def _chain(size: int) -> Pipeline:
    return pipeline([node(increment, f"d{index}", f"d{index + 1}", name=f"n{index}") for index in range(size)])


def _fan_out(size: int) -> Pipeline:
    return pipeline([node(increment, "d0", f"d{index + 1}", name=f"n{index}") for index in range(size)])


@pytest.mark.parametrize("make", [_chain, _fan_out])
@pytest.mark.parametrize("runner", [SequentialRunner(), ThreadRunner(max_workers=4)])
def test_ten_thousand_nodes(make: object, runner: AbstractRunner) -> None:
    """Ten times the nodes take far less than a hundred times the time."""

    def seconds(size: int) -> float:
        parts = _chain(size) if make is _chain else _fan_out(size)
        started = time.process_time()
        outputs = runner.run(parts, DataCatalog({"d0": 0}))
        taken = time.process_time() - started
        assert outputs[f"d{size}"].load() == (size if make is _chain else 1)
        return taken

    small = min(seconds(1_000) for _ in range(2))
    assert seconds(10_000) < 40 * small
