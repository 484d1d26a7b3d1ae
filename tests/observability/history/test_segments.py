"""The history takes what the spool has, of processes that ended well and of one that did not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.history import SECOND, START, failed_run, id_of, span_body

from pellucid.observability.history import HistoryStore
from pellucid.observability.spool import SegmentWriter, SpoolFolder

ROOT = Path(__file__).parents[3]

KILLED = """
import json, os, signal, sys
from pathlib import Path
from pellucid.observability.spool import SegmentWriter
from tests.support.history import failed_run

run = failed_run(3)
header = json.dumps({"v": 1, "resource": {"process.pid": 77}}).encode()
writer = SegmentWriter(Path(sys.argv[1]), header)
*ended, fit, load, own, session = run.bodies
for number, body in enumerate(ended):
    writer.start(1, bytes(7) + bytes([number]), body)
    writer.end(1, bytes(7) + bytes([number]), body)
for number, body in enumerate((fit, own, session), 100):
    writer.start(1, bytes(7) + bytes([number]), body)
os.kill(os.getpid(), signal.SIGKILL)
"""


def _nothing_is_open(stream: int, payload: bytes, last_ns: int) -> bytes:
    raise AssertionError("nothing is open")


def test_segments_of_the_spool_are_taken(tmp_path: Path) -> None:
    run = failed_run()
    header = json.dumps({"v": 1, "resource": {"service.name": "demo"}}).encode()
    writer = SegmentWriter(tmp_path / "spool", header)
    for number, body in enumerate(run.bodies):
        writer.start(1, id_of(number), body)
        writer.end(1, id_of(number), body)
        writer.end(3, id_of(number), b"a log record")
    writer.close()
    store = HistoryStore(tmp_path / "history.db")
    taken = [store.take(segment) for segment in SpoolFolder(tmp_path / "spool").finished(_nothing_is_open)]
    assert sum(taken) == 16
    again = [store.take(segment) for segment in SpoolFolder(tmp_path / "spool").finished(_nothing_is_open)]
    assert sum(again) == 0
    assert len(again) == len(taken)
    (found,) = store.runs()
    assert found.failed_nodes == ("fit",)
    assert found.resource["service.name"] == "demo"


@pytest.mark.processes
def test_a_killed_run_is_in_the_history_with_the_node_that_it_died_in(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "spool")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert ended.returncode == -9
    run = failed_run(3)
    sealed = {
        body: span_body(
            run.trace_id,
            span_id,
            parent,
            name,
            START,
            START + 9 * SECOND,
            {"pellucid.kind": kind, "pellucid.result": "error", "error.type": "ProcessLost", "session.id": "s"},
        )
        for body, span_id, parent, name, kind in (
            (run.bodies[-4], id_of(30_900), run.run_span, "fit", "node"),
            (run.bodies[-2], run.run_span, run.session_span, "RUN train", "run"),
            (run.bodies[-1], run.session_span, b"", "session", "session"),
        )
    }
    store = HistoryStore(tmp_path / "history.db")
    for segment in SpoolFolder(tmp_path / "spool").finished(lambda _stream, payload, _ns: sealed[payload]):
        store.take(segment)
    (found,) = store.runs()
    assert (found.result, found.error_type, found.failed_nodes) == ("error", "ProcessLost", ("fit",))
    assert found.nodes == (4, 3, 1)
