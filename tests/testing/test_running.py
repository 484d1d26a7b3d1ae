"""Pipelines without a project, and projects in three lines."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.observed import KINDS

from pellucid.framework import project as framework_project
from pellucid.framework.session import KedroSession
from pellucid.framework.startup import bootstrap_project
from pellucid.io import MemoryDataset
from pellucid.pipeline import Pipeline, node, pipeline
from pellucid.runner import ParallelRunner, SequentialRunner, ThreadRunner
from pellucid.testing import FakeClock, captured_telemetry, make_project, run_pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.runner import AbstractRunner

RUNNERS = {"SequentialRunner": SequentialRunner, "ThreadRunner": ThreadRunner, "ParallelRunner": ParallelRunner}


def clean(raw: list[int]) -> list[int]:
    logging.getLogger("of.a.library").info("Cleaning %d.", len(raw))
    return sorted(raw)


def total(cleaned: list[int], factor: int) -> int:
    return factor * sum(cleaned)


def vanish(raw: list[int]) -> int:
    os._exit(3)


def two_nodes() -> Pipeline:
    return pipeline(
        [
            node(clean, "raw", "cleaned", name="clean"),
            node(total, ["cleaned", "params:factor"], "total", name="total"),
        ]
    )


TREE = (
    (
        "session pipeline_under_test",
        (
            (
                "RUN __default__",
                (
                    ("clean", (("load raw", ()), ("save cleaned", ()))),
                    ("total", (("load cleaned", ()), ("save total", ()))),
                ),
            ),
            ("catalog.create", ()),
            ("context.load", ()),
            ("session.create", ()),
        ),
    ),
)


def runner_of(kind: str) -> AbstractRunner:
    name, _, arguments = KINDS[kind].rstrip(")").partition("(")
    given = dict(each.split("=") for each in arguments.split(",") if each)
    made: AbstractRunner = RUNNERS[name](**{key: value == "True" or int(value) for key, value in given.items()})
    return made


@pytest.mark.processes
@pytest.mark.parametrize("kind", KINDS)
def test_every_runner_and_start_method_shows_the_same(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs, tree, counts and log lines are the same, those of worker processes among them."""
    if kind in {"fork", "spawn", "forkserver"}:
        monkeypatch.setenv("PELLUCID_MP_CONTEXT", kind)
    outcome = run_pipeline(
        two_nodes(),
        {"raw": [3, 1, 2]},
        parameters={"factor": 3},
        runner=runner_of(kind),
        clock=FakeClock(),
        incremental_ids=True,
    )
    assert outcome.error is None
    assert outcome.outputs == {"total": 18}
    telemetry = outcome.telemetry
    assert telemetry.tree(by_name=True) == TREE
    assert telemetry.metric("node_runs_total", result="success") == 2
    assert len(telemetry.events("node.finished")) == 2
    assert [each["node"] for each in telemetry.events("Cleaning 3.")] == ["clean"]
    assert len({each.span_id for each in telemetry.spans}) == len(telemetry.spans)
    assert {each.duration_seconds for each in telemetry.spans} == {0.0}


@pytest.mark.processes
def test_a_worker_that_dies_is_captured() -> None:
    """What it left open is there, as an error."""
    runner = ParallelRunner(max_workers=1)
    outcome = run_pipeline(pipeline([node(vanish, "raw", "gone", name="vanish")]), {"raw": [1]}, runner=runner)
    assert type(outcome.error).__name__ == "WorkerLostError"
    assert outcome.telemetry.span("vanish").result == "error"
    assert outcome.telemetry.metric("node_runs_total", node="vanish", result="error") == 1


def test_a_failure_is_an_outcome() -> None:
    """The error is there, and whoever asks for outputs is told of it."""
    outcome = run_pipeline(two_nodes(), {"raw": [3, "x"]}, parameters={"factor": 3})
    assert isinstance(outcome.error, TypeError)
    assert outcome.telemetry.span("clean").error_type == "TypeError"
    with pytest.raises(AssertionError, match="The run failed, so it has no outputs: ") as caught:
        _ = outcome.outputs
    assert caught.value.__cause__ is outcome.error


def test_inputs_may_be_datasets_and_others_are_missed() -> None:
    """A dataset is used as it is; an input that is not given is an error of the run."""
    data, kept = MemoryDataset([2, 1]), MemoryDataset()
    outcome = run_pipeline(two_nodes(), {"raw": data, "total": kept}, parameters={"factor": 1})
    assert (outcome.outputs, kept.load()) == ({"total": 3}, 3)
    assert "'raw'" in str(run_pipeline(two_nodes(), parameters={"factor": 1}).error)


def test_the_process_is_left_as_it_was_found(tmp_path: Path) -> None:
    """In a project's own tests, its project, its path and its pipelines are as before."""
    root = make_project(tmp_path / "p", parameters={"x": 1}, package="project_around")
    bootstrap_project(root)
    before = (framework_project._state.process.project, sys.path[:], dict(os.environ), logging.getLogger().handlers[:])
    assert run_pipeline(two_nodes(), {"raw": [1]}, parameters={"factor": 1}).error is None
    assert before == (
        framework_project._state.process.project,
        sys.path[:],
        dict(os.environ),
        logging.getLogger().handlers[:],
    )
    assert [each for each in sys.modules if each.startswith("pipeline_under_test")] == []
    assert not (root / ".pellucid").exists()


NODES = """
    from pellucid.pipeline import node, pipeline

    def create_pipeline(**kwargs):
        return pipeline([node(len, "words", "count", name="count")])
"""


def test_a_project_is_made_and_runs(tmp_path: Path) -> None:
    """Of sources, data or texts of files; a second one does not take its place."""
    catalog = {"words": {"type": "text.TextDataset", "filepath": "words.txt"}}
    root = make_project(
        str(tmp_path / "p"), pipelines={"counting": NODES}, catalog=catalog, parameters="x: 1\n", package="project_made"
    )
    (root / "words.txt").write_text("four")
    bootstrap_project(root)
    with captured_telemetry() as telemetry, KedroSession.create() as session:
        assert session.run()["count"].load() == 4
        assert session.load_context().params == {"x": 1}
    assert telemetry.span("RUN __default__").result == "success"
    with pytest.raises(FileExistsError, match="There is a project in"):
        make_project(root)
    with pytest.raises(ValueError, match="'not-a-name' cannot be the name of a module"):
        make_project(tmp_path / "q", pipelines={"not-a-name": NODES})


@pytest.mark.processes
@pytest.mark.e2e
def test_importing_it_loads_nothing_heavy() -> None:
    """A suite that hardly uses it hardly pays for it."""
    import subprocess

    heavy = "opentelemetry prometheus_client structlog sqlite3 http.client ssl asyncio omegaconf pandas"
    code = f"import sys, pellucid.testing; print([e for e in {heavy.split()} if e in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
