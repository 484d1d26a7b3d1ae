"""Spans that others open nest under those of the runtime, and are kept with them."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from tests.support import instrumented
from tests.support.otlp import Stage, ended_spans, proto_span, read_frames, tree, with_limits

from pellucid.observability.tracing import format_parent, tracer_provider

if TYPE_CHECKING:
    from pathlib import Path


def test_a_library_nests_under_node_load_and_save(stage: Stage) -> None:
    with stage.span("run", "RUN"):
        instrumented.query("run")
        with stage.span("node", "clean"):
            with stage.span("load", "load a"):
                instrumented.query("load")
            instrumented.query("node")
            instrumented.twice(lambda: instrumented.query("nested"))
            with stage.span("save", "save b"):
                instrumented.query("save")
        instrumented.query("after")

    spans = stage.ended()
    nested = [span for span in spans if span.name == "query nested"]
    assert len(nested) == 2
    assert tree([span for span in spans if span is not nested[0]]) == {
        "RUN": "",
        "query run": "RUN",
        "clean": "RUN",
        "load a": "clean",
        "query load": "load a",
        "query node": "clean",
        "twice": "clean",
        "query nested": "twice",
        "save b": "clean",
        "query save": "save b",
        "query after": "RUN",
    }
    assert nested[0].parent_span_id == nested[1].parent_span_id


def test_everything_of_such_a_span_is_kept(stage: Stage) -> None:
    with stage.span("node", "clean") as node:
        tracer = trace.get_tracer("lib", "2.0")
        elsewhere = trace.SpanContext(7, 8, is_remote=True, trace_state=trace.TraceState([("a", "b")]))
        link = trace.Link(elsewhere, {"why": "resumed"})

        def send() -> None:
            with tracer.start_as_current_span(
                "send", kind=trace.SpanKind.PRODUCER, attributes={"n": 1}, links=[link]
            ) as span:
                span.set_attributes({"list": ["a", "b"], "password": "hunter2", "half": 0.5})
                span.add_event("retry", {"attempt": 2}, timestamp=5)
                raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            send()

    found = next(each for each in stage.ended() if each.name == "send")
    assert found.kind == proto_span(b"").SPAN_KIND_PRODUCER
    assert found.scope == ("lib", "2.0")
    assert found.attributes["list"] == ["a", "b"]
    assert (found.attributes["n"], found.attributes["half"]) == (1, 0.5)
    assert found.attributes["password"] == "<redacted>"
    retry, exception = found.events
    assert (retry.name, retry.time_ns, dict(retry.attributes)) == ("retry", 5, {"attempt": 2})
    assert (exception.name, exception.attributes["exception.type"]) == ("exception", "ValueError")
    assert (found.status_code, found.status_message) == (2, "ValueError: broken")
    (linked,) = found.links
    assert (linked.trace_id[-1], linked.span_id[-1], linked.trace_state, linked.flags) == (7, 8, "a=b", 0x300)
    assert dict(linked.attributes) == {"why": "resumed"}
    assert found.flags == 0x101
    assert node.started_ns <= found.start_ns <= found.end_ns <= node.ended_ns


def test_secrets_are_hidden_in_every_part(stage: Stage) -> None:
    stage.recording.hide({"db": {"secret": "hunter2-hunter2"}})
    with stage.span("node", "clean"):
        span = trace.get_tracer("lib").start_span("ask hunter2-hunter2", attributes={"a": "hunter2-hunter2"})
        span.add_event("hunter2-hunter2", {"b": "hunter2-hunter2"})
        span.set_status(trace.Status(trace.StatusCode.ERROR, "no hunter2-hunter2"))
        span.end()

    assert len(stage.spool.frames()) == 4
    assert not any(b"hunter2" in frame.payload for frame in stage.spool.frames())


def test_limits_are_those_of_the_settings(tmp_path: Path) -> None:
    stage = Stage(tmp_path, with_limits(3, 5))
    with stage.span("node", "clean"):
        attributes = {f"a{each}": "x" * 10 for each in range(5)}
        trace.get_tracer("lib").start_span("many", attributes=attributes).end()
    stage.close()

    (span,) = [each for each in stage.ended() if each.name == "many"]
    assert {key: value for key, value in span.attributes.items() if key.startswith("a")} == {
        "a2": "xxxxx",
        "a3": "xxxxx",
        "a4": "xxxxx",
    }
    assert span.dropped_attributes == 2


def test_times_that_were_given_stay(stage: Stage) -> None:
    with stage.span("node", "clean"):
        trace.get_tracer("lib").start_span("old", start_time=5).end(9)

    (span,) = [each for each in stage.ended() if each.name == "old"]
    assert (span.start_ns, span.end_ns) == (5, 9)


def test_decorated_functions_and_coroutines_have_a_span_at_each_call(stage: Stage) -> None:
    with stage.span("node", "clean"):
        assert instrumented.decorated() == 6
        asyncio.run(instrumented.awaited())

    assert tree(stage.ended()) == {
        "clean": "",
        "decorated": "clean",
        "query inside": "decorated",
        "awaited": "clean",
        "query awaited inside": "awaited",
    }


def test_tasks_of_asyncio_nest(stage: Stage) -> None:
    async def work(name: str) -> None:
        with instrumented.tracer.start_as_current_span(name):
            await asyncio.sleep(0)
            instrumented.query(name)

    async def several() -> None:
        await asyncio.gather(work("a"), work("b"), asyncio.to_thread(instrumented.query, "thread"))

    with stage.span("node", "clean"):
        asyncio.run(several())

    assert tree(stage.ended()) == {
        "clean": "",
        "a": "clean",
        "b": "clean",
        "query a": "a",
        "query b": "b",
        "query thread": "clean",
    }


def test_threads_without_a_context_are_no_orphans(stage: Stage) -> None:
    with stage.span("run", "RUN"), stage.span("node", "clean"):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(instrumented.query, ["a", "b"]))
        copied = contextvars.copy_context()
        thread = threading.Thread(target=copied.run, args=(instrumented.query, "copied"))
        thread.start()
        thread.join()

    found = tree(stage.ended())
    assert found["query a"] == found["query b"] == found["query copied"] == "clean"


def test_a_thread_belongs_to_the_run_while_several_nodes_are_at_work(stage: Stage) -> None:
    with stage.span("run", "RUN") as run:
        one, two = stage.start("node", "one", run), stage.start("node", "two", run)
        thread = threading.Thread(target=instrumented.query, args=("a",))
        thread.start()
        thread.join()
        stage.end(one)
        stage.end(two)

    assert tree(stage.ended())["query a"] == "RUN"


def test_a_thread_belongs_to_the_session_before_there_is_a_run(stage: Stage) -> None:
    session = stage.start("session", "session p")
    instrumented.query("a")
    stage.end(session)

    assert tree(stage.ended())["query a"] == "session p"


def test_a_root_that_was_asked_for_is_one(stage: Stage) -> None:
    with stage.span("node", "clean"):
        trace.get_tracer("lib").start_span("apart", context=Context()).end()

    span = next(each for each in stage.ended() if each.name == "apart")
    assert span.parent_span_id == b""
    assert span.trace_id != stage.scope.trace_id
    assert span.is_sampled


def test_what_is_not_sampled_is_kept_and_marked(tmp_path: Path) -> None:
    stage = Stage(tmp_path, sampled=False)
    with stage.span("run", "RUN"), stage.span("node", "clean"):
        instrumented.query("a")
        trace.get_tracer("lib").start_span("apart", context=Context()).end()
    stage.close()

    assert {each.name for each in stage.ended()} == {"RUN", "clean", "query a", "apart"}
    assert not any(each.is_sampled for each in stage.ended())


def test_carriers_name_the_node(stage: Stage) -> None:
    with stage.span("run", "RUN"), stage.span("node", "clean") as node:
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier)
        assert carrier["traceparent"] == format_parent(stage.scope.trace_id, node.span_id, sampled=True)
        assert os.environ["TRACEPARENT"] == carrier["traceparent"]
    assert "TRACEPARENT" not in os.environ


def test_a_provider_of_the_project_is_left_alone(stage: Stage) -> None:
    """Also one that is set in the middle; its spans nest, and are not ours."""
    exporter, theirs = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    theirs.add_span_processor(SimpleSpanProcessor(exporter))
    early = trace.get_tracer("early")
    with stage.span("node", "clean") as node:
        early.start_span("ours").end()
        trace.set_tracer_provider(theirs)
        assert trace.get_tracer_provider() is theirs
        for tracer in (early, trace.get_tracer("late")):
            with tracer.start_as_current_span("theirs"):
                pass
    theirs.shutdown()

    assert tree(stage.ended()) == {"clean": "", "ours": "clean"}
    found = exporter.get_finished_spans()
    assert [each.name for each in found] == ["theirs", "theirs"]
    for each in found:
        assert each.parent is not None
        assert each.parent.span_id == int.from_bytes(node.span_id, "big")


def test_a_provider_that_was_set_before_stays(tmp_path: Path) -> None:
    theirs = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(theirs)
    stage = Stage(tmp_path)
    with stage.span("node", "clean"):
        trace.get_tracer("lib").start_span("theirs").end()
    stage.close()
    theirs.shutdown()

    assert trace.get_tracer_provider() is theirs
    assert tree(stage.ended()) == {"clean": ""}


def test_a_provider_that_was_chosen_by_variable_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_TRACER_PROVIDER", "somebody_elses")
    stage = Stage(tmp_path)
    assert trace.__dict__["_TRACER_PROVIDER"] is None
    stage.close()


def test_outside_a_recording_nothing_is_recorded(tmp_path: Path) -> None:
    provider = tracer_provider()
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer("lib")
    with tracer.start_as_current_span("before") as span:
        assert not span.is_recording()

    stage = Stage(tmp_path)
    with stage.span("node", "clean"), tracer.start_as_current_span("during") as span:
        assert span.is_recording()
    late = tracer.start_span("late")
    stage.close()
    late.end()
    with tracer.start_as_current_span("after") as span:
        assert not span.is_recording()

    assert trace.get_tracer_provider() is provider
    assert [each.name for each in stage.ended()] == ["during", "clean"]


def test_the_sdk_may_be_switched_off(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with stage.span("node", "clean"):
        instrumented.query("a")

    assert tree(stage.ended()) == {"clean": ""}


def test_one_tracer_serves_one_session_after_the_other(tmp_path: Path) -> None:
    for number in range(2):
        stage = Stage(tmp_path, name=f"frames-{number}")
        with stage.span("node", f"node {number}"):
            instrumented.query(str(number))
        stage.close()
        assert tree(stage.ended()) == {f"node {number}": "", f"query {number}": f"node {number}"}


def test_sessions_side_by_side_keep_their_spans_apart(tmp_path: Path) -> None:
    one, two = Stage(tmp_path, name="one"), Stage(tmp_path, name="two")
    barrier = threading.Barrier(2)

    def work(stage: Stage, name: str) -> None:
        with stage.span("run", name), stage.span("node", f"node {name}"):
            barrier.wait(30)
            instrumented.query(name)
            barrier.wait(30)

    threads = [threading.Thread(target=work, args=each) for each in ((one, "one"), (two, "two"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one.close()
    two.close()

    for stage, name in ((one, "one"), (two, "two")):
        assert tree(stage.ended()) == {name: "", f"node {name}": name, f"query {name}": f"node {name}"}


def test_a_span_that_nobody_ends_is_ended_with_the_session(stage: Stage) -> None:
    session = stage.start("session", "session p")
    with stage.span("node", "clean", session):
        left = trace.get_tracer("lib").start_span("left")
    stage.end(session)
    left.end()

    (span,) = [each for each in stage.ended() if each.name == "left"]
    assert span.attributes["error.type"] == "SpanNotEnded"
    assert span.status_code == 2


def test_a_worker_leaves_open_what_is_open(tmp_path: Path) -> None:
    stage = Stage(tmp_path, is_worker=True)
    with stage.span("node", "clean"):
        background = trace.get_tracer("lib").start_span("background")
    background.end()
    stage.close()

    assert tree(stage.ended()) == {"clean": "", "background": "clean"}


def test_a_context_that_the_node_did_not_put_back_does_no_harm(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    with stage.span("run", "RUN"):
        with stage.span("node", "one"):
            trace.use_span(trace.get_tracer("lib").start_span("leaked")).__enter__()
        with stage.span("node", "two"):
            instrumented.query("a")

    assert tree(stage.ended())["query a"] == "two"
    assert not caplog.records


def test_a_span_that_is_ended_in_another_context_says_nothing(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    span = contextvars.copy_context().run(stage.start, "node", "moved", is_current=True)
    stage.end(span)

    assert not caplog.records
    assert tree(stage.ended()) == {"moved": ""}


@pytest.mark.processes
def test_processes_that_a_node_forks_keep_their_spans(stage: Stage, tmp_path: Path) -> None:
    """None is lost, none is there twice, not even what was open when the process was forked."""
    with stage.span("run", "RUN"), stage.span("node", "clean"), instrumented.tracer.start_as_current_span("around"):
        for name in ("one", "two"):
            pid = os.fork()
            if pid == 0:
                instrumented.query(name)
                trace.get_current_span().end()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        instrumented.query("parent")

    frames = read_frames(tmp_path / "frames")
    assert tree(ended_spans(frames)) == {
        "RUN": "",
        "clean": "RUN",
        "around": "clean",
        "query one": "around",
        "query two": "around",
        "query parent": "around",
    }
    assert len({frame.pid for frame in frames}) == 3


@pytest.mark.processes
def test_a_fork_that_leaves_the_node_ends_nothing_of_its_parent(stage: Stage, tmp_path: Path) -> None:
    with stage.span("run", "RUN") as run:
        pid = os.fork()
        if pid == 0:
            stage.end(run)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0

    assert tree(ended_spans(read_frames(tmp_path / "frames"))) == {"RUN": ""}
