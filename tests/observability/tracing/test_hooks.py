"""The plugin that traces."""

from __future__ import annotations

import os
import pickle
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from opentelemetry import context, trace
from tests.support import instrumented
from tests.support.otlp import Stage, ended_spans, read_frames, tree

from pellucid.observability.hooks.tracing import TracingHooks, tracing_hooks
from pellucid.observability.options import Options, TracingOptions
from pellucid.observability.recording import STREAM_SPANS
from pellucid.observability.tracing import suppressed
from pellucid.observability.tracing._encoding import SpanEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def test_start_and_end_are_written_when_they_happen(stage: Stage) -> None:
    with stage.span("node", "clean", attributes={"a": 1}) as span:
        (frame,) = stage.spool.frames()
        assert (frame.is_end, frame.stream, frame.key) == (False, STREAM_SPANS, span.span_id)
        assert frame.span.attributes["a"] == 1
        assert frame.span.end_ns == 0
    start, end = stage.spool.frames()
    assert end.payload.startswith(start.payload)
    assert end.span.end_ns == span.ended_ns
    assert "tracing" not in span.attached


def test_what_was_raised_is_in_the_span(stage: Stage) -> None:
    with pytest.raises(ValueError, match="no"), stage.span("node", "clean"):
        raise ValueError("no")

    (span,) = stage.ended()
    assert (span.status_code, span.events[0].attributes["exception.type"]) == (2, "ValueError")


def test_nothing_is_done_where_tracing_is_off(tmp_path: Path) -> None:
    stage = Stage(tmp_path, TracingOptions(enabled=False))
    finders, environ = list(sys.meta_path), dict(os.environ)
    with stage.span("run", "RUN") as span:
        instrumented.query("a")
        assert span.attached == {}
        assert dict(os.environ) == environ
        assert not trace.get_current_span().get_span_context().is_valid
    assert sys.meta_path == finders
    stage.close()

    assert stage.spool.frames() == []


def test_nothing_is_done_where_all_is_off(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.recording.options = Options(enabled=False)
    stage.hooks.on_recording_started(stage.recording)
    with stage.span("run", "RUN"):
        pass
    stage.close()

    assert stage.spool.frames() == []


def test_nothing_is_done_before_a_recording_and_after_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    span = stage.start("node", "open")
    stage.hooks.on_recording_ended()
    stage.hooks.on_recording_ended()
    stage.end(span)
    stage.end(stage.start("node", "late"))
    stage.close()

    assert [frame.span.name for frame in stage.spool.frames()] == ["open"]


def test_a_plugin_travels_without_what_is_live(stage: Stage) -> None:
    with stage.span("node", "clean") as span:
        copy = pickle.loads(pickle.dumps(stage.hooks))
        assert isinstance(copy, TracingHooks)
        assert isinstance(tracing_hooks(), TracingHooks)
        record = pickle.loads(pickle.dumps(span))
        copy.on_span_started(record)
        copy.on_recording_started(stage.recording)
        copy.on_span_ended(record)
        copy.on_recording_ended()

    assert tree(stage.ended()) == {"clean": ""}


@pytest.mark.processes
def test_a_forked_worker_begins_anew(stage: Stage, tmp_path: Path) -> None:
    """It has the run of its parent in its environment, and writes no span of its parent."""
    with stage.span("run", "RUN") as run:
        inherited = os.environ["TRACEPARENT"]
        pid = os.fork()
        if pid == 0:
            stage.recording.is_worker = True
            stage.hooks.on_recording_started(stage.recording)
            fine = os.environ["TRACEPARENT"] == inherited
            with stage.span("node", "clean", run):
                instrumented.query("a")
                fine = fine and os.environ["TRACEPARENT"] != inherited
            fine = fine and os.environ["TRACEPARENT"] == inherited
            stage.end(run)
            os._exit(0 if fine else 1)
        assert os.waitpid(pid, 0)[1] == 0

    assert tree(ended_spans(read_frames(tmp_path / "frames"))) == {"RUN": "", "clean": "RUN", "query a": "clean"}


@pytest.mark.processes
def test_a_fork_without_a_beginning_writes_what_it_opens_itself(stage: Stage, tmp_path: Path) -> None:
    with stage.span("run", "RUN") as run:
        inherited = os.environ["TRACEPARENT"]
        pid = os.fork()
        if pid == 0:
            with stage.span("node", "clean", run):
                fine = os.environ["TRACEPARENT"] != inherited
            stage.end(run)
            stage.hooks.on_recording_ended()
            os._exit(0 if fine and os.environ["TRACEPARENT"] == inherited else 1)
        assert os.waitpid(pid, 0)[1] == 0

    frames = read_frames(tmp_path / "frames")
    assert tree(ended_spans(frames)) == {"RUN": "", "clean": "RUN"}
    assert {frame.pid for frame in frames if frame.span.name == "RUN"} == {os.getpid()}


def test_an_end_that_was_interrupted_is_told_once_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    with stage.span("run", "RUN") as run:
        node = stage.start("node", "clean", is_current=True)
        instrumented.query("a")
        for name in ("start", "end"):
            with monkeypatch.context() as patch:
                patch.setattr(SpanEncoder, name, interrupted)
                tell = stage.hooks.on_span_started if name == "start" else stage.hooks.on_span_ended
                with pytest.raises(KeyboardInterrupt):
                    tell(node)
        stage.end(node)
        assert trace.get_current_span().get_span_context().span_id == int.from_bytes(run.span_id, "big")

    assert {span.name for span in stage.ended()} == {"RUN", "clean", "query a"}


def test_what_another_thread_has_only_half_imported_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would wait for that thread, which waits for it when the import comes to its end."""
    name = "opentelemetry.trace"
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, name)
        stage = Stage(tmp_path)
        patch.setitem(sys.modules, name, ModuleType(name))
        with stage.span("node", "clean"):
            assert not trace.get_current_span().get_span_context().is_valid
        stage.close()

    assert tree(stage.ended()) == {"clean": ""}


def test_children_are_told_nothing_where_the_settings_say_so(tmp_path: Path) -> None:
    stage = Stage(tmp_path, TracingOptions(propagators=("baggage",)))
    with stage.span("run", "RUN"), stage.span("node", "clean"):
        assert "TRACEPARENT" not in os.environ
    stage.close()


def test_faults_in_spans_of_others_reach_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def start(self, stream: int, key: bytes, payload: bytes) -> None:
            raise OSError("disk")

        end = start

        def keep(self, records: Sequence[tuple[int, int, bytes, bytes]]) -> None:
            raise OSError("disk")

    from pellucid.observability.guard import Guard

    stage = Stage(tmp_path)
    with stage.span("node", "clean"):
        stage.recording.spool, stage.recording.guard = Broken(), Guard()
        for _ in range(20):
            instrumented.query("a")
        stage.recording.spool = stage.spool
    stage.close()

    assert stage.recording.guard.is_off("tracing")
    assert len(caplog.records) == 2


def test_instrumentations_are_quiet_in_a_block() -> None:
    key = context._SUPPRESS_INSTRUMENTATION_KEY
    with suppressed():
        assert context.get_value(key)
    assert not context.get_value(key)


def test_without_the_api_there_is_nothing_to_suppress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "opentelemetry.context")
    with suppressed():
        assert "opentelemetry.context" not in sys.modules
