"""Several processes that write to one history, and some that are killed while they do."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.history import failed_run

from pellucid.observability.history import HistoryStore

ROOT = Path(__file__).parents[3]

WRITER = """
import sys
from pathlib import Path
from pellucid.observability.history import HistoryStore
from tests.support.history import failed_run

store = HistoryStore(Path(sys.argv[1]), busy_seconds=30)
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    store.take(failed_run(number, started=float(number)).segment(f"s{number}"))
    print(number, flush=True)
"""

pytestmark = pytest.mark.processes


def _started(path: Path, first: int, last: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(first), str(last)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def _let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("\n")
    process.stdin.flush()


def test_several_processes_at_once_lose_nothing_and_take_nothing_twice(tmp_path: Path) -> None:
    """Each gives half of what the next one gives, too."""
    path = tmp_path / ".pellucid" / "history.db"
    writers = [_started(path, first, first + 20) for first in (1, 11, 21)]
    for each in writers:
        _let_go(each)
    for each in writers:
        each.communicate(timeout=60)
        assert each.returncode == 0
    store = HistoryStore(path)
    runs = store.runs()
    assert len(runs) == 40
    assert all(run.nodes == (5, 3, 1) and len(store.spans(run)) == 16 for run in runs)
    assert store.counters() == {}


@pytest.mark.parametrize("at", [1, 2, 7])
def test_a_process_killed_while_it_writes_leaves_whole_segments(tmp_path: Path, at: int) -> None:
    path = tmp_path / ".pellucid" / "history.db"
    writer = _started(path, 1, 100_000)
    _let_go(writer)
    assert writer.stdout is not None
    for _ in range(at):
        writer.stdout.readline()
    writer.send_signal(signal.SIGKILL)
    told = at + len([line for line in writer.communicate(timeout=60)[0].splitlines() if line])
    store = HistoryStore(path)
    taken = len(store.runs(None))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (segments,) = connection.execute("SELECT count(*) FROM segments").fetchone()
        (spans,) = connection.execute("SELECT count(*) FROM spans").fetchone()
        assert spans == 16 * segments
    assert segments >= told - 1
    assert taken == min(segments, 50)
    assert store.take(failed_run(1, started=1.0).segment("s1")) == 0
    assert store.take(failed_run(200_000).segment("s200000")) == 16
