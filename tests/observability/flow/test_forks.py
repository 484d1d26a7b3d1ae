"""No fork comes in the middle of what a thread in the background must not leave half done in the child."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest
from tests.support.observed import Observed, observed_project

from pellucid.observability.flow._forks import ForkGate

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes


def forked(gate: ForkGate) -> int:
    """Fork; return the exit code of the child: 0 if it could pass the gate."""
    pid = os.fork()
    if not pid:
        with gate:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def test_a_fork_waits_for_who_is_inside() -> None:
    gate, is_inside, may_leave = ForkGate(), threading.Event(), threading.Event()
    left: list[float] = []

    def work() -> None:
        with gate:
            is_inside.set()
            may_leave.wait(0.3)
            left.append(time.monotonic())

    thread = threading.Thread(target=work)
    thread.start()
    is_inside.wait(30)
    assert forked(gate) == 0
    assert left
    thread.join()
    with gate:
        assert forked(gate) == 0


def test_a_fork_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.observability.flow._forks._PATIENCE_SECONDS", 0.05)
    gate, is_inside, may_leave = ForkGate(), threading.Event(), threading.Event()

    def work() -> None:
        with gate:
            is_inside.set()
            may_leave.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    is_inside.wait(30)
    assert forked(gate) == 0
    may_leave.set()
    thread.join()
    assert forked(gate) == 0


def test_a_gate_that_is_gone_holds_up_nobody() -> None:
    gate = ForkGate()
    del gate
    assert forked(ForkGate()) == 0


NODES = """
import os, signal, time
from pellucid.pipeline import node, pipeline

def forks(raw):
    codes = []
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        pid = os.fork()
        if not pid:
            signal.alarm(20)
            import sqlite3, statistics
            sqlite3.connect(":memory:").execute("SELECT 1")
            os._exit(0)
        codes.append(os.waitpid(pid, 0)[1])
    return str(sum(code != 0 for code in codes))

def create_pipeline(**kwargs):
    return pipeline([node(forks, "raw_orders", "report", name="forks")])
"""


@pytest.mark.e2e
def test_children_of_a_node_import_what_is_being_imported(tmp_path: Path) -> None:
    observed: Observed = observed_project(tmp_path / "project", NODES)
    observed.configure("spool: {roll_seconds: 0.3}\n")
    code, _, err = observed.run()
    assert code == 0, err
    assert (observed.path / "data" / "report.txt").read_text("utf-8") == "0"
