"""What a test is shown of the telemetry of its own sessions."""

from __future__ import annotations

import contextvars
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from tests.support.backends import HttpBackend

from pellucid.framework.session import KedroServiceSession, KedroSession
from pellucid.framework.startup import bootstrap_project
from pellucid.testing import FakeClock, NotRecordedError, captured_telemetry, make_project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pellucid.testing import Telemetry

NODES = """
    import logging
    from opentelemetry import trace
    from pellucid.pipeline import node, pipeline

    logger = logging.getLogger(__name__)
    tracer = trace.get_tracer("mine")

    def clean(raw):
        logger.debug("Cleaning %d.", len(raw))
        with tracer.start_as_current_span("inner", attributes={"size": len(raw)}):
            return sorted(raw)

    def fail(cleaned):
        raise ValueError("no good")

    def create_pipeline(**kwargs):
        return pipeline([node(clean, "params:raw", "cleaned", name="clean")])
"""
FAILING = NODES.replace('name="clean")]', 'name="clean"), node(fail, "cleaned", "bad", name="fail")]')


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A project of one pipeline that succeeds and one that fails, made that of the process."""
    pipelines = {"good": NODES, "bad": FAILING.replace("cleaned", "cleaned_too").replace('"clean"', '"clean_too"')}
    root = make_project(tmp_path / "p", pipelines=pipelines, parameters={"raw": [3, 1, 2]}, package="project_captured")
    bootstrap_project(root)
    yield root
    for name in [each for each in sys.modules if each.startswith("project_captured")]:
        del sys.modules[name]


def run(pipeline: str = "good") -> None:
    with KedroSession.create() as session:
        session.run(pipeline)


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a capture writes to is gone after it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


def test_a_run_is_captured_whole_and_nowhere_else(project: Path) -> None:
    """Spans, metrics and log lines are there; the project is as it was."""
    before = sorted(each for each in project.rglob("*") if "__pycache__" not in each.parts)
    with captured_telemetry() as telemetry:
        run()
    assert sorted(each for each in project.rglob("*") if "__pycache__" not in each.parts) == before
    assert telemetry.tree() == (
        (
            "session project_captured",
            (
                ("session.create", ()),
                ("context.load", ()),
                ("catalog.create", ()),
                ("RUN good", (("clean", (("inner", ()), ("save cleaned", ()))),)),
            ),
        ),
    )
    assert telemetry.span("RUN good").result == "success"
    assert telemetry.span("inner").attributes["size"] == 3
    assert [each.name for each in telemetry.children(telemetry.span("clean"))] == ["inner", "save cleaned"]
    assert telemetry.metric("node_runs_total", node="clean", result="success") == 1
    assert telemetry.metric("node_runs_total", node="clean", result="failure") == 0
    assert telemetry.metric("pellucid_node_run_duration_seconds", node="clean") == 1
    assert telemetry.metric_sum("node_run_duration_seconds", node="clean") > 0
    assert {"pipeline": "good", "node": "clean", "result": "success"} in telemetry.series("node_runs_total")
    assert telemetry.events("node.started")[0]["node"] == "clean"
    assert telemetry.events("node.failed") == []
    assert telemetry.events("Cleaning 3.")[0]["span_id"] == telemetry.span("clean").span_id
    assert telemetry.logs[-1]["event"] == "telemetry.closed"
    assert "RUN good\n    clean\n      inner\n" in telemetry.outline()


def test_a_failure_is_captured(project: Path) -> None:
    """A run that raises leaves its error with the spans and the lines."""
    with captured_telemetry() as telemetry, pytest.raises(ValueError, match="no good"):
        run("bad")
    failed = telemetry.span("fail")
    assert (failed.result, failed.error_type, failed.error_message) == ("failure", "ValueError", "no good")
    assert telemetry.span("RUN bad").result == "failure"
    assert telemetry.metric("pipeline_runs_total", pipeline="bad", result="failure") == 1
    assert telemetry.events("node.failed")[0]["error"] == "no good"


def test_it_can_be_asked_inside_and_grows(project: Path) -> None:
    """A session that is closed is complete at once; counters count on."""
    with captured_telemetry() as telemetry:
        with pytest.raises(NotRecordedError, match="no session was made"):
            _ = telemetry.spans
        run()
        assert telemetry.metric("node_runs_total", node="clean") == 1
        run()
        assert telemetry.metric("node_runs_total", node="clean") == 2
        with pytest.raises(NotRecordedError, match=r"There are 2 spans 'RUN good'; spans_of\('RUN good'\)"):
            telemetry.span("RUN good")
        assert len({each.trace_id for each in telemetry.spans_of("RUN good")}) == 2


def test_an_open_session_is_told_of_and_cut_off(project: Path) -> None:
    """Inside, nothing is complete; after the block the session goes on and is not recorded."""
    with captured_telemetry() as telemetry:
        session = KedroServiceSession.create()
        with pytest.raises(NotRecordedError, match="still open"):
            _ = telemetry.logs
        session.run(pipeline_names=["good"])
    assert telemetry.span("RUN good").result == "success"
    session.run(pipeline_names=["good"])
    session.close()
    assert len(telemetry.spans_of("RUN good")) == 1
    assert not (project / ".pellucid").exists()


def test_a_fault_of_the_block_passes_and_nothing_is_left(project: Path) -> None:
    """What the block raises is raised, and the folder is removed."""
    with pytest.raises(ValueError, match="no good"), captured_telemetry() as telemetry:
        run("bad")
    assert telemetry.span("fail").result == "failure"


def test_captures_nest(project: Path) -> None:
    """A session is recorded by the innermost capture alone."""
    with captured_telemetry() as outer:
        with captured_telemetry() as inner:
            run()
        with pytest.raises(NotRecordedError):
            _ = outer.spans
        run("good")
    assert len(inner.spans_of("clean")) == len(outer.spans_of("clean")) == 1
    assert inner.span("clean").trace_id != outer.span("clean").trace_id


def test_whatever_the_configuration_says_it_is_recorded_and_not_sent(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Switched off everywhere, or sent everywhere: it is in memory, and nowhere else; the environment stays."""
    with HttpBackend() as backend:
        root = f"http://127.0.0.1:{backend.port}"
        variables = {
            "OTEL_SDK_DISABLED": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": root,
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_LOGS_EXPORTER": "otlp,console",
            "OTEL_METRICS_EXPORTER": "prometheus",
            "OTEL_TRACES_SAMPLER": "always_off",
            "TRACEPARENT": f"00-{'1' * 32}-{'2' * 16}-01",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        (project / "conf/base/observability.yml").write_text(
            f"tracing: {{enabled: false}}\nhistory: {{enabled: false, path: {project}/h.db}}\n"
            f"metrics: {{enabled: false, pushgateway: '{root}', textfile: {project}/m.prom}}\n"
            f"logging: {{enabled: false, stderr: json, file: {project}/l.jsonl}}\nspool: {{path: {project}/spool}}\n"
            "resource: {team: ours}\nredaction: {keys: [size]}\n"
        )
        before, environment = sorted(project.glob("*")), dict(os.environ)
        with captured_telemetry() as telemetry:
            run()
        assert backend.requests == []
    assert dict(os.environ) == environment
    assert sorted(project.glob("*")) == before
    assert capfd.readouterr() == ("", "")
    assert telemetry.span("session project_captured").parent_id == ""
    assert telemetry.span("clean").resource["team"] == "ours"
    assert telemetry.span("inner").attributes["size"] == "<redacted>"
    assert telemetry.metric("node_runs_total", node="clean") == 1
    assert telemetry.events("node.finished")


WARNINGS = {"WARNING of some.library.", "WARNING of another.library."}
INFOS = {*WARNINGS, "INFO of some.library.", "INFO of another.library."}


@pytest.mark.parametrize(
    ("level", "heard"), [("DEBUG", {*INFOS, "DEBUG of some.library."}), ("INFO", INFOS), ("WARNING", WARNINGS)]
)
def test_all_loggers_are_heard_and_left_as_they_were(project: Path, level: str, heard: set[str]) -> None:
    """Handlers and levels are those of before."""
    root, named, other, package = map(logging.getLogger, ("", "some.library", "another.library", "project_captured"))

    def state() -> tuple[object, ...]:
        return root.handlers[:], root.level, named.level, other.level, package.level

    before = state()
    with captured_telemetry(level=level, loggers=["some.library"]) as telemetry, KedroSession.create() as session:
        for logger in (named, other):
            for number in (logging.DEBUG, logging.INFO, logging.WARNING):
                logger.log(number, "%s of %s.", logging.getLevelName(number), logger.name)
        session.run("good")
    assert state() == before
    assert {each["event"] for each in telemetry.logs if "library" in each["logger"]} == heard
    assert any(each["event"] == "Cleaning 3." for each in telemetry.logs) == (level == "DEBUG")


def test_a_fake_clock_and_counted_ids_make_two_runs_the_same(project: Path) -> None:
    """Ids, times and durations are the same each time."""
    found = []
    for _ in range(2):
        clock = FakeClock(step_seconds=0.5)
        with captured_telemetry(clock=clock, incremental_ids=True) as telemetry:
            run()
        found.append([(e.name, e.trace_id, e.span_id, e.parent_id, e.started_ns, e.ended_ns) for e in telemetry.spans])
    assert found[0] == found[1]
    assert {each[1] for each in found[0]} == {f"{1:032x}"}
    assert sorted(each[2] for each in found[0]) == [f"{number:016x}" for number in range(1, len(found[0]) + 1)]


def test_a_fake_clock_goes_on_as_it_is_told(project: Path) -> None:
    """Without a step, what passes is what was told; it never goes back."""
    clock = FakeClock(1_000_000_000)
    with captured_telemetry(clock=clock) as telemetry:
        with KedroSession.create() as session:
            clock.advance(2.5)
            session.run("good")
        assert clock.now_ns() == 3_500_000_000
    assert telemetry.span("session project_captured").ended_ns == 3_500_000_000
    assert telemetry.span("clean").duration_seconds == 0
    with pytest.raises(ValueError, match="never goes back"):
        clock.advance(-1)


def test_a_session_of_another_context_is_not_captured(project: Path) -> None:
    """A thread is captured when it is given a copy of the context, and not otherwise."""
    with captured_telemetry() as telemetry:
        here = contextvars.copy_context()
        thread = threading.Thread(target=here.run, args=(run,))
        thread.start()
        thread.join(30)
        assert telemetry.span("RUN good").result == "success"


def test_a_block_may_end_in_another_context(project: Path) -> None:
    """As fixtures of asynchronous tests do: nothing is raised, and what was before is in force."""
    capture = captured_telemetry()
    telemetry = contextvars.copy_context().run(capture.__enter__)
    capture.__exit__(None, None, None)
    with pytest.raises(NotRecordedError, match="no session was made"):
        _ = telemetry.spans


MISTAKES: dict[str, tuple[Callable[[Telemetry], object], str]] = {
    "span": (lambda t: t.span("claen"), r"There is no span 'claen'\. Did you mean 'clean'\?"),
    "field": (lambda t: t.span("clean", result="failure"), r"of that name there are node \(success\)"),
    "metric": (lambda t: t.metric("node_run_totl"), r"There is no metric 'node_run_totl'\. Did you mean 'node_runs_t"),
    "label": (lambda t: t.metric("node_runs_total", nod="clean"), r"has no label 'nod'\. Did you mean 'node'\?"),
    "value": (lambda t: t.metric("node_runs_total", node="claen"), r"no series with node='claen'\. Did you mean 'cle"),
    "sum": (lambda t: t.metric_sum("node_runs_total"), r"is a counter: metric\(\) returns its value"),
    "gauges": (lambda t: t.metric("pipeline_last_start_timestamp_seconds"), r"2 series .* fit; give more labels"),
    "event": (lambda t: t.events("node.faild"), r"There is no event 'node\.faild'\. Did you mean 'node\.failed'"),
    "far": (lambda t: t.series("zzzz"), r"There is no metric 'zzzz'\. There are '.*' and \d+ more\."),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_the_nearest_name(project: Path, mistake: str) -> None:
    """One message says what is not there, and what is."""
    ask, message = MISTAKES[mistake]
    with captured_telemetry() as telemetry:
        run()
        if mistake == "gauges":
            with pytest.raises(ValueError, match="no good"):
                run("bad")
    with pytest.raises(NotRecordedError, match=message):
        ask(telemetry)


def test_a_capture_that_failed_says_so(project: Path, tmp_path: Path) -> None:
    """Where telemetry cannot be written, the test is told that, and not that there is no such span."""
    with captured_telemetry() as telemetry:
        (folder,) = (tmp_path / "temporary").iterdir()
        folder.rmdir()
        folder.write_text("in the way")
        run()
        with pytest.raises(NotRecordedError, match="Nothing was recorded, though a session was made"):
            _ = telemetry.spans
        assert repr(telemetry) == "<Telemetry: 0 spans, 0 log lines, 1 sessions>"
        folder.unlink()
        folder.mkdir()
