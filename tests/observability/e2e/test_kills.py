"""Kills at random moments: all that was started is found by the next process, once."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from tests.support.backends import HttpBackend
from tests.support.faults import Faulty, Received, faulty_project, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.observability.history import StoredSpan

pytestmark = pytest.mark.processes

NODES = """
import os, time
from pellucid.pipeline import node, pipeline
from observed_project.watch import note

def make(number):
    def work(*inputs):
        note("node", os.environ["FAULTS_ROUND"], f"n{number}")
        time.sleep(0.004)
        return number
    work.__name__ = f"work{number}"
    work.__qualname__ = f"work{number}"
    globals()[work.__name__] = work
    return work

WORK = [make(number) for number in range(120)]

def create_pipeline(**kwargs):
    chains = []
    for number, work in enumerate(WORK):
        before = "raw_orders" if number < 3 else f"d{number - 3}"
        chains.append(node(work, before, f"d{number}", name=f"n{number}"))
    return pipeline(chains)
"""


KINDS = ("sequential", "fork", "sequential", "forkserver")


@dataclass
class Log:
    """What the project noted by itself, before it was killed.

    Attributes:
        runs: ids of the runs whose pipeline was started, by round.
        nodes: that began to work, by round.
    """

    runs: dict[str, list[str]] = field(default_factory=dict)
    nodes: dict[str, Counter[str]] = field(default_factory=dict)

    def read(self, path: Path) -> None:
        for line in path.read_text("utf-8").splitlines():
            what, *words = line.split()
            if what == "run":
                self.runs.setdefault(self.last_round, []).append(words[0])
            elif what == "round":
                self.last_round = words[0]
            elif what == "node":
                self.nodes.setdefault(words[0], Counter())[words[1]] += 1

    last_round: str = ""


def kill_at_random(faulty: Faulty, rounds: int, to: dict[str, str]) -> Log:
    """Start the pipeline so many times, and kill each process group at a random moment after its run began."""
    chance = random.SystemRandom()
    log = Log()
    for number in range(rounds):
        kind = KINDS[number % len(KINDS)]
        process = faulty.start(kind, "command", FAULTS_ROUND=str(number), **to)
        # Some are killed while they begin, most in the middle, some when they are done or are delivering.
        if chance.random() < 0.85:
            wait_for(process, lambda: any(line.startswith("run ") for line in faulty.notes()))
        time.sleep(chance.uniform(0, 0.35))
        process.kill()
        process.communicate(timeout=30)
        if faulty.notes_path.exists():
            log.last_round = str(number)
            log.read(faulty.notes_path)
    return log


def assert_all_accounted_for(faulty: Faulty, log: Log, backend: HttpBackend, to: dict[str, str]) -> None:
    """Hold that what the projects noted is in the history, in the metrics and at the backend, once."""
    faulty.notes_path.unlink(missing_ok=True)
    code, said = faulty.replay(**to)
    assert code == 0, said
    history = faulty.history
    found = {run.run_id: run for run in history.runs()}
    spans = {run_id: history.spans(run) for run_id, run in found.items()}
    for number, run_ids in log.runs.items():
        (run_id,) = run_ids
        assert run_id in found, f"round {number}"
        stored = Counter(span.name for span in spans[run_id] if span.kind == "node")
        noted = log.nodes.get(number, Counter())
        assert not noted - stored, f"round {number}: these began and are not there"
        # One more may have begun for each process than came to note it.
        assert sum((stored - noted).values()) <= 2, f"round {number}: {stored - noted}"
        assert set(stored.values()) <= {1}
        run = found[run_id]
        assert run.result in ({"error", "success"} if sum(noted.values()) == 120 else {"error"})
        assert run.result == "success" or run.error_type == "ProcessLost"
    everything = [span for each in spans.values() for span in each]
    ids = Counter(span.span_id for span in everything)
    assert set(ids.values()) == {1}
    assert all(span.ended_ns >= span.started_ns for span in everything)
    received = Received.of(backend.taken)
    assert received.times.keys() == ids.keys()
    assert all(len(forms) == 1 for forms in received.forms.values()), "what came twice is not byte-identical"
    # A run that was killed just before the project noted it began all the same; of one that was killed before it began
    # there is the session alone.
    began = [run for run_id, run in found.items() if any(span.kind == "run" for span in spans[run_id])]
    assert {run.run_id for run in began} >= {run_id for run_ids in log.runs.values() for run_id in run_ids}
    assert_metrics(faulty, Counter(run.result for run in began), spans)


def assert_metrics(faulty: Faulty, results: Counter[str], spans: dict[str, list[StoredSpan]]) -> None:
    totals = faulty.totals()
    for result, count in results.items():
        assert totals.value("pipeline_runs_total", pipeline="__default__", result=result) == count
    nodes = [span for each in spans.values() for span in each if span.kind == "node"]
    counted = sum(
        totals.value("node_runs_total", **labels)
        for labels in totals.labels("node_runs_total")
        if labels["pipeline"] == "__default__"
    )
    assert counted == len(nodes)
    assert totals.value("telemetry_spans_total", state="produced") == sum(map(len, spans.values()))


def rounds_of(folder: Path, rounds: int) -> int:
    faulty = faulty_project(folder, NODES)
    with HttpBackend() as backend:
        to = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": backend.url}
        log = kill_at_random(faulty, rounds, to)
        assert_all_accounted_for(faulty, log, backend, to)
    return sum(map(len, log.runs.values()))


@pytest.mark.parametrize("part", range(5))
def test_kills_at_random_moments(tmp_path: Path, part: int) -> None:
    """Ten kills, five times; most of them when a run was going on."""
    del part
    assert rounds_of(tmp_path / "project", 10) >= 5


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(50))
def test_a_thousand_kills(tmp_path: Path, part: int) -> None:
    """Twenty kills, fifty times."""
    del part
    assert rounds_of(tmp_path / "project", 20) >= 10
