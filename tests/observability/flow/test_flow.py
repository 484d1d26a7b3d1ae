"""The flow of one recording: what is recorded arrives, or is kept, and the end of the process is not held up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from tests.support.backends import (
    Answer,
    Behaviour,
    Drip,
    HttpBackend,
    Request,
    Reset,
    Silence,
    Slow,
    nobody_there,
    partial_success,
)
from tests.support.external import fetch
from tests.support.flow import SESSION, header, log, span, written
from tests.support.spool import child

from pellucid.observability.flow import TOTALS_PATH, Backlog, Flow
from pellucid.observability.flow._collect import Collected, Collection
from pellucid.observability.flow._rooms import Rooms
from pellucid.observability.history import HistoryStore
from pellucid.observability.hooks._opening import open_spool
from pellucid.observability.metrics import TotalsStore
from pellucid.observability.options import (
    HistoryOptions,
    LoggingOptions,
    MetricsOptions,
    Options,
    OtlpOptions,
    SpoolOptions,
    TracingOptions,
)
from pellucid.observability.recording import STREAM_LOGS, STREAM_METRICS, STREAM_SPANS, Outcome, Recording
from pellucid.observability.spool import Limits, SegmentWriter, SpoolFolder
from pellucid.observability.spool._liveness import sign_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SLACK = 5.0
"""Seconds that a machine with other things to do may be late; without a deadline the backends here take far longer."""


@pytest.fixture
def backend() -> Iterator[HttpBackend]:
    with HttpBackend() as backend:
        yield backend


class Project:
    """A project of which sessions are recorded."""

    def __init__(self, path: Path, url: str | None = None, **options: Any) -> None:
        self.path = path
        given = Options(tracing=TracingOptions(otlp=OtlpOptions(endpoint=url)), spool=SpoolOptions(roll_seconds=0.1))
        self.options = replace(given, **options)

    @property
    def spool(self) -> Path:
        return self.path / ".pellucid" / "spool"

    def session(self, session_id: str = SESSION, *, is_worker: bool = False) -> tuple[SegmentWriter, Flow]:
        writer = SegmentWriter(self.spool, header(session_id=session_id), limits=Limits())
        recording = Recording(self.options, self.path, "spaceflights", session_id, is_worker=is_worker)
        return writer, Flow(recording, writer, active=lambda: {"__default__": 1})

    def spans(self, *names: str, session_id: str = SESSION) -> Outcome:
        """Record a session with these spans, and return its outcome."""
        writer, flow = self.session(session_id)
        put(writer, *names)
        return flow.finish()

    def backlog(self) -> Backlog:
        return Backlog(self.path, self.options)

    def total(self, state: str) -> float:
        return TotalsStore(self.path / TOTALS_PATH).read().value("telemetry_spans_total", state=state)

    def taken(self) -> list[bool]:
        history = HistoryStore(self.path / ".pellucid" / "history.db")
        return [history.has_taken(each.name) for each in self.spool.rglob("*.seg")]


def put(writer: SegmentWriter, *names: str) -> None:
    for name in names:
        key = abs(hash(name)).to_bytes(8, "big")
        writer.start(STREAM_SPANS, key, span(name))
        writer.end(STREAM_SPANS, key, span(name))


def test_what_is_recorded_arrives_and_nothing_is_left(tmp_path: Path, backend: HttpBackend) -> None:
    project = Project(tmp_path, backend.url)
    outcome = project.spans("a", "b")
    assert (outcome.spans, outcome.delivered, outcome.kept, outcome.dropped) == (2, 2, 0, 0)
    assert outcome.is_sent
    assert backend.names == ["a", "b"]
    assert list(project.spool.rglob("*.seg")) == []
    assert [project.total(each) for each in ("produced", "spooled", "delivered", "dropped")] == [2, 2, 2, 0]


def test_without_any_configuration_nothing_is_sent_and_one_thread_waits(tmp_path: Path) -> None:
    project = Project(tmp_path)
    writer, flow = project.session()
    flow.start_background()
    assert list(flow._tickers) == ["collect"]
    put(writer, "a")
    outcome = flow.finish()
    assert (outcome.spans, outcome.is_sent) == (1, False)
    assert list(project.spool.rglob("active/*.seg")) == []
    assert (tmp_path / ".pellucid" / "history.db").exists()
    assert flow.finish() == Outcome()


def test_a_worker_moves_nothing(tmp_path: Path, backend: HttpBackend) -> None:
    writer, flow = Project(tmp_path, backend.url).session(is_worker=True)
    put(writer, "a")
    flow.start_background()
    flow.wake()
    assert flow.finish() == Outcome()
    assert flow.scrape_url == ""
    writer.close()
    assert backend.requests == []


@pytest.mark.processes
def test_a_forked_child_moves_nothing(tmp_path: Path, backend: HttpBackend) -> None:
    writer, flow = Project(tmp_path, backend.url).session()
    flow.start_background()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = int(flow.finish() != Outcome())
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    put(writer, "a")
    assert flow.finish().delivered == 1


def test_files_of_workers_and_of_earlier_processes_go_out_too(tmp_path: Path, backend: HttpBackend) -> None:
    project = Project(tmp_path, backend.url)
    written(project.spool, [span("earlier")], session_id="earlier")
    written(project.spool, [span("worker")], is_worker=True)
    outcome = project.spans("main")
    assert (outcome.spans, outcome.delivered) == (2, 2)
    assert sorted(backend.names) == ["earlier", "main", "worker"]


@pytest.mark.parametrize("is_on", [True, False])
def test_what_another_environment_left_goes_where_that_one_keeps_it(tmp_path: Path, *, is_on: bool) -> None:
    """Whatever the environment of whoever collects it says of its own history and metrics."""
    project = Project(tmp_path, history=HistoryOptions(enabled=is_on), metrics=MetricsOptions(enabled=is_on))
    written(project.spool, [span("prod")], session_id="prod", history="kept/prod.db")
    written(project.spool, [span("quiet")], session_id="quiet", history="", metrics=False)
    written(project.spool, [span("here")], history=".pellucid/history.db" if is_on else "", metrics=is_on)
    assert project.backlog().collect(20)

    def kept(path: str) -> list[str]:
        return [each.name for each in HistoryStore(tmp_path / path).every_span()]

    assert kept("kept/prod.db") == ["prod"]
    assert kept(".pellucid/history.db") == (["here"] if is_on else [])
    assert project.total("produced") == (2 if is_on else 1)
    assert list(project.spool.rglob("active/*.seg")) == []


@pytest.mark.parametrize("is_on", [True, False])
def test_a_session_says_where_its_history_is(tmp_path: Path, *, is_on: bool) -> None:
    project = Project(tmp_path, history=HistoryOptions(enabled=is_on, path=Path("kept/prod.db")))
    writer = open_spool(Recording(project.options, tmp_path, "spaceflights", SESSION))
    put(writer, "a")
    writer.close()
    (segment,) = SpoolFolder(project.spool).finished(lambda *_: b"")
    assert segment.header["history"] == ("kept/prod.db" if is_on else "")


def test_what_another_environment_left_waits_for_its_own_history(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (tmp_path / "kept").write_text("no folder")
    written(project.spool, [span("prod")], session_id="prod", history="kept/prod.db")
    assert project.spans("here").spans == 1
    assert len(list(project.spool.glob("outbox/history/*.seg"))) == 1
    (tmp_path / "kept").unlink()
    assert project.backlog().collect(20)
    assert [each.name for each in HistoryStore(tmp_path / "kept/prod.db").every_span()] == ["prod"]


def test_spans_and_logs_go_where_each_is_to_go(tmp_path: Path, backend: HttpBackend) -> None:
    logs = OtlpOptions(endpoint=backend.url.replace("traces", "logs"))
    project = Project(tmp_path, backend.url, logging=LoggingOptions(otlp=logs))
    writer, flow = project.session()
    put(writer, "a")
    writer.end(STREAM_LOGS, b"l" * 8, log("said"))
    flow.finish()
    by_path = {each.path: each for each in backend.requests}
    assert [each.name for each in by_path["/v1/traces"].spans] == ["a"]
    assert [each.body.string_value for each in by_path["/v1/logs"].logs] == ["said"]


FAULTS = [Silence(), Answer(503), Answer(429, headers={"Retry-After": "30"}), Drip(), Slow(60), Reset()]


@pytest.mark.parametrize("behaviour", FAULTS)
def test_a_bad_backend_holds_the_end_up_for_the_budget_and_loses_nothing(
    tmp_path: Path, backend: HttpBackend, behaviour: Behaviour
) -> None:
    project = Project(tmp_path, backend.url, exit_budget_seconds=0.8)
    backend.behave(behaviour)
    began = time.monotonic()
    outcome = project.spans("a", "b")
    assert time.monotonic() - began < 0.8 + SLACK
    assert (outcome.spans, outcome.delivered, outcome.kept) == (2, 0, 2)
    backend.behave(Answer(200))
    later = Project(tmp_path, backend.url, exit_budget_seconds=30.0).spans("c", session_id="later")
    assert (later.spans, later.delivered) == (1, 1)
    assert backend.names == ["a", "b", "c"]


def test_nobody_there_holds_the_end_up_for_nothing(tmp_path: Path) -> None:
    project = Project(tmp_path, nobody_there(), exit_budget_seconds=20.0)
    began = time.monotonic()
    outcome = project.spans("a")
    assert time.monotonic() - began < 0.2 + SLACK
    assert (outcome.kept, outcome.delivered) == (1, 0)


def test_what_is_refused_for_good_is_in_quarantine_and_not_lost(tmp_path: Path, backend: HttpBackend) -> None:
    project = Project(tmp_path, backend.url)
    backend.behave(Answer(400))
    outcome = project.spans("a", "b")
    assert (outcome.spans, outcome.delivered, outcome.kept, outcome.dropped, outcome.quarantined) == (2, 0, 0, 0, 2)
    (file,) = project.spool.glob("quarantine/*.seg")
    reason = file.with_name(file.name + ".txt")
    assert reason.read_text() == "400 Whatever\n"
    assert reason.stat().st_mode & 0o777 == 0o600
    assert (project.total("quarantined"), project.total("dropped")) == (2, 0)


def test_a_long_run_is_delivered_while_it_lasts(tmp_path: Path, backend: HttpBackend) -> None:
    writer, flow = Project(tmp_path, backend.url).session()
    flow.start_background()
    put(writer, "a")
    until(lambda: backend.names == ["a"])
    put(writer, "b")
    until(lambda: backend.names == ["a", "b"])
    assert flow.finish().spans == 2


def test_segments_that_rolled_over_are_collected_though_nothing_is_sent(tmp_path: Path) -> None:
    project = Project(tmp_path)
    writer, flow = project.session()
    put(writer, "a")
    flow.wake()
    until((tmp_path / ".pellucid" / "history.db").exists)
    assert flow.finish().spans == 1


def test_a_history_that_fails_keeps_neither_the_totals_nor_the_backend_waiting(
    tmp_path: Path, backend: HttpBackend
) -> None:
    (tmp_path / "in-the-way").write_text("no folder")
    broken = HistoryOptions(path=Path("in-the-way/history.db"))
    project = Project(tmp_path, backend.url, history=broken)
    assert project.spans("a").delivered == 1
    assert project.spans("b", session_id="second").delivered == 1
    assert project.total("produced") == 2
    assert len(list(project.spool.glob("outbox/history/*.seg"))) == 2
    project.options = replace(project.options, history=HistoryOptions())
    project.spans("c", session_id="third")
    assert list(project.spool.glob("outbox/history/*.seg")) == []
    assert backend.names == ["a", "b", "c"]


def test_a_spool_over_its_bounds_is_cut_and_counted(tmp_path: Path) -> None:
    project = Project(tmp_path, nobody_there(), spool=SpoolOptions(total_bytes=200_000), exit_budget_seconds=20.0)
    for index in range(20):
        written(project.spool, [span(f"{index}", padding=20_000)], session_id="earlier")
    project.spans("a")
    assert project.total("dropped") > 10
    assert SpoolFolder(project.spool).status().total_bytes < 200_000


def test_what_a_process_could_not_write_was_produced_and_dropped(tmp_path: Path) -> None:
    project = Project(tmp_path)
    writer, flow = project.session()
    put(writer, "a")
    writer.end(STREAM_SPANS, b"too long", bytes(5 * 1024 * 1024))
    outcome = flow.finish(60.0)
    assert (outcome.spans, outcome.dropped) == (2, 1)
    assert [project.total(each) for each in ("produced", "spooled", "dropped")] == [2, 1, 1]


def test_what_goes_before_it_is_collected_was_produced_and_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(tmp_path)
    written(project.spool, [span("a"), span("b")], session_id="earlier")
    (path,) = (project.spool / "active").iterdir()
    os.utime(path, (1, 1))
    _, flow = project.session()
    monkeypatch.setattr(Collection, "run", lambda *_: Collected(is_busy=True))
    flow._rooms.collect(0.0)
    assert [project.total(each) for each in ("produced", "dropped")] == [2, 2]


@pytest.mark.processes
def test_runs_of_other_processes_are_going_on_until_they_are_killed(tmp_path: Path) -> None:
    project = Project(tmp_path, metrics=MetricsOptions(textfile=Path("pellucid.prom")))
    begun = '[1,"R","etl","{}","{}",1000]'.format("ab" * 16, "cd" * 8).encode()
    source = f"""
        w.start({STREAM_METRICS}, key(1), {begun!r}); w.start({STREAM_METRICS}, key(2), b"no event")
        print("ready", flush=True)
        sys.stdin.readline()
    """

    def active(session_id: str) -> list[str]:
        _, flow = project.session(session_id)
        flow.finish(60.0)
        lines = (tmp_path / "pellucid.prom").read_text().splitlines()
        return [each for each in lines if each.startswith("pellucid_pipeline_runs_active{")]

    ours = 'pellucid_pipeline_runs_active{pipeline="__default__"} 1.0'
    with child(source, project.spool, stdin=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert active("first") == [ours, 'pellucid_pipeline_runs_active{pipeline="etl"} 1.0']
        other.kill()
        other.wait()
    # It is known by now, as the killed run was counted.
    assert active("second") == [ours, 'pellucid_pipeline_runs_active{pipeline="etl"} 0.0']


def test_a_run_that_delivers_nothing_and_writes_nothing_gives_signs_of_life(tmp_path: Path) -> None:
    """Killed in a node that sleeps, it ends in the history when it was killed, not when that node began."""
    writer, flow = Project(tmp_path).session()
    writer.start(STREAM_SPANS, b"12345678", span("sleeping"))
    (path,) = (tmp_path / ".pellucid" / "spool" / "active").iterdir()
    flow.start_background()
    ends_at = time.monotonic() + 60
    while not sign_of(path.stat()) and time.monotonic() < ends_at:
        time.sleep(0.01)
    assert sign_of(path.stat())
    flow.finish()


def test_each_collection_is_a_sign_of_life(tmp_path: Path) -> None:
    writer, flow = Project(tmp_path).session()
    writer.start(STREAM_SPANS, b"12345678", span("sleeping"))
    (path,) = (tmp_path / ".pellucid" / "spool" / "active").iterdir()
    assert not sign_of(path.stat())
    flow._collect_once(time.monotonic() + 60)
    assert sign_of(path.stat())
    writer.end(STREAM_SPANS, b"12345678", span("sleeping"))
    flow.finish(60.0)


def test_the_page_is_served_while_a_run_lasts(tmp_path: Path) -> None:
    _, flow = Project(tmp_path, metrics=MetricsOptions(scrape=True, scrape_port=0)).session()
    flow.start_background()
    page = fetch(urlsplit(flow.scrape_url).port or 0, "/metrics").body
    assert b'pellucid_pipeline_runs_active{pipeline="__default__"} 1.0' in page
    flow.finish()
    assert flow.scrape_url == ""


def test_textfile_and_push_have_the_counts_of_this_run(tmp_path: Path, backend: HttpBackend) -> None:
    with HttpBackend() as gateway:
        metrics = MetricsOptions(textfile=Path("pellucid.prom"), pushgateway=f"http://127.0.0.1:{gateway.port}")
        Project(tmp_path, backend.url, metrics=metrics).spans("a", "b")
    line = 'pellucid_telemetry_spans_total{state="delivered"} 2.0'
    assert line in (tmp_path / "pellucid.prom").read_text()
    assert gateway.requests[0].path == "/metrics/job/spaceflights"
    assert line in gateway.requests[0].body.decode()


def test_a_gateway_that_never_answers_costs_the_budget_at_most(tmp_path: Path) -> None:
    with HttpBackend([Silence()]) as gateway:
        metrics = MetricsOptions(pushgateway=f"http://127.0.0.1:{gateway.port}")
        began = time.monotonic()
        assert Project(tmp_path, metrics=metrics, exit_budget_seconds=0.6).spans("a").spans == 1
        assert time.monotonic() - began < 0.6 + SLACK


def test_replay_delivers_what_is_kept_and_says_what_is_not(tmp_path: Path, backend: HttpBackend) -> None:
    project = Project(tmp_path, backend.url, exit_budget_seconds=0.5)
    backend.behave(Answer(503, headers={"Retry-After": "60"}))
    project.spans("a", "b")
    assert project.backlog().status().records == {"traces": 2, "logs": 0}
    report = project.backlog().replay(0.5)
    assert (report.kept["traces"], report.reasons["traces"]) == (2, "503 Whatever")
    assert not report.is_complete
    backend.behave(Answer(200))
    report = project.backlog().replay(10)
    assert report.is_complete
    assert (report.delivered["traces"], report.kept["traces"]) == (2, 0)
    assert project.backlog().status().records["traces"] == 0
    assert backend.names == ["a", "b"]


def test_replay_gives_every_signal_the_same_time(tmp_path: Path, backend: HttpBackend) -> None:
    """A backend that hangs for one does not keep the other waiting."""
    logs = LoggingOptions(otlp=OtlpOptions(endpoint=nobody_there()))
    project = Project(tmp_path, nobody_there(), logging=logs)
    writer, flow = project.session()
    put(writer, "a")
    writer.end(STREAM_LOGS, b"l" * 8, log("said"))
    flow.finish(20)
    with HttpBackend([Silence()]) as silent:
        project.options = Project(tmp_path, silent.url, logging=logging_to(backend)).options
        report = project.backlog().replay(5)
    assert (report.delivered, report.kept) == ({"traces": 0, "logs": 1}, {"traces": 1, "logs": 0})
    assert report.reasons == {"traces": "no answer in time"}
    assert not report.is_complete


def test_replay_without_time_says_so(tmp_path: Path, backend: HttpBackend) -> None:
    project = Project(tmp_path, nobody_there())
    project.spans("a")
    project.options = Project(tmp_path, backend.url).options
    report = project.backlog().replay(0)
    assert (report.kept["traces"], report.reasons["traces"]) == (1, "there was no time left")
    assert backend.requests == []


def test_replay_is_complete_without_what_goes_nowhere(tmp_path: Path, backend: HttpBackend) -> None:
    project = Project(tmp_path, nobody_there(), logging=LoggingOptions(otlp=OtlpOptions(endpoint=nobody_there())))
    writer, flow = project.session()
    put(writer, "a")
    writer.end(STREAM_LOGS, b"l" * 8, log("said"))
    flow.finish(20)
    project.options = Project(tmp_path, backend.url).options
    report = project.backlog().replay(20)
    assert report.is_complete
    assert (report.delivered, report.kept) == ({"traces": 1}, {"traces": 0, "logs": 1})
    assert report.reasons == {"logs": "no endpoint is configured"}


def test_replay_makes_the_metrics_page(tmp_path: Path, backend: HttpBackend) -> None:
    project = Project(tmp_path, nobody_there())
    project.spans("a", "b")
    with HttpBackend() as gateway:
        metrics = MetricsOptions(
            textfile=Path("pellucid.prom"), pushgateway=f"http://127.0.0.1:{gateway.port}", pushgateway_job="mine"
        )
        project.options = Project(tmp_path, backend.url, metrics=metrics).options
        assert project.backlog().replay(20).is_complete
    line = 'pellucid_telemetry_spans_total{state="delivered"} 2.0'
    assert line in (tmp_path / "pellucid.prom").read_text()
    assert line in gateway.requests[0].body.decode()


def test_replay_tells_why_a_page_cannot_be_made(tmp_path: Path, backend: HttpBackend) -> None:
    (tmp_path / "in-the-way").write_text("no folder")
    metrics = MetricsOptions(textfile=Path("in-the-way/pellucid.prom"))
    report = Project(tmp_path, backend.url, metrics=metrics).backlog().replay(20)
    assert "its folder does not exist" in report.reasons["textfile"]


# ------------------------------------------------------------------------------------------------------- what is told


def logging_to(backend: HttpBackend) -> LoggingOptions:
    return LoggingOptions(otlp=OtlpOptions(endpoint=backend.url.replace("traces", "logs")))


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "pellucid.telemetry"]


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (Answer(401), "The spans are kept in {spool}, not delivered: 401 Whatever"),
        (Answer(503), "The spans are kept in {spool}, not delivered: 503 Whatever"),
        (Answer(400), "2 spans were refused by the backend for good, and are in quarantine: 400 Whatever"),
        (Answer(200, partial_success(1, "too old")), "1 spans were dropped by the backend: too old"),
    ],
    ids=["barred", "later", "refused", "dropped"],
)
def test_what_does_not_arrive_is_told_once_with_the_reason(
    tmp_path: Path, backend: HttpBackend, caplog: pytest.LogCaptureFixture, behaviour: Behaviour, said: str
) -> None:
    project = Project(tmp_path, backend.url, exit_budget_seconds=3.0)
    backend.behave(behaviour)
    project.spans("a", "b")
    assert told(caplog) == [said.format(spool=project.spool)]
    failure = project.backlog().status().failures["traces"]
    assert failure.reason == said.rpartition(": ")[2]
    assert datetime.fromisoformat(failure.time).tzinfo is not None
    (file,) = project.spool.glob("failures/*")
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_nothing_is_told_of_what_arrives_and_a_success_ends_the_failure(
    tmp_path: Path, backend: HttpBackend, caplog: pytest.LogCaptureFixture
) -> None:
    project = Project(tmp_path, backend.url, exit_budget_seconds=20.0)
    backend.behave(Answer(401))
    project.spans("a")
    assert project.backlog().status().failures
    caplog.clear()
    backend.behave(Answer(200))
    project.spans("b", session_id="later")
    assert told(caplog) == []
    assert project.backlog().status().failures == {}


def test_a_wrong_configuration_is_told_of_while_a_run_lasts(
    tmp_path: Path, backend: HttpBackend, caplog: pytest.LogCaptureFixture
) -> None:
    backend.behave(Answer(401))
    writer, flow = Project(tmp_path, backend.url).session()
    flow.start_background()
    put(writer, "a")
    until(lambda: told(caplog))
    put(writer, "b")
    flow.finish()
    assert len(told(caplog)) == 1


@pytest.mark.parametrize("text", ["", "[]", "{", '{"reason": 1}', "[" * 5000])
def test_a_failure_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    project = Project(tmp_path, "http://127.0.0.1:1")
    (project.spool / "failures").mkdir(parents=True)
    (project.spool / "failures" / "traces.json").write_text(text)
    assert project.backlog().status().failures == {}


@pytest.mark.parametrize("part", ["pushgateway", "textfile", "history"])
def test_a_disk_that_was_told_of_is_told_of_once_and_other_faults_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, part: str
) -> None:
    rooms = Rooms(Recording(Options(), tmp_path, "spaceflights", SESSION))
    rooms.note("spool", OSError(28, "No space left on device"))
    caplog.clear()
    for _ in range(2):
        rooms.note(part, ConnectionRefusedError(111, "Connection refused"))
    assert len(told(caplog)) == (0 if part == "history" else 1)
    assert rooms._recording.guard.faults == {"spool": 1, part: 2}


# ---------------------------------------------------------------------------------------------------------------- time


def test_a_segment_that_rolls_over_is_no_reason_to_roll_the_next_one(tmp_path: Path) -> None:
    """Else each collection would bring about the next one, at once."""
    recording = Recording(Options(spool=SpoolOptions(roll_seconds=0.2)), tmp_path, "spaceflights", SESSION)
    rolled: list[float] = []

    class Rolls:
        written: Mapping[int, int] = {}
        dropped: Mapping[int, int] = {}

        def roll(self) -> None:
            rolled.append(time.monotonic())
            flow.wake()

        def close(self) -> None:
            pass

    flow = Flow(recording, Rolls())
    flow.wake()
    until(lambda: len(rolled) >= 4)
    flow.finish()
    assert min(after - before for before, after in pairwise(rolled)) >= 0.19


def best_of(attempts: int, lateness: Callable[[int], float]) -> float:
    """Return how late something is when nothing else holds it up: what is always late is late by itself."""
    least = float("inf")
    for attempt in range(attempts):
        least = min(least, lateness(attempt))
        if least <= 0.1:
            break
    return least


@pytest.mark.parametrize("seconds", [0.3, 1.0])
@pytest.mark.parametrize("behaviour", [Silence(), Drip(), Slow(60)], ids=["never", "drip", "slow"])
def test_a_deadline_is_kept_to_a_tenth_of_a_second(
    tmp_path: Path, backend: HttpBackend, behaviour: Behaviour, seconds: float
) -> None:
    backend.behave(behaviour)
    project = Project(tmp_path, backend.url)

    def late(attempt: int) -> float:
        writer, flow = project.session(f"session{attempt}")
        put(writer, "a")
        began = time.monotonic()
        flow.finish(seconds)
        passed = time.monotonic() - began
        assert passed > seconds - 0.1
        return passed - seconds

    assert best_of(20, late) <= 0.1
    assert best_of(20, lambda _: replayed_late(project, seconds)) <= 0.1


def replayed_late(project: Project, seconds: float) -> float:
    began = time.monotonic()
    project.backlog().replay(seconds)
    return time.monotonic() - began - seconds


RUN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.observability.flow.test_flow import Project
project = Project(Path(sys.argv[2]), sys.argv[3], exit_budget_seconds=20.0)
if sys.argv[4] == "replay":
    project.backlog().replay(60)
else:
    outcome = project.spans(*sys.argv[5:], session_id=sys.argv[4])
    print(outcome.spans, outcome.delivered, outcome.kept)
"""


def started(project: Project, url: str, *arguments: str) -> subprocess.Popen[str]:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", RUN, str(root), str(project.path), url, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.processes
def test_processes_that_end_at_once_deliver_everything_once(tmp_path: Path, backend: HttpBackend) -> None:
    project = Project(tmp_path, backend.url)
    names = [f"{index}/{each}" for index in range(4) for each in range(20)]
    running = [started(project, backend.url, f"session{i}", *names[i * 20 : i * 20 + 20]) for i in range(4)]
    said = [each.communicate(timeout=60)[0].split() for each in running]
    assert said == [["20", "20", "0"]] * 4
    assert sorted(backend.names) == sorted(names)
    assert project.total("delivered") == project.total("produced") == 80


@pytest.mark.processes
def test_a_replayer_that_is_killed_repeats_one_request_at_most(tmp_path: Path) -> None:
    project = Project(tmp_path, nobody_there())
    sizes = [3000, 10, 2500, 4100, 7]
    names = [f"{index}/{each}" for index, size in enumerate(sizes) for each in range(size)]
    for index, size in enumerate(sizes):
        written(project.spool, [span(f"{index}/{each}") for each in range(size)])
    arrived: list[Request] = []
    with HttpBackend([Slow(0.05)]) as backend:
        for kill_after in (1, 2, 4):
            backend.behave(Slow(0.05))
            process = started(project, backend.url, "replay")
            until(lambda count=kill_after: len(backend.requests) >= count)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)
            killed = len(backend.requests)
            assert killed >= kill_after
            arrived.extend(backend.requests)
        backend.behave(Answer(200))
        assert Project(tmp_path, backend.url).backlog().replay(60).is_complete
        arrived.extend(backend.requests)
    seen = [one.name for each in arrived for one in each.spans]
    assert set(seen) == set(names)
    bodies = [each.body for each in arrived]
    assert len(bodies) - len(set(bodies)) <= 3
    assert len(seen) - len(names) <= 3 * 2000


def until(is_so: object, seconds: float = 30.0) -> None:
    assert callable(is_so)
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.01)
