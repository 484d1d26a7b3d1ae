"""Several processes count segments into one file at once, and are killed while they do."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock
from zlib import crc32

import pytest
from tests.support.metrics import payloads_of, segment_of, soon, span_of, totals_of
from tests.support.metrics_child import payloads_of_segment

from pellucid.observability.metrics import TotalsStore

ROOT = Path(__file__).parents[3]
RUN = payloads_of(Path(), span_of("run"))

pytestmark = pytest.mark.processes


def start(path: Path, count: int, seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.metrics_child", str(path), str(count), str(seed)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def kill_after(process: subprocess.Popen[str], lines: int) -> None:
    """Kill a process while it takes one of its segments."""
    assert process.stdout is not None
    for _ in range(lines):
        process.stdout.readline()
    process.kill()
    process.communicate()


def expected(count: int) -> dict[object, object]:
    return dict(totals_of(*(each for number in range(count) for each in payloads_of_segment(number))).series)


def take_and_die(path: Path, name: str, statements: int) -> bool:
    """Take a segment in a process that kills itself at a statement; return whether it came so far."""
    pid = os.fork()
    if pid == 0:
        connect, left = sqlite3.connect, [statements]

        def count(_: str) -> None:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

        def traced(*args: Any, **kwargs: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*args, **kwargs)
            connection.set_trace_callback(count)
            return connection

        try:
            with mock.patch.object(sqlite3, "connect", traced):
                TotalsStore(path).take(segment_of(name, RUN))
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("is_new", [True, False])
def test_a_process_that_dies_at_any_statement_has_counted_all_or_nothing(tmp_path: Path, is_new: bool) -> None:
    died = 0
    for statement in range(1, 200):
        path = tmp_path / (f"{statement}.db" if is_new else "metrics.db")
        if not take_and_die(path, f"segment {statement}", statement):
            break
        died += 1
        TotalsStore(path).take(segment_of(f"segment {statement}", RUN), deadline=soon())
        totals = TotalsStore(path).read(deadline=soon())
        assert totals.value("pipeline_runs_total", result="success") == (1 if is_new else statement)
        assert totals.value("telemetry_faults_total") == 0
    assert 15 < died < 199


def test_processes_at_once_count_each_segment_once(tmp_path: Path) -> None:
    path, count = tmp_path / "metrics.db", 40
    children = [start(path, count, seed) for seed in range(4)]
    for child in children:
        child.communicate(timeout=100)
    assert [child.returncode for child in children] == [0, 0, 0, 0]
    assert dict(TotalsStore(path).read(deadline=soon()).series) == expected(count)


def test_processes_that_are_killed_count_each_segment_once(tmp_path: Path) -> None:
    path, count = tmp_path / "metrics.db", 30
    for turn in range(8):
        children = [start(path, count, turn * 2 + each) for each in range(2)]
        for number, child in enumerate(children):
            kill_after(child, 1 + crc32(f"{turn} {number}".encode()) % 12)
        TotalsStore(path).read(deadline=soon(60))
    last = start(path, count, 99)
    last.communicate(timeout=100)
    assert last.returncode == 0
    store = TotalsStore(path)
    assert dict(store.read(deadline=soon()).series) == expected(count)
    assert not any(store.take(segment_of(f"segment-{number}", []), deadline=soon()) for number in range(count))
    assert [each.name for each in tmp_path.glob("*unusable*")] == []
