"""The plugin that counts: what it writes, and when it writes nothing."""

from __future__ import annotations

import json
import pickle
import sys
from threading import Thread
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.support.metrics import (
    NOW_NS,
    SECOND_NS,
    hooks_on,
    node_span,
    payloads_of,
    repr_of,
    span_of,
    told,
    totals_of,
)

from pellucid.observability.hooks.metrics import MetricsHooks, metrics_hooks
from pellucid.observability.metrics import seal
from pellucid.observability.options import Options
from pellucid.observability.recording import STREAM_METRICS, Recording
from pellucid.observability.semconv import Attr
from pellucid.observability.spool import FrameKind

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.observability.records import Kind

TRACE = "000102030405060708090a0b0c0d0e0f"


def test_a_node_makes_one_start_and_one_end_with_the_key_of_its_span(tmp_path: Path) -> None:
    span = node_span()
    start, end = told(hooks_on(tmp_path), span).frames
    assert (start.kind, start.stream, start.key) == (FrameKind.START, STREAM_METRICS, span.span_id)
    assert (end.kind, end.stream, end.key) == (FrameKind.END, STREAM_METRICS, span.span_id)
    key = "0000000000000014"
    assert json.loads(start.payload) == [1, "N", "daily", TRACE, key, NOW_NS, "clean"]
    ended_ns = NOW_NS + 2 * SECOND_NS
    assert json.loads(end.payload)[:10] == [1, "n", "daily", TRACE, key, NOW_NS, ended_ns, "success", "clean", 0.002]


def test_a_run_makes_a_start_and_an_end(tmp_path: Path) -> None:
    start, end = map(json.loads, payloads_of(tmp_path, span_of("run", result="timeout")))
    key = "0000000000000001"
    assert start == [1, "R", "daily", TRACE, key, NOW_NS]
    assert end == [1, "r", "daily", TRACE, key, NOW_NS, NOW_NS + SECOND_NS, "timeout"]


@pytest.mark.parametrize("kind", ["session.create", "context.load", "catalog.create"])
def test_steps_make_an_end_alone(tmp_path: Path, kind: Kind) -> None:
    (end,) = map(json.loads, payloads_of(tmp_path, span_of(kind, result="failure")))
    assert end == [1, "s", kind, TRACE, "0000000000000001", NOW_NS, NOW_NS + SECOND_NS, "failure"]


def test_a_session_makes_nothing(tmp_path: Path) -> None:
    assert payloads_of(tmp_path, span_of("session")) == []


@pytest.mark.parametrize("kind", ["load", "save"])
def test_a_dataset_whose_node_is_not_known_makes_an_event_of_its_own(tmp_path: Path, kind: Kind) -> None:
    totals = totals_of(*payloads_of(tmp_path, span_of(kind, dataset="orders")))
    assert totals.value("dataset_operations_total", dataset="orders", operation=kind) == 1


def test_nothing_is_written_where_metrics_are_switched_off(tmp_path: Path) -> None:
    hooks = hooks_on(tmp_path, is_enabled=False)
    assert told(hooks, node_span(), span_of("run"), span_of("context.load")).frames == []
    hooks.on_run_refused(ValueError("no"), "daily")


def test_nothing_is_written_before_a_recording_has_started() -> None:
    hooks = metrics_hooks()
    assert told(hooks, node_span()).frames == []
    hooks.on_run_refused(ValueError("no"), "daily")


def test_a_copy_in_another_process_waits_for_its_own_recording(tmp_path: Path) -> None:
    copy = pickle.loads(pickle.dumps(hooks_on(tmp_path)))
    assert isinstance(copy, MetricsHooks)
    assert told(copy, node_span()).frames == []


def test_an_end_without_its_start_is_whole(tmp_path: Path) -> None:
    span = node_span(datasets=[])
    whole = payloads_of(tmp_path, span)[1]
    assert hooks_on(tmp_path).on_span_ended(node_span(datasets=[])) == (STREAM_METRICS, whole)


def test_spans_of_two_runs_at_once_keep_their_own(tmp_path: Path) -> None:
    one, two, other = node_span(), node_span(number=2), node_span(pipeline="other", trace_id=b"x" * 16)
    two.scope = one.scope
    starts = [json.loads(each)[2:4] for each in payloads_of(tmp_path, one, two, other, one) if each[3:6] == b'"N"']
    assert starts == [["daily", TRACE], ["daily", TRACE], ["other", (b"x" * 16).hex()], ["daily", TRACE]]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "7", True, 2**64])
def test_a_number_that_is_none_is_not_known(tmp_path: Path, value: Any) -> None:
    _, end = payloads_of(tmp_path, node_span(facts={Attr.CPU: value, Attr.QUEUE_WAIT: value}, datasets=[]))
    assert json.loads(end)[9:] == [None, None, None, []]


def test_names_of_any_kind_arrive_as_they_are(tmp_path: Path) -> None:
    name = 'a "quoted" \\ näme\n\U0001f600'
    totals = totals_of(*payloads_of(tmp_path, node_span(node=name)))
    assert totals.labels("node_cpu_seconds_total") == [{"pipeline": "daily", "node": name.replace("\n", "\ufffd")}]


def test_a_node_with_many_datasets_makes_several_events_and_counts_each_once(tmp_path: Path) -> None:
    pieces = [span_of("save", dataset="out", number=number) for number in range(1, 251)]
    payloads = payloads_of(tmp_path, node_span(datasets=pieces))
    assert max(map(len, payloads)) < 20_000
    assert len(payloads) == 4
    totals = totals_of(*payloads)
    assert totals.value("dataset_operations_total", dataset="out", operation="save", result="success") == 250
    assert totals.count("node_run_duration_seconds", node="clean") == 1


def test_names_that_never_repeat_are_not_kept_for_ever(tmp_path: Path) -> None:
    hooks = hooks_on(tmp_path)
    for number in range(10_050):
        hooks._quoted(f"name {number}")
    assert len(hooks._names) < 10_001


def test_a_killed_node_is_counted_as_error_until_its_last_sign_of_life(tmp_path: Path) -> None:
    start, _ = payloads_of(tmp_path, node_span())
    totals = totals_of(start, seal(start, NOW_NS + 3 * SECOND_NS))
    assert totals.value("node_runs_total", pipeline="daily", node="clean", result="error") == 1
    assert totals.value("node_runs_total") == 1
    assert totals.sum("node_run_duration_seconds", node="clean") == 3
    assert totals.value("telemetry_faults_total") == 0


def test_a_killed_run_is_counted_as_error(tmp_path: Path) -> None:
    start, _ = payloads_of(tmp_path, span_of("run"))
    totals = totals_of(start, seal(start, NOW_NS - SECOND_NS))
    assert totals.value("pipeline_runs_total", pipeline="daily", result="error") == 1
    assert totals.sum("pipeline_run_duration_seconds", pipeline="daily", result="error") == 0
    assert totals.value("pipeline_last_completion_timestamp_seconds", pipeline="daily") == NOW_NS / 1e9


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"{}", b"\xff", b'[1,"r"]', b'[1,"R","p"]', b"[" * 100_000, b"null"], ids=repr_of
)
def test_a_start_that_cannot_be_read_is_sealed_without_a_fuss_and_counted_as_a_fault(payload: bytes) -> None:
    totals = totals_of(seal(payload, NOW_NS))
    assert totals.value("telemetry_faults_total", part="metric event") == 1
    assert totals.value("pipeline_runs_total") == 0


def test_a_fault_of_telemetry_is_counted(tmp_path: Path) -> None:
    """Whichever process it happens in, as it is written down like all else."""
    kept: list[bytes] = []

    class Kept:
        def end(self, stream: int, key: bytes, payload: bytes) -> None:
            assert (stream, len(key)) == (STREAM_METRICS, 8)
            kept.append(payload)

    recording = Recording(Options(), tmp_path, "demo", "session")
    recording.spool = cast("Any", Kept())
    metrics_hooks().on_recording_started(recording)
    for part in ("tracing", "tracing", "logging"):
        recording.guard.note(part, ValueError("a fault"))
    totals = totals_of(*kept)
    assert totals.value("telemetry_faults_total", part="tracing") == 2
    assert totals.value("telemetry_faults_total", part="logging") == 1
    assert totals.value("telemetry_faults_total") == 3


@pytest.mark.parametrize("payload", [b'[1,"f","part"]', b'[1,"f",3,5]', b'[1,"f","part",-5]'], ids=repr_of)
def test_a_fault_that_cannot_be_read_is_one_of_events(payload: bytes) -> None:
    assert totals_of(payload).value("telemetry_faults_total", part="metric event") == 1


def test_datasets_of_a_node_that_end_in_several_threads_are_each_counted_once(tmp_path: Path) -> None:
    hooks, node, kept = hooks_on(tmp_path), node_span(datasets=[]), list[bytes]()
    hooks.on_span_started(node)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def load(first: int) -> None:
        for number in range(first, first + 500):
            span = span_of("load", dataset="in", number=number)
            span.parent = node
            told = hooks.on_span_ended(span)
            if told is not None:
                kept.append(told[1])

    try:
        threads = [Thread(target=load, args=(1 + 500 * each,)) for each in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    finally:
        sys.setswitchinterval(before)
    ended = hooks.on_span_ended(node)
    assert ended is not None
    assert totals_of(*kept, ended[1]).value("dataset_operations_total", dataset="in") == 4000
