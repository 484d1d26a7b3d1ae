"""Faults of processes: signals, kills, lost workers, forks; all that began is accounted for."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from tests.support.backends import GrpcBackend, HttpBackend, Slow
from tests.support.faults import (
    ACT,
    ACTING,
    DELIVERS,
    SPANS,
    Faulty,
    assert_all_arrived,
    assert_all_once,
    descendants,
    faulty_project,
    is_alive,
    stays_whole,
    wait_for,
)
from tests.support.observed import KINDS, RUN, TREE, in_order, tree_of

from pellucid.observability.wire import decode_span

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.support.backends import Request

    from pellucid.observability.history import StoredSpan

pytestmark = pytest.mark.processes

WORKERS = ["fork", "spawn", "forkserver"]
SLACK_SECONDS = 10.0
"""For a machine on which all is slow and busy; what is promised to end here would otherwise go on for a minute."""

BUSY_IN_PYTHON = "while True: pass"
BUSY_IN_C = "while True: sum(range(5_000_000))"
BUSY_IN_SHORT_C = "while True: sum(range(500_000))"  # a longer one lets no other thread go on, for longer
WAITS = "[time.sleep(0.1) for _ in range(600)]"  # in steps: a signal in the moment before one wait is heard after it


@pytest.fixture
def faulty(tmp_path: Path) -> Faulty:
    return faulty_project(tmp_path / "project")


def to_backend(backend: HttpBackend) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": backend.url}


def until_busy(faulty: Faulty, process: subprocess.Popen[str]) -> list[str]:
    """Wait until the node is at work; return what it noted."""

    def noted() -> list[str]:
        return [line for line in faulty.notes() if line.startswith("busy ")]

    found: list[str] = wait_for(process, noted)
    return found[0].split()


def by_name(spans: list[StoredSpan]) -> dict[str, StoredSpan]:
    return {span.name: span for span in spans}


# ---------------------------------------------------------------------------------------------------------- signals


@pytest.mark.parametrize(
    ("kind", "by", "act"),
    [
        ("sequential", "command", BUSY_IN_PYTHON),
        ("sequential", "script", BUSY_IN_PYTHON),
        ("sequential", "command", BUSY_IN_C),
        ("async", "command", WAITS),
        ("thread", "command", BUSY_IN_SHORT_C),
        ("thread", "script", WAITS),
        ("fork", "command", BUSY_IN_PYTHON),
        ("spawn", "command", BUSY_IN_C),
        ("forkserver", "script", WAITS),
    ],
)
def test_sigterm(faulty: Faulty, kind: str, by: str, act: str) -> None:
    """Open spans are closed as ``cancellation``, the exit code is 143 within 2 s, and all is delivered or kept."""
    # That thread may leave others too little time for anything: so that case has the default budget, and keeps.
    is_starved = act == BUSY_IN_SHORT_C
    faulty.configure("" if is_starved else DELIVERS)
    with HttpBackend() as backend:
        process = faulty.start(kind, by, **{ACT: act}, **to_backend(backend))
        until_busy(faulty, process)
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        ended = faulty.ended(process)
        assert time.monotonic() - told < 2 + SLACK_SECONDS
        assert ended.code == 143, ended.err
        said = ended.last_line
        assert said["result"] == "cancellation"
        assert said["delivered"] + said["kept"] == said["spans"]
        if not is_starved:
            assert said["kept"] == 0
            assert faulty.kept_files() == []
        faulty.replay(**to_backend(backend))
        (run,) = faulty.runs()
        assert run.result == "cancellation"
        spans = by_name(faulty.all_spans())
        assert spans["RUN __default__"].result == "cancellation"
        assert spans["scale"].result == "cancellation"
        assert {span.result for span in spans.values()} == {"success", "cancellation"}
        stays_whole(faulty)
        assert_all_arrived(faulty, backend.taken, is_cut_off=ended.is_cut_off)
        assert said["spans"] == len(faulty.all_spans())
        assert len(ended.events("pipeline.failed")) == 1
        assert faulty.totals().value("pipeline_runs_total", pipeline="__default__", result="cancellation") == 1
        assert faulty.kept_files() == []


FOUR_NODES = """
import os, sys, time
from pellucid.pipeline import node, pipeline
from observed_project.watch import note

def work(raw):
    note("busy", os.getpid(), time.time_ns())
    exec(compile(os.environ[{act!r}], "act", "exec"), globals())

def create_pipeline(**kwargs):
    return pipeline([node(work, "raw_orders", f"worked_{{number}}", name=f"work_{{number}}") for number in range(4)])
"""


@pytest.mark.parametrize("by", ["script", "command"])
@pytest.mark.parametrize("act", [BUSY_IN_PYTHON, BUSY_IN_SHORT_C, WAITS])
def test_sigterm_while_four_threads_are_at_work(tmp_path: Path, act: str, by: str) -> None:
    """The end is not slowed by threads that hold the interpreter's lock: it needs it few times."""
    faulty = faulty_project(tmp_path / "project", FOUR_NODES.format(act=ACT))
    faulty.project.write("conf/base/catalog.yml", '"{name}_orders": {type: text.TextDataset, filepath: data/raw.txt}\n')
    faulty.project.write("data/raw.txt", "1")
    body = RUN.replace("{runner}", "ThreadRunner(max_workers=4)")
    process = faulty.start("thread", by, body=body, args=("--runner-params", "max_workers=4"), **{ACT: act})
    wait_for(process, lambda: sum(line.startswith("busy ") for line in faulty.notes()) == 4)
    told = time.monotonic()
    process.send_signal(signal.SIGTERM)
    ended = faulty.ended(process)
    assert time.monotonic() - told < 2 + SLACK_SECONDS
    assert ended.code == 143, ended.err
    assert ended.last_line["result"] == "cancellation"
    assert len(ended.events("node.failed")) == 4
    (run,) = faulty.runs()
    assert run.result == "cancellation"
    assert {by_name(faulty.all_spans())[f"work_{number}"].result for number in range(4)} == {"cancellation"}
    stays_whole(faulty)


# ------------------------------------------------------------------------------------------------------------ deaths

DEATHS = {
    "os._exit": ("os._exit(7)", 7),
    "sigkill": ("os.kill(os.getpid(), signal.SIGKILL)", -9),
    "segmentation_fault": ("import ctypes; signal.signal(signal.SIGSEGV, signal.SIG_DFL); ctypes.string_at(0)", -11),
}


@pytest.mark.parametrize(
    ("kind", "by", "death"),
    [
        ("sequential", "script", "os._exit"),
        ("sequential", "command", "sigkill"),
        ("sequential", "script", "segmentation_fault"),
        ("async", "script", "sigkill"),
        ("thread", "script", "sigkill"),
        ("thread", "command", "os._exit"),
    ],
)
def test_the_process_of_a_run_dies(faulty: Faulty, kind: str, by: str, death: str) -> None:
    """All that began is recovered by the next process; what was open is an error at its last sign of life."""
    act, code = DEATHS[death]
    # On a slow machine it would deliver before it dies, and perhaps die in the middle of that.
    faulty.configure(DELIVERS + "spool: {roll_seconds: 3600}\n")
    with HttpBackend() as backend:
        ended = faulty.watched(kind, by, **{ACT: act}, **to_backend(backend))
        assert ended.code == code, ended.err
        (busy,) = [line.split() for line in ended.notes if line.startswith("busy ")]
        again = faulty.watched("sequential", "command", **to_backend(backend))
        assert again.code == 0
        assert again.last_line["spans"] == SPANS
        assert_all_once(faulty, backend.taken)
    whole, lost = faulty.runs()
    assert (whole.result, lost.result, lost.error_type) == ("success", "error", "ProcessLost")
    assert "scale" in lost.failed_nodes
    spans = by_name(faulty.history.spans(lost))
    assert_sealed(spans["scale"], int(busy[2]))
    assert spans["RUN __default__"].error_type == "ProcessLost"
    assert {"session observed_project", "session.create", "context.load", "catalog.create", "clean"} <= spans.keys()
    stays_whole(faulty)
    totals = faulty.totals()
    assert totals.value("pipeline_runs_total", pipeline="__default__", result="error") == 1
    assert totals.value("pipeline_runs_total", pipeline="__default__", result="success") == 1
    assert totals.value("node_runs_total", pipeline="__default__", node="scale", result="error") == 1
    assert faulty.kept_files() == []


def assert_sealed(span: StoredSpan, died_ns: int) -> None:
    """Hold that a span was ended by somebody else, at a time when its process lived."""
    assert (span.result, span.error_type) == ("error", "ProcessLost")
    assert span.started_ns <= span.ended_ns <= died_ns + 100_000_000


@pytest.mark.parametrize("kind", WORKERS)
@pytest.mark.parametrize("death", DEATHS)
def test_worker_dies(faulty: Faulty, kind: str, death: str) -> None:
    """Node, pid and signal are named; what the worker had open is sealed, all by the same process."""
    act, code = DEATHS[death]
    faulty.configure(DELIVERS)
    off, _ = faulty.without_telemetry(kind, "command", **{ACT: act})
    with HttpBackend() as backend:
        ended = faulty.watched(kind, "command", **{ACT: act}, **to_backend(backend))
        assert_all_once(faulty, backend.taken)
    (busy,) = [line.split() for line in ended.notes if line.startswith("busy ")]
    assert ended.code == off.code == 1
    assert "'scale'" in ended.error
    assert busy[1] in ended.error
    assert ("SIGKILL" if code == -9 else "SIGSEGV" if code == -11 else "7") in ended.error
    (run,) = faulty.runs()
    assert (run.result, run.error_type.rpartition(".")[2]) == ("error", "WorkerLostError")
    assert run.failed_nodes == ("scale",)
    spans = by_name(faulty.all_spans())
    assert_sealed(spans["scale"], int(busy[2]))
    stays_whole(faulty)
    totals = faulty.totals()
    assert totals.value("node_runs_total", pipeline="__default__", node="scale", result="error") == 1
    assert totals.value("pipeline_runs_total", pipeline="__default__", result="error") == 1
    assert len(ended.events("pipeline.failed")) == 1


@pytest.mark.parametrize("kind", WORKERS)
def test_parent_of_worker_processes_dies(faulty: Faulty, kind: str) -> None:
    """No descendant lives after a second; the next process recovers what all of them began."""
    process = faulty.start(kind, "command", **{ACT: WAITS})
    worker = int(until_busy(faulty, process)[1])
    below = [*descendants(process.pid)]
    assert worker in below
    process.kill()
    process.wait(10)
    end = time.monotonic() + 1 + SLACK_SECONDS
    while time.monotonic() < end and any(is_alive(each) for each in below):
        time.sleep(0.02)
    assert [each for each in below if is_alive(each)] == []
    faulty.ended(process)
    again = faulty.watched("sequential", "command")
    assert again.code == 0
    _, lost = faulty.runs()
    assert (lost.result, lost.error_type) == ("error", "ProcessLost")
    spans = by_name(stays_whole(faulty)[lost.run_id])
    assert spans["scale"].error_type == "ProcessLost"
    assert spans["RUN __default__"].error_type == "ProcessLost"
    assert spans["RUN __default__"].ended_ns == max(each.ended_ns for each in spans.values())


# ------------------------------------------------------------------------------------------- what ends a node otherwise


@pytest.mark.parametrize("kind", ["sequential", "thread", "fork"])
@pytest.mark.parametrize(
    ("act", "result", "code"),
    [
        ("sys.exit(0)", "failure", 1),
        ("raise KeyboardInterrupt", "cancellation", 130),
        ("raise BaseException('odd')", "failure", 1),
        ("raise GeneratorExit", "failure", 1),
    ],
)
def test_base_exceptions(faulty: Faulty, kind: str, act: str, result: str, code: int) -> None:
    """Failed, exit code not 0, exactly one terminal event; as without telemetry."""
    off, before = faulty.without_telemetry(kind, "command", **{ACT: act})
    ended = faulty.watched(kind, "command", **{ACT: act})
    assert ended.code == off.code == code
    assert faulty.take_outputs() == before
    assert said(ended.error) == said(off.error)
    (run,) = faulty.runs()
    assert run.result == result
    assert len(ended.events("pipeline.failed")) + len(ended.events("pipeline.finished")) == 1
    totals = faulty.totals()
    assert totals.value("pipeline_runs_total", pipeline="__default__", result=result) == 1
    assert sum(totals.value("pipeline_runs_total", pipeline="__default__", result=each) for each in RESULTS) == 1
    stays_whole(faulty)


RESULTS = ("success", "failure", "error", "timeout", "cancellation", "skip")


def said(error: str) -> list[str]:
    """Return what stderr says in the end: the error, without plain log lines and what differs from run to run."""
    lines = [line for line in error.splitlines() if line and not line[:4].isdigit()]
    return lines[-1:]


UNPICKLABLE = """
class Odd(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a} and {b}")
        self.lock = threading.Lock()
raise Odd("one", "two")
"""


@pytest.mark.parametrize("kind", KINDS)
def test_unpicklable_exception(faulty: Faulty, kind: str) -> None:
    """The original type, message and traceback, in the error as in the history."""
    off, before = faulty.without_telemetry(kind, "command", **{ACT: UNPICKLABLE})
    ended = faulty.watched(kind, "command", **{ACT: UNPICKLABLE})
    assert ended.code == off.code == 1
    assert faulty.take_outputs() == before
    assert said(ended.error) == said(off.error)
    assert "Odd" in ended.error
    assert "one and two" in ended.error
    (run,) = faulty.runs()
    assert run.result == "failure"
    assert run.error_type.endswith("Odd")
    assert run.error_message == "one and two"
    span = by_name(faulty.all_spans())["scale"]
    assert span.error_message == "one and two"
    (stacktrace,) = [
        event.attributes["exception.stacktrace"] for event in decode_span(span.body).events if event.name == "exception"
    ]
    assert 'File "act", line 6, in <module>' in str(stacktrace)


@pytest.mark.parametrize("kind", WORKERS)
def test_unpicklable_result(tmp_path: Path, kind: str) -> None:
    """What cannot be pickled, and which dataset it is, in the error as in the history."""
    nodes = ACTING.replace("return sorted(int(each) for each in raw.split())", "return threading.Lock()")
    faulty = faulty_project(tmp_path / "project", nodes)
    off, _ = faulty.without_telemetry(kind, "command")
    ended = faulty.watched(kind, "command")
    assert ended.code == off.code == 1
    assert said(ended.error) == said(off.error)
    for text in ("cleaned: ", "_thread.lock", "cannot be pickled"):
        assert text in ended.error.replace("\n", " "), text
    (run,) = faulty.runs()
    assert (run.result, run.failed_nodes) == ("failure", ("clean",))
    assert "_thread.lock" in run.error_message
    span = by_name(faulty.all_spans())["clean"]
    assert "_thread.lock" in span.error_message
    stays_whole(faulty)


# ------------------------------------------------------------------------------------------- forks, threads and workers


@pytest.mark.parametrize("kind", WORKERS)
def test_worker_processes(faulty: Faulty, kind: str) -> None:
    """All spans of workers are there, parented, none twice; what they count is exact."""
    faulty.configure(DELIVERS)
    with HttpBackend() as backend:
        for by in ("script", "command", "script"):
            ended = faulty.watched(kind, by, **to_backend(backend))
            assert ended.code == 0, ended.err
            assert ended.last_line["delivered"] == ended.last_line["spans"] == SPANS
        assert_all_once(faulty, backend.taken, 3 * SPANS)
    assert all(tree_of(spans) == in_order(TREE) for spans in stays_whole(faulty).values())
    totals = faulty.totals()
    for name in ("clean", "add_up", "scale", "report"):
        assert totals.value("node_runs_total", pipeline="__default__", node=name, result="success") == 3
        assert totals.count("node_run_duration_seconds", pipeline="__default__", node=name) == 3
    loads = {"raw_{name}": 1, "cleaned": 2, "total": 1, "scaled": 1}
    for label, count in loads.items():
        found = totals.value("dataset_operations_total", dataset=label, operation="load", result="success")
        assert found == 3 * count, label
    assert totals.value("telemetry_spans_total", state="produced") == 3 * SPANS
    assert totals.value("telemetry_spans_total", state="delivered") == 3 * SPANS


FORKS = """
import multiprocessing
context = multiprocessing.get_context("fork")
def child(number):
    import http.client
    assert threading.active_count() == 1, threading.enumerate()
    note("child", number)
note("waiting")
import socket
time.sleep(0.6)
children = [context.Process(target=child, args=(number,)) for number in range(8)]
for each in children: each.start()
for each in children: each.join(20)
note("codes", *[each.exitcode for each in children])
time.sleep(0.3)
"""


def test_fork_while_exporting(faulty: Faulty) -> None:
    """A node forks while a thread is at a slow backend: children end, and no request is harmed or repeated."""
    faulty.configure(DELIVERS + "spool: {roll_seconds: 0.1}\n")
    with HttpBackend((Accepts(0.7),)) as backend:
        assert_forks_do_no_harm(faulty, backend.taken, to_backend(backend))


def test_fork_while_exporting_over_grpc(faulty: Faulty) -> None:
    """Likewise, though its library has threads of its own."""
    faulty.configure(DELIVERS + "spool: {roll_seconds: 0.1}\n")
    with GrpcBackend() as backend:

        def slowly(_body: bytes, _context: object) -> bytes:
            backend.is_over.wait(0.7)
            return b""

        backend.act = slowly
        variables = {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://localhost:{backend.port}",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc",
        }
        assert_forks_do_no_harm(faulty, backend.requests, variables)


def assert_forks_do_no_harm(faulty: Faulty, taken: list[Request], variables: dict[str, str]) -> None:
    ended = faulty.watched("sequential", "command", **{ACT: FORKS}, **variables)
    assert ended.code == 0, ended.err
    assert f"codes {' '.join(['0'] * 8)}" in ended.notes, (ended.notes, ended.err)
    assert len(taken) >= 2
    code, said_ = faulty.replay(**variables)
    assert code == 0, said_
    assert_all_once(faulty, taken, SPANS)


class Accepts(Slow):
    """Accepts after a while."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.accepts = True


POOL_THREADS = """
from concurrent.futures import ThreadPoolExecutor
from opentelemetry import trace
tracer = trace.get_tracer("pool")
def work(number):
    with tracer.start_as_current_span(f"work {number}"):
        with tracer.start_as_current_span("inner"):
            pass
with ThreadPoolExecutor(4) as pool:
    list(pool.map(work, range(20)))
"""


@pytest.mark.parametrize("kind", ["sequential", "thread", "fork"])
def test_pool_threads(faulty: Faulty, kind: str) -> None:
    """Spans that a node opens in threads of its own have no roots of their own."""
    faulty.configure(DELIVERS)
    with HttpBackend() as backend:
        ended = faulty.watched(kind, **{ACT: POOL_THREADS}, **to_backend(backend))
        assert ended.code == 0, ended.err
        (spans,) = stays_whole(faulty).values()
        assert len(spans) == SPANS + 40
        assert len({span.trace_id for span in spans}) == 1
        assert_all_once(faulty, backend.taken, SPANS + 40)


def test_two_sessions_in_the_same_millisecond(faulty: Faulty) -> None:
    """All ids are different, and sort as they were made."""
    body = """
    ids = [KedroSession.create(project_path={path!r}).session_id for _ in range(200)]
    assert len(set(ids)) == len(ids)
    assert sorted(ids) == ids
    """
    code, _, err = faulty.project.run_script(body.replace("{path!r}", repr(str(faulty.path))), OTEL_SDK_DISABLED="true")
    assert code == 0, err
    processes = [faulty.start("sequential", "command") for _ in range(3)]
    assert [faulty.ended(each).code for each in processes] == [0, 0, 0]
    assert len({run.run_id for run in faulty.runs()}) == 3
    stays_whole(faulty)
