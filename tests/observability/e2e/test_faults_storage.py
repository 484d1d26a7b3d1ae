"""Faults of the disk and of what is on it: the run succeeds, what is lost is counted, what is there is read."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest
from tests.support.backends import Answer, HttpBackend, Silence, nobody_there
from tests.support.faults import ACT, DELIVERS, SPANS, Faulty, Received, assert_all_once, faulty_project
from tests.support.observed import TREE, in_order, tree_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.faults import Ended

pytestmark = pytest.mark.processes

SLACK_SECONDS = 4.0
"""For a machine on which all is slow, the end of the interpreter among it."""

OUTPUTS = {"report.txt": b"6 [3, 6, 9]", "scaled.json": b"[\n  3,\n  6,\n  9\n]"}


@pytest.fixture
def faulty(tmp_path: Path) -> Faulty:
    return faulty_project(tmp_path / "project")


def assert_unharmed(faulty: Faulty, ended: Ended) -> None:
    """Hold that a run was what it is without telemetry."""
    assert ended.code == 0, ended.err
    assert (ended.out, ended.error) == ("", "")
    assert faulty.take_outputs() == OUTPUTS


# ------------------------------------------------------------------------------------------------------------- bursts

BURST = """
from opentelemetry import trace
tracer = trace.get_tracer("burst")
for number in range({count}):
    with tracer.start_as_current_span("user"):
        pass
"""


def test_burst(faulty: Faulty) -> None:
    """Of 100,000 spans none is lost, with a backend that is dead; the next process delivers them."""
    faulty.configure("spool: {total_bytes: 268435456}\n")
    count = 100_000
    ended = faulty.watched(**{ACT: BURST.format(count=count)}, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=nobody_there())
    assert_unharmed(faulty, ended)
    assert ended.delay_seconds < 1.2 + SLACK_SECONDS
    said = ended.last_line
    assert (said["spans"], said["kept"], said["dropped"]) == (SPANS + count, SPANS + count, 0)
    with HttpBackend() as backend:
        code, answer = faulty.replay(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=backend.url)
        assert code == 0, answer
        received = Received.of(backend.taken)
    assert len(received.times) == SPANS + count
    assert not received.twice
    assert len(faulty.runs()) == 1  # which sorts what was kept as it came
    with sqlite3.connect(f"file:{faulty.path}/.pellucid/history.db?mode=ro", uri=True) as database:
        (stored,) = database.execute("SELECT count(*) FROM spans").fetchone()
    database.close()
    assert stored == SPANS + count
    totals = faulty.totals()
    for state, expected in {"produced": SPANS + count, "delivered": SPANS + count, "dropped": 0}.items():
        assert totals.value("telemetry_spans_total", state=state) == expected


def test_burst_beyond_the_bound(faulty: Faulty) -> None:
    """What is beyond the bound of the spool is counted exactly, in the metrics as in the last line."""
    faulty.configure(DELIVERS + "spool: {total_bytes: 1048576, segment_bytes: 65536}\n")
    count = 10_000
    ended = faulty.watched(**{ACT: BURST.format(count=count)}, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=nobody_there())
    assert_unharmed(faulty, ended)
    said = ended.last_line
    assert said["dropped"] > 0
    assert said["spans"] == SPANS + count
    assert said["kept"] + said["dropped"] == SPANS + count
    assert sum(each.stat().st_size for each in faulty.kept_files()) <= 1_048_576
    with HttpBackend() as backend:
        faulty.replay(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=backend.url)
        received = Received.of(backend.taken)
    assert len(received.times) == said["kept"]
    assert not received.twice
    totals = faulty.totals()
    assert totals.value("telemetry_spans_total", state="dropped") == said["dropped"]
    assert totals.value("telemetry_spans_total", state="delivered") == said["kept"]


# --------------------------------------------------------------------------------------------------------------- disk

FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
note("full")
from opentelemetry import trace
tracer = trace.get_tracer("burst")
for number in range(300):
    with tracer.start_as_current_span("user"):
        pass
"""


@pytest.mark.parametrize("kind", ["sequential", "thread", "fork"])
def test_disk_full(faulty: Faulty, kind: str) -> None:
    """No file may grow: the run succeeds with one warning, the lost are counted, what was kept before is read."""
    ended = faulty.watched(kind, "command", **{ACT: FULL}, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=nobody_there())
    assert_unharmed(faulty, ended)
    assert len(ended.err) < 40_000
    told = [each for each in ended.warnings if "(spool)" in each]
    # Also where it is a worker alone that could not write.
    assert len(told) == 1
    said = ended.last_line
    assert said["dropped"] > 0
    with HttpBackend() as backend:
        faulty.replay(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=backend.url)
        received = Received.of(backend.taken)
        names = backend.names
    assert {"session.create", "context.load", "catalog.create", "clean"} <= set(names)
    assert not received.twice
    if kind != "fork":
        assert said["spans"] == said["kept"] + said["dropped"] == SPANS + 300
        # Those whose start was kept and whose end was not are lost, and not taken for those of a killed process.
        assert len(received.times) == said["kept"]
    assert not [span for span in faulty.all_spans() if span.error_type == "ProcessLost"]
    # Of a run whose own end was lost the history knows nothing.
    assert [run.result for run in faulty.runs()] == (["success"] if kind == "fork" else [])
    assert faulty.watched().code == 0


@pytest.mark.parametrize("kind", ["sequential", "thread", "fork", "spawn"])
def test_folder_that_cannot_be_written(faulty: Faulty, kind: str) -> None:
    """A file in place of ``.pellucid``: the run succeeds, everything is counted as dropped, and told once."""
    (faulty.path / ".pellucid").write_text("no folder")
    ended = faulty.watched(kind, "command")
    assert_unharmed(faulty, ended)
    assert ended.last_line["result"] == "success"
    assert ended.last_line["dropped"] == ended.last_line["spans"]
    # What its workers lost is counted with it.
    assert ended.last_line["spans"] == SPANS
    # Not by each process, nor for each of what is lost, nor by the spool and the log file beside it.
    assert len(ended.warnings) == 1, ended.warnings
    assert (faulty.path / ".pellucid").read_text() == "no folder"


REMOVE = "import shutil; shutil.rmtree('.pellucid'); note('removed')"


@pytest.mark.parametrize("kind", ["sequential", "thread", "fork", "spawn"])
def test_folder_is_removed_in_the_middle_of_a_run(faulty: Faulty, kind: str) -> None:
    ended = faulty.watched(kind, "command", **{ACT: REMOVE})
    assert "removed" in ended.notes
    assert_unharmed(faulty, ended)
    assert ended.last_line["result"] == "success"
    again = faulty.watched("sequential", "command")
    assert_unharmed(faulty, again)
    assert again.last_line["dropped"] == 0
    assert tree_of(faulty.spans()) == in_order(TREE)


# --------------------------------------------------------------------------------------------------------- state files


def history_db(path: Path) -> Path:
    return path / ".pellucid" / "history.db"


def metrics_db(path: Path) -> Path:
    return path / ".pellucid" / "metrics.db"


def an_active_segment(path: Path) -> Path:
    return path / ".pellucid" / "spool" / "active" / "00000000000000000001-1-00000000-000001.seg"


def collect_lock(path: Path) -> Path:
    return path / ".pellucid" / "spool" / "collect.lock"


def log_file(path: Path) -> Path:
    return path / ".pellucid" / "logs" / "pellucid.jsonl"


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "garbage": lambda data: bytes(range(256)) * 64,
    "cut": lambda data: data[: len(data) // 2],
    "scratched": lambda data: data[:100] + b"\xff" * 4000 + data[4100:],
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("place", [history_db, metrics_db, an_active_segment, collect_lock, log_file])
def test_corrupt_state_file(faulty: Faulty, place: Callable[[Path], Path], damage: str) -> None:
    """It is set aside, and the rest is served: the page, the history, this run and the next one."""
    faulty.configure(DELIVERS + "metrics: {textfile: page.prom}\n")
    assert_unharmed(faulty, faulty.watched())
    path = place(faulty.path)
    before = path.read_bytes() if path.exists() else b""
    path.write_bytes(DAMAGES[damage](before))
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    ended = faulty.watched()
    assert_unharmed(faulty, ended)
    assert_unharmed(faulty, faulty.watched())
    page = (faulty.path / "page.prom").read_text()
    assert "pellucid_build_info" in page
    runs = faulty.runs()
    assert [run.result for run in runs[:2]] == ["success", "success"]
    assert tree_of(faulty.spans()) == in_order(TREE)
    counted = faulty.totals().value("pipeline_runs_total", pipeline="__default__", result="success")
    if place is history_db:
        assert len(runs) == 2
        assert damage == "empty" or faulty.history.counters()["corrupt_files"] == 1
        assert damage == "empty" or [each for each in path.parent.glob("history.db?*") if "unusable" in each.name]
    else:
        assert len(runs) == 3
    assert counted == (2 if place is metrics_db else 3)
    if place is metrics_db and damage != "empty":
        assert 'pellucid_telemetry_faults_total{part="' in page


@pytest.mark.parametrize("damage", DAMAGES)
def test_corrupt_file_in_the_outbox(faulty: Faulty, damage: str) -> None:
    """What can be read of it is delivered; it keeps nothing else from being so."""
    faulty.configure(DELIVERS)
    faulty.watched(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=nobody_there())
    (path,) = faulty.kept_files()
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with HttpBackend() as backend:
        ended = faulty.watched(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=backend.url)
        assert_unharmed(faulty, ended)
        received = Received.of(backend.taken)
    assert len(received.times) >= SPANS
    assert not received.twice
    assert {span.span_id for span in faulty.spans()} <= received.times.keys()


def test_state_of_a_later_version(faulty: Faulty) -> None:
    """A history of a later version is left as it is; the run and all else are not concerned."""
    faulty.configure(DELIVERS)
    faulty.watched()
    with sqlite3.connect(history_db(faulty.path)) as database:
        database.execute("PRAGMA user_version = 9999")
    database.close()
    ended = faulty.watched()
    assert_unharmed(faulty, ended)
    assert faulty.totals().value("pipeline_runs_total", pipeline="__default__", result="success") == 2
    with sqlite3.connect(history_db(faulty.path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (9999,)
        database.execute("PRAGMA user_version = 1")
    database.close()


# ----------------------------------------------------------------------------------------------------- pipes and clock


@pytest.mark.parametrize("budget", [1.0, 0.2])
@pytest.mark.parametrize("backend_is_dead", [False, True])
def test_stderr_that_nobody_reads(faulty: Faulty, budget: float, *, backend_is_dead: bool) -> None:
    """A full pipe holds up nobody: the process ends in time, together with a backend that never answers."""
    faulty.configure(f"exit_budget_seconds: {budget}\n")
    logs = (
        "import logging\nfor n in range(3000): logging.getLogger('observed_project').warning('line %d %s', n, 'x' * 80)"
    )
    with HttpBackend((Silence(),)) as backend:
        endpoint = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": backend.url} if backend_is_dead else {}
        process = faulty.start("sequential", "command", **{ACT: logs}, **endpoint)
        code = process.wait(60)
        now = time.clock_gettime(time.CLOCK_MONOTONIC)
        (ended,) = [float(line.split()[1]) for line in faulty.notes() if line.startswith("ended")]
        assert code == 0
        assert now - ended < budget + 0.2 + SLACK_SECONDS
        faulty.ended(process)
    assert faulty.take_outputs() == OUTPUTS
    assert tree_of(faulty.spans()) == in_order(TREE)
    lines = [json.loads(line) for line in log_file(faulty.path).read_text().splitlines()]
    assert sum("line " in line["event"] for line in lines) == 3000


FILL = """
for number in (1, 2):
    os.set_blocking(number, False)
    try:
        while True:
            os.write(number, b"x" * 1000)
    except BlockingIOError:
        os.set_blocking(number, True)
"""


@pytest.mark.parametrize("kind", ["sequential", "thread"])
def test_stdout_and_stderr_that_are_full(faulty: Faulty, kind: str) -> None:
    """Neither takes a byte more, from the middle of the run on."""
    process = faulty.start(kind, "command", **{ACT: FILL})
    assert process.wait(60) == 0
    now = time.clock_gettime(time.CLOCK_MONOTONIC)
    (ended,) = [float(line.split()[1]) for line in faulty.notes() if line.startswith("ended")]
    assert now - ended < 2 + SLACK_SECONDS
    process.communicate(timeout=30)
    assert faulty.take_outputs() == OUTPUTS
    assert tree_of(faulty.spans()) == in_order(TREE)


def test_stdout_and_stderr_that_are_closed(faulty: Faulty) -> None:
    process = faulty.start("sequential", "command")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stderr.close()
    assert process.wait(30) == 0
    assert tree_of(faulty.spans()) == in_order(TREE)


JUMP = """
import time
real_ns, real = time.time_ns, time.time
time.time_ns = lambda: real_ns() + {seconds} * 10**9
time.time = lambda: real() + {seconds}
"""


@pytest.mark.parametrize("kind", ["sequential", pytest.param("fork", marks=pytest.mark.long)])
@pytest.mark.parametrize("seconds", [-7200, 7200, -40 * 86_400, 40 * 86_400])
def test_system_clock_jumps(faulty: Faulty, kind: str, seconds: int) -> None:
    """Durations and deadlines do not know of it."""
    with HttpBackend((Silence(),)) as backend:
        endpoint = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": backend.url}
        ended = faulty.watched(kind, **{ACT: JUMP.format(seconds=seconds)}, **endpoint)
        assert_unharmed(faulty, ended)
        assert ended.delay_seconds < 1.2 + SLACK_SECONDS
        assert tree_of(faulty.spans()) == in_order(TREE)
        for span in faulty.all_spans():
            assert 0 < span.ended_ns - span.started_ns < 60e9
        (run,) = faulty.runs()
        assert run.duration_seconds < 60
        backend.behave(Answer(200))
        code, _ = faulty.replay(**endpoint)
        assert code == 0
        assert_all_once(faulty, backend.taken, SPANS)


# -------------------------------------------------------------------------------------------------- values, own hooks

VALUES = {
    "repr_raises": """
class Odd:
    def __repr__(self): raise RuntimeError("repr")
    __str__ = __repr__
value = Odd()
""",
    "100_megabytes": "value = 'x' * 100_000_000\n",
    "nested": "value = []\nfor _ in range(100_000): value = [value]\n",
}

WITH_VALUE = """
{value}
with KedroSession.create(runtime_params={{"odd": {{"value": value}}, "password": "hunter2"}}) as session:
    session.run()
"""


@pytest.mark.parametrize("value", ["repr_raises", "100_megabytes"])
def test_value_as_parameter(faulty: Faulty, value: str) -> None:
    """A placeholder, or as much as fits."""
    text = WITH_VALUE.format(value=VALUES[value]).replace("{", "{{").replace("}", "}}")
    off = faulty.watched(body=text, OTEL_SDK_DISABLED="true")
    ended = faulty.watched(body=text)
    assert ended.code == off.code, ended.err
    if off.code == 0:
        assert tree_of(faulty.spans()) == in_order(TREE)
    assert size_of(faulty) < 3_000_000
    assert len(ended.err) < 100_000
    assert b"hunter2" not in everything(faulty)


@pytest.mark.parametrize("kind", ["sequential", "fork"])
@pytest.mark.parametrize("value", ["repr_raises", "100_megabytes"])
def test_value_as_input_and_in_an_exception(faulty: Faulty, value: str, kind: str) -> None:
    act = VALUES[value] + "raise ValueError(value)"
    off = faulty.watched(kind, **{ACT: act}, OTEL_SDK_DISABLED="true")
    ended = faulty.watched(kind, **{ACT: act})
    assert ended.code == off.code == 1
    assert "ValueError" in ended.error
    (run,) = faulty.runs()
    assert (run.result, run.error_type) == ("failure", "ValueError")
    assert size_of(faulty) < 3_000_000
    assert sum(map(len, ended.err.splitlines())) - len(off.err) < 200_000


def size_of(faulty: Faulty) -> int:
    return sum(each.stat().st_size for each in (faulty.path / ".pellucid").rglob("*") if each.is_file())


def everything(faulty: Faulty) -> bytes:
    return b"".join(each.read_bytes() for each in (faulty.path / ".pellucid").rglob("*") if each.is_file())


BAD_HOOKS = """
from pellucid.framework.hooks import hook_impl
from observed_project.watch import watch

class Bad:
    @hook_impl
    def on_recording_started(self): raise RuntimeError("started")
    @hook_impl
    def on_span_started(self, span): raise BaseException("a span started")
    @hook_impl
    def on_span_ended(self, span): raise SystemExit(0)
    @hook_impl
    def on_recording_ended(self): raise MemoryError

HOOKS = (watch, Bad())
"""


@pytest.mark.parametrize("kind", ["sequential", "thread", "fork"])
def test_hook_of_telemetry_raises(faulty: Faulty, kind: str) -> None:
    """Outputs, exit code and errors as without; the plugin is switched off, the others go on."""
    faulty.project.module("settings", BAD_HOOKS)
    ended = faulty.watched(kind, "command")
    assert_unharmed(faulty, ended)
    assert tree_of(faulty.spans()) == in_order(TREE)
    assert any("switched off" in each for each in ended.warnings)
    failing = faulty.watched(kind, "command", **{ACT: "raise LookupError('the real one')"})
    assert failing.code == 1
    assert "LookupError: the real one" in failing.error
    assert faulty.runs()[0].error_message == "the real one"
