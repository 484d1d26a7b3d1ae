"""Runs that are going on, as others see them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.support.history import FakeSegment, RunMaker, failed_run
from tests.support.observed import KINDS, RUN, Observed, observed_project

from pellucid.observability._cli._runs_show import report
from pellucid.observability._cli._runs_text import Screen
from pellucid.observability.history import CurrentRuns, Filters, HistoryStore, LiveSpans, NoSuchRunError
from pellucid.observability.spool import FrameKind
from pellucid.observability.wire import decode_span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

NODES = """
from pathlib import Path
from pellucid.pipeline import node, pipeline

def clean(raw):
    return raw

def wait(cleaned):
    print("waiting", flush=True)
    return cleaned + (Path(__file__).parents[4] / "go").read_text()

def create_pipeline(**kwargs):
    return pipeline([
        node(clean, "raw_orders", "cleaned", name="clean"),
        node(wait, "cleaned", "waited", name="wait"),
        node(clean, "waited", "report", name="last"),
    ])
"""


@contextmanager
def _going_on(observed: Observed, kind: str) -> Iterator[None]:
    """Have a run at its second node for the length of a block, and then end."""
    gate = observed.path / "go"
    os.mkfifo(gate)
    with observed.project.script(RUN.format(runner=KINDS[kind]), **observed.environment(kind)) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "waiting\n"
            yield
            gate.write_text("!")
            _, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
        finally:
            process.kill()


def _called(observed: Observed, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pellucid", "runs", *args]
    environment = {**os.environ, **observed.environment(), "COLUMNS": "120"}
    return subprocess.run(
        command, cwd=observed.path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def _json(observed: Observed, *args: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _called(observed, *args, "--json").stdout.splitlines()]


@pytest.mark.processes
@pytest.mark.parametrize("kind", ["sequential", "thread", "fork"])
def test_a_run_that_is_going_on_is_listed_and_shown(tmp_path: Path, kind: str) -> None:
    observed = observed_project(tmp_path, NODES)
    with _going_on(observed, kind):
        (listed,) = _json(observed, "list", "--result", "running")
        assert (listed["result"], listed["ended"], listed["error"]) == ("running", None, None)
        assert listed["nodes"] == {"total": 3, "done": 1, "failed": 0}
        assert listed["parameters"] == {"factor": 3}
        (found,) = _json(observed, "show")
        assert found["run_id"] == listed["run_id"]
        assert found["duration_seconds"] > listed["duration_seconds"] > 0
        is_open = {span["name"] for span in found["spans"] if span["result"] == "running"}
        assert is_open == {"session observed_project", "RUN __default__", "wait"}
        assert {span["name"] for span in found["spans"]} > {"context.load", "clean", "save cleaned"}
        shown = _called(observed, "show", listed["run_id"]).stdout
        assert " running for " in shown.splitlines()[0]
        assert "  at work    wait for " in shown
        refused = _called(observed, "export")
        assert refused.returncode == 2
        assert "is still going on" in refused.stderr
    (ended,) = _json(observed, "list")
    assert (ended["run_id"], ended["result"]) == (listed["run_id"], "success")
    assert ended["nodes"]["done"] == 3
    (whole,) = _json(observed, "show")
    assert len(whole["spans"]) == 14


class _Frame(NamedTuple):
    kind: FrameKind
    stream: int
    payload: bytes


@dataclass(frozen=True)
class _Live:
    """A segment of a living process: some spans in it are open."""

    open: Sequence[bytes]
    ended: Sequence[bytes] = ()
    name: str = "live"
    header: Mapping[str, Any] = field(default_factory=lambda: {"resource": {"service.name": "demo"}})

    def frames(self) -> Iterator[_Frame]:
        for body in [*self.ended, *self.open]:
            yield _Frame(FrameKind.START, 1, body)
            yield _Frame(FrameKind.START, 2, b"{}")
        for body in self.ended:
            yield _Frame(FrameKind.END, 1, body)


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path / "history.db")


def _half_done(number: int = 3, **more: Any) -> tuple[RunMaker, list[bytes]]:
    """Make a run of three nodes; the spans are those of the nodes ``a`` and ``b``, the run and the session."""
    run = RunMaker(number, "train", started=1000.0, **more)
    run.node("a", 0.2, 1.0)
    run.node("b", 1.0, 2.0)
    run.run(2.0, nodes=3)
    return run, run.bodies


def test_a_run_is_as_long_as_it_is_looked_at(store: HistoryStore, tmp_path: Path) -> None:
    run, (done, *rest) = _half_done()
    runs = CurrentRuns(store, LiveSpans([_Live(rest, [done])], run.at(7.1)))
    (found,) = runs.runs(Filters())
    assert (found.run_id, found.result, found.is_running) == (run.session_id, "running", True)
    assert (found.duration_seconds, found.nodes) == (7.0, (3, 1, 0))
    assert found.resource == {"service.name": "demo"}
    spans = {span.name: (span.result, span.ended_ns, span.has_failed) for span in runs.spans(found)}
    assert spans == {
        "session demo": ("running", run.at(7.1), False),
        "RUN train": ("running", run.at(7.1), False),
        "a": ("success", run.at(1.0), False),
        "b": ("running", run.at(7.1), False),
    }
    lines = list(report(found, runs.spans(found), Screen(80), tmp_path))
    assert lines[0] == f"Run {run.session_id}  running for 7.00 s"
    assert "  at work    b for 6.10 s" in lines
    assert "      a         ███████                                                   800 ms" in lines
    assert f"*     b               {'░' * 48}    6.10 s" in lines


def test_what_was_rolled_over_is_taken_from_the_history(store: HistoryStore) -> None:
    run, (done, *rest) = _half_done()
    load = run.io("load", "x", 1.0, 1.1, decode_span(rest[0]).span_id)
    store.take(FakeSegment("first", [done, run.bodies.pop()]))
    runs = CurrentRuns(store, LiveSpans([_Live(rest)], run.at(3.0)))
    found = runs.find()
    assert found.nodes == (3, 1, 0)
    assert [span.name for span in runs.spans(found)] == ["session demo", "RUN train", "a", "b", "load x"]
    assert runs.spans(found)[-1].span_id == load


def test_a_run_that_ended_while_it_was_read_is_there_once(store: HistoryStore) -> None:
    run, bodies = _half_done()
    live = LiveSpans([_Live(bodies)], run.at(3.0))
    store.take(FakeSegment("all", bodies))
    (found,) = CurrentRuns(store, live).runs(Filters())
    assert found.result == "success"
    assert CurrentRuns(store, live).find().result == "success"


def test_a_run_that_ended_is_shown_while_its_process_lives_on(store: HistoryStore) -> None:
    run = failed_run(4, started=1000.0)
    *ended, session = run.bodies
    runs = CurrentRuns(store, LiveSpans([_Live([session], ended)], run.at(20.0)))
    found = runs.find("last-failed")
    assert (found.result, found.failed_nodes, found.duration_seconds) == ("failure", ("fit",), 9.0)
    assert found.error_type == "ValueError"
    assert found.nodes == (5, 3, 1)


def test_runs_in_the_history_and_those_going_on_are_one_list(store: HistoryStore) -> None:
    store.take(failed_run(1).segment())
    run, bodies = _half_done()
    runs = CurrentRuns(store, LiveSpans([_Live(bodies)], run.at(3.0)))

    def results(**filters: Any) -> list[str]:
        return [each.result for each in runs.runs(Filters(**filters))]

    assert results() == ["running", "failure"]
    assert results(limit=1) == ["running"]
    assert results(result="running") == ["running"]
    assert results(pipeline="other") == []
    assert results(until_ns=run.at(0.0)) == ["failure"]
    assert results(since_ns=run.at(0.2)) == []
    assert runs.find("last").result == "running"
    assert runs.find("last-failed").result == "failure"
    assert runs.find(run.session_id).result == "running"
    assert runs.find(run.trace_id.hex()).result == "running"
    assert runs.find("2025-11-22T08.26.01").result == "failure"
    with pytest.raises(NoSuchRunError) as ambiguous:
        runs.find("2025-11-22")
    assert len(ambiguous.value.candidates) == 2
    with pytest.raises(NoSuchRunError):
        runs.find("none")
    assert len(runs.spans(runs.find("last-failed"))) == 16


def test_what_cannot_be_read_is_left_out(store: HistoryStore) -> None:
    live = LiveSpans([_Live([b"\xff"], [b""], header={"resource": None})], 0)
    assert CurrentRuns(store, live).runs(Filters()) == []
