"""What a run logs of a node that failed: one line at the level ERROR."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.support import runner as kit
from tests.support.runner import FileDataset, Raiser, catalog, hooks

from pellucid.exceptions import DatasetError
from pellucid.pipeline import node, pipeline
from pellucid.runner import SequentialRunner, ThreadRunner

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.runner import AbstractRunner


@pytest.fixture(params=["sequential", "async", "thread"])
def kind(request: pytest.FixtureRequest) -> str:
    """Runners whose nodes log in this process."""
    return str(request.param)


def _error_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [entry.getMessage() for entry in caplog.records if entry.levelno >= logging.ERROR]


def _run(runner: AbstractRunner, function: Any, datasets: dict[str, Any], *plugins: object) -> None:
    one = pipeline([node(function, ["a", "b"], "c", name="n1")])
    with pytest.raises((DatasetError, LookupError, RuntimeError)):
        runner.run(one, catalog(runner, datasets), hooks(*plugins), "r")


@pytest.mark.parametrize(
    ("failing", "line"),
    [
        ({"a": "load"}, "The node 'n1' could not load 'a': Cannot load .*the disk is on fire"),
        ({"a": "load", "b": "load"}, "The node 'n1' could not load 'a': Cannot load .*the disk is on fire"),
        ({"a": "load-exit"}, r"The node 'n1' could not load 'a': .*sys\.exit\(0\).*"),
        ({"c": "save"}, "The node 'n1' could not save 'c': Cannot save .*the disk is full"),
    ],
)
def test_a_dataset_that_fails_leaves_one_line(
    runner: AbstractRunner, failing: dict[str, str], line: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It names the node, the dataset and what was done to it."""
    datasets = {name: FileDataset(tmp_path, name, fails=failing.get(name)) for name in "abc"}
    for name in "ab":
        datasets[name].path.write_text("1")
    _run(runner, kit.add, datasets)
    (found,) = _error_lines(caplog)
    assert re.fullmatch(line, found, re.DOTALL)


@pytest.mark.parametrize(
    ("function", "plugins"),
    [
        (kit.boom, ()),
        (kit.leave, ()),
        (kit.add, [Raiser("before_node_run", "n1", LookupError("in a hook"))]),
        (kit.add, [Raiser("after_dataset_loaded", "n1", LookupError("in a hook"))]),
        (kit.add, [Raiser("after_node_dispatched", "n1", LookupError("in a hook"))]),
    ],
)
def test_whatever_fails_leaves_one_line(
    runner: AbstractRunner, function: Any, plugins: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    _run(runner, function, {"a": 1, "b": 2}, *plugins)
    (line,) = _error_lines(caplog)
    assert "n1" in line


@pytest.mark.parametrize("runner", [SequentialRunner(), ThreadRunner()])
def test_an_interruption_is_no_error(runner: AbstractRunner, caplog: pytest.LogCaptureFixture) -> None:
    one = pipeline([node(kit.interrupt, "a", "b", name="n1")])
    with pytest.raises(KeyboardInterrupt):
        runner.run(one, catalog(runner, {"a": 1}))
    assert _error_lines(caplog) == []


def test_a_message_of_megabytes_does_not_go_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    error = LookupError("x" * 5_000_000)
    _run(SequentialRunner(), kit.add, {"a": 1, "b": 2}, Raiser("before_node_run", "n1", error))
    (line,) = _error_lines(caplog)
    assert len(line) < 11_000
