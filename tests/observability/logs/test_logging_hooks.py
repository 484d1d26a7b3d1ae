"""The built-in events."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.logs import (
    OWN_SCOPE,
    SCOPE,
    FrameList,
    lines_of,
    log_file,
    logged,
    recording_in,
    runtime_logging,
    span_of,
)

from pellucid.observability.hooks.logging import LoggingHooks, logging_hooks
from pellucid.observability.logs import CORE_FIELDS
from pellucid.observability.logs._sentences import sentence
from pellucid.observability.options import OtlpOptions
from pellucid.observability.recording import Outcome
from pellucid.observability.records import RunScope
from pellucid.observability.semconv import EVENTS, Attr

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.observability.records import SpanRecord

ERROR = ValueError("no rows")
IDS = {
    "timestamp": "2023-11-14T22:13:20.250000Z",
    "logger": "pellucid.events",
    "trace_id": "000102030405060708090a0b0c0d0e0f",
    "span_id": "0101010101010101",
    "session_id": "session-1",
    "run_id": "run-1",
    "pipeline": "__default__",
}


def told_by(folder: Path, *spans: SpanRecord, **options: Any) -> list[dict[str, Any]]:
    recording = recording_in(folder, **options)
    recording.provenance = {Attr.VCS_REVISION: "abc123"}
    with runtime_logging(), logged(recording) as (hooks, events):
        for span in spans:
            hooks.on_span_started(span)
            hooks.on_span_ended(span)
    return events


def test_a_node_is_one_line(tmp_path: Path) -> None:
    events = told_by(tmp_path, span_of("node", node="train"))
    assert events[0] == {
        **IDS, "level": "INFO", "event": "node.finished", "node": "train", "duration_seconds": 0.25, "result": "success"
    }  # fmt: skip
    assert [each["event"] for each in events] == ["node.finished", "telemetry.closed"]


def test_its_start_is_told_where_that_is_asked_for(tmp_path: Path) -> None:
    events = told_by(tmp_path, span_of("node", node="train"), level="DEBUG")
    assert events[0] == {
        **IDS, "timestamp": "2023-11-14T22:13:20.000000Z", "level": "DEBUG", "event": "node.started", "node": "train"
    }  # fmt: skip


def test_a_node_that_failed_says_why(tmp_path: Path) -> None:
    event = told_by(tmp_path, span_of("node", node="train", result="failure", error=ERROR))[0]
    assert event.pop("traceback").endswith("ValueError: no rows")
    assert event == {
        **IDS, "level": "ERROR", "event": "node.failed", "node": "train", "duration_seconds": 0.25, "result": "failure",
        "error_type": "ValueError", "error": "no rows",
    }  # fmt: skip


def test_a_node_that_was_lost_with_its_process_has_the_type_of_error_alone(tmp_path: Path) -> None:
    lost = span_of("node", node="train", result="error", end_attributes={Attr.ERROR_TYPE: "ProcessLost"})
    event = told_by(tmp_path, lost)[0]
    assert (event["event"], event["error_type"]) == ("node.failed", "ProcessLost")
    assert "error" not in told_by(tmp_path, span_of("node", result="error"))[0]


def test_a_run_starts_with_its_parameters_without_secrets(tmp_path: Path) -> None:
    attributes = {
        Attr.PARAMETERS: '{"rows": 3, "password": "sesame"}', Attr.RUNNER: "SequentialRunner", Attr.NODE_COUNT: 4,
        Attr.SELECTION: '{"tags": ["a"]}',
    }  # fmt: skip
    run = span_of("run", attributes=attributes, end_attributes={Attr.NODE_DONE_COUNT: 4})
    started, finished, closed = told_by(tmp_path, run)
    assert started["event"] == "pipeline.started"
    assert started["parameters"] == {"rows": 3, "password": "<redacted>"}
    assert (started["runner"], started["nodes"], started["selection"]) == ("SequentialRunner", 4, {"tags": ["a"]})
    assert (finished["event"], finished["nodes_done"], finished["result"]) == ("pipeline.finished", 4, "success")
    assert (closed["result"], closed["duration_seconds"], closed["trace_id"]) == ("success", 0.25, IDS["trace_id"])


def test_parameters_that_are_no_json_are_told_as_they_are(tmp_path: Path) -> None:
    for text in ("{broken", "[" * 100_000, "plain"):
        started = told_by(tmp_path, span_of("run", attributes={Attr.PARAMETERS: text}))[0]
        assert started["parameters"].startswith(text[:10])


def test_a_run_that_failed_is_the_result_of_the_last_line(tmp_path: Path) -> None:
    run = span_of("run", result="cancellation", error=KeyboardInterrupt(), scope=OWN_SCOPE)
    events = told_by(tmp_path, run, span_of("session"))
    assert [each["event"] for each in events] == [
        "pipeline.started", "pipeline.failed", "session.closed", "telemetry.closed"
    ]  # fmt: skip
    assert events[1]["error_type"] == "KeyboardInterrupt"
    assert events[3]["result"] == "cancellation"


def test_a_session_without_a_run_has_its_own_last_line(tmp_path: Path) -> None:
    events = told_by(tmp_path, span_of("session", result="failure", error=ERROR))
    assert [each["event"] for each in events] == ["session.closed", "telemetry.closed"]
    assert events[0]["result"] == events[1]["result"] == "failure"
    assert "error" not in events[0]


def test_a_session_for_many_runs_is_closed_once_and_has_its_own_last_line(tmp_path: Path) -> None:
    """Each of its runs has a trace of its own, whose root is no session that is closed."""
    scopes = [RunScope("session-1", f"run-{number}", "p", bytes([number] * 16)) for number in (1, 2)]
    spans = [span for scope in scopes for span in (span_of("run", scope=scope), span_of("session", scope=scope))]
    events = told_by(tmp_path, *spans, span_of("session", 3.0))
    names = ["pipeline.started", "pipeline.finished"] * 2
    assert [each["event"] for each in events] == [*names, "session.closed", "telemetry.closed"]
    assert [each["run_id"] for each in events] == ["run-1"] * 2 + ["run-2"] * 2 + ["session-1"] * 2
    assert events[-1]["duration_seconds"] == 3.0
    assert "pipeline" not in events[-1]


@pytest.mark.parametrize("kind", ["load", "save"])
def test_datasets(tmp_path: Path, kind: Any) -> None:
    sizes = {Attr.DATASET_BYTES: 10, Attr.DATASET_ROWS: 2}
    good = span_of(kind, node="train", dataset="table", end_attributes=sizes)
    bad = span_of(kind, node="train", dataset="table", result="failure", error=ERROR)
    loaded, failed, _ = told_by(tmp_path, good, bad)
    assert loaded["event"] == ("dataset.loaded" if kind == "load" else "dataset.saved")
    assert {key: loaded[key] for key in ("dataset", "operation", "bytes", "rows")} == {
        "dataset": "table", "operation": kind, "bytes": 10, "rows": 2
    }  # fmt: skip
    assert (failed["event"], failed["operation"], failed["error"]) == ("dataset.failed", kind, "no rows")
    assert "traceback" not in failed


@pytest.mark.parametrize(("kind", "name"), [("context.load", "context"), ("catalog.create", "catalog")])
def test_what_is_built(tmp_path: Path, kind: Any, name: str) -> None:
    good, bad, _ = told_by(tmp_path, span_of(kind), span_of(kind, result="failure", error=ERROR))
    assert good["event"] in {f"{name}.loaded", f"{name}.created"}
    assert (bad["event"], bad["level"], bad["error_type"]) == (f"{name}.failed", "ERROR", "ValueError")


def test_a_session_is_created(tmp_path: Path) -> None:
    span = span_of("session.create", attributes={Attr.ENV: "base"})
    event = told_by(tmp_path, span, span_of("session.create", result="failure", error=ERROR))[0]
    assert (event["project"], event["env"], event["commit"]) == (tmp_path.name, "base", "abc123")


def test_a_run_that_is_refused_is_one_line_in_the_trace_of_its_session(tmp_path: Path) -> None:
    recording = recording_in(tmp_path)
    error = ValueError("There is no pipeline 'nigthly', nor sesame-open.")
    with runtime_logging(), logged(recording) as (hooks, events):
        recording.hide({"key": "sesame-open"})
        session = span_of("session", 0, scope=RunScope("session-1", "session-1", "", b"\x09" * 16))
        session.span_id = b"\x02" * 8
        hooks.on_span_started(session)
        hooks.on_span_started(span_of("run", 0, node="x", scope=replace(SCOPE, run_id="other")))
        hooks.on_run_refused(error, "session-1", "nigthly")
    refused = events[1]
    assert (refused.pop("level"), refused.pop("timestamp")[:2]) == ("ERROR", "20")
    assert refused == {
        "event": "pipeline.refused", "logger": "pellucid.events", "trace_id": "09" * 16, "span_id": "02" * 8,
        "session_id": "session-1", "run_id": "session-1", "pipeline": "nigthly", "error_type": "ValueError",
        "error": "There is no pipeline 'nigthly', nor <redacted>.",
    }  # fmt: skip
    assert sentence("pipeline.refused", refused) == (
        "Run of nigthly did not start: ValueError: There is no pipeline 'nigthly', nor <redacted>."
    )


def test_a_refused_run_without_a_span_is_told_all_the_same(tmp_path: Path) -> None:
    with runtime_logging(), logged(recording_in(tmp_path)) as (hooks, events):
        hooks.on_run_refused(ERROR, "run-7", "nightly")
    assert (events[0]["event"], events[0]["error"]) == ("pipeline.refused", "no rows")
    with runtime_logging(), logged(recording_in(tmp_path, level="CRITICAL")) as (hooks, events):
        hooks.on_run_refused(ERROR, "run-7", "nightly")
    assert events == []
    hooks.on_run_refused(ERROR, "run-7", "nightly")  # nothing is recorded any more


def test_every_line_has_the_fields_of_the_table_and_no_others(tmp_path: Path) -> None:
    sizes = {Attr.DATASET_BYTES: 10, Attr.DATASET_ROWS: 2, Attr.NODE_DONE_COUNT: 1}
    attributes = {Attr.PARAMETERS: "{}", Attr.SELECTION: "{}", Attr.ENV: "x", Attr.RUNNER: "R", Attr.NODE_COUNT: 1}
    kinds: tuple[Any, ...] = (
        "session.create",
        "context.load",
        "catalog.create",
        "run",
        "node",
        "load",
        "save",
        "session",
    )
    spans = [
        span_of(kind, node="n", dataset="d", attributes=attributes, end_attributes=sizes, result=result, error=error)
        for kind in kinds
        for result, error in (("success", None), ("failure", ERROR), ("skip", None))
    ]
    with runtime_logging(), logged(recording_in(tmp_path)) as (hooks, refused):
        hooks.on_run_refused(ERROR, "run-1", "nightly")
    events = told_by(tmp_path, *spans, level="DEBUG") + refused
    table = {each.name: {*each.fields, *CORE_FIELDS} for each in EVENTS}
    levels = {each.name: each.level for each in EVENTS}
    assert {each["event"] for each in events} == set(table)
    for event in events:
        assert set(event) <= table[event["event"]]
        assert event["level"] == levels[event["event"]]


def test_the_last_line_tells_what_became_of_the_spans(tmp_path: Path) -> None:
    with (
        runtime_logging(),
        logged(recording_in(tmp_path), outcome=Outcome(6, 3, 2, 0, 1, True, "here")) as (hooks, events),
    ):
        hooks.on_span_ended(span_of("run"))
    shown = {key: events[-1][key] for key in ("spans", "delivered", "kept", "dropped", "quarantined", "place")}
    assert shown == {"spans": 6, "delivered": 3, "kept": 2, "dropped": 0, "quarantined": 1, "place": "here"}
    assert events[-1]["timestamp"] > "2026"


def test_the_plugin_travels_by_pickle_without_what_is_live(tmp_path: Path) -> None:
    with runtime_logging(), logged(recording_in(tmp_path)) as (hooks, events):
        copied = pickle.loads(pickle.dumps(hooks))
        assert isinstance(copied, LoggingHooks)
        copied.on_span_started(span_of("run"))
        copied.on_span_ended(span_of("run"))
        copied.on_recording_ended(recording_in(tmp_path), Outcome())
    assert len(events) == 1
    assert isinstance(logging_hooks(), LoggingHooks)


def test_a_second_start_in_the_same_process_changes_nothing(tmp_path: Path) -> None:
    with runtime_logging(), logged(recording_in(tmp_path)) as (hooks, events):
        hooks.on_recording_started(recording_in(tmp_path))
        hooks.on_span_ended(span_of("node", node="n"))
    assert len(events) == 2
    assert len(lines_of(log_file(tmp_path))) == 2


@pytest.mark.processes
def test_a_forked_worker_logs_to_the_same_file_and_ends_nothing(tmp_path: Path) -> None:
    recording = recording_in(tmp_path, stderr="off", otlp=OtlpOptions(endpoint="http://localhost"))
    with runtime_logging(), logged(recording) as (hooks, _):
        hooks.on_span_ended(span_of("node", node="parent"))
        child = os.fork()
        if child == 0:
            hooks.on_recording_ended(recording, Outcome())  # not told to a worker; it does no harm before it starts
            own, frames = recording_in(tmp_path, is_worker=True), FrameList()
            own.spool = frames
            hooks.on_recording_started(own)
            hooks.on_span_ended(span_of("node", node="child"))
            os._exit(0 if len(frames.ends) == 1 else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert [each.get("node") for each in lines_of(log_file(tmp_path))] == ["parent", "child", None]
