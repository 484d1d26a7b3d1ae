"""The plugin that counts: what it writes, and when it writes nothing."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.metrics import (
    NOW_NS,
    SECOND_NS,
    ListSpool,
    hooks_on,
    node_span,
    payloads_of,
    repr_of,
    span_of,
    totals_of,
)

from pellucid.observability.hooks.metrics import MetricsHooks, metrics_hooks
from pellucid.observability.metrics import seal
from pellucid.observability.recording import STREAM_METRICS
from pellucid.observability.semconv import Attr
from pellucid.observability.spool import FrameKind

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.observability.records import Kind

TRACE = "000102030405060708090a0b0c0d0e0f"


def test_a_node_makes_one_start_and_one_end_with_the_key_of_its_span(tmp_path: Path) -> None:
    spool, span = ListSpool(), node_span()
    hooks = hooks_on(spool, tmp_path)
    hooks.on_span_started(span)
    hooks.on_span_ended(span)
    start, end = spool.frames
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


@pytest.mark.parametrize("kind", ["session", "load", "save"])
def test_other_spans_make_nothing(tmp_path: Path, kind: Kind) -> None:
    assert payloads_of(tmp_path, span_of(kind)) == []


def test_nothing_is_written_where_metrics_are_switched_off(tmp_path: Path) -> None:
    spool = ListSpool()
    hooks = hooks_on(spool, tmp_path, is_enabled=False)
    for span in (node_span(), span_of("run"), span_of("context.load")):
        hooks.on_span_started(span)
        hooks.on_span_ended(span)
    assert spool.frames == []


def test_nothing_is_written_before_a_recording_has_started() -> None:
    hooks = metrics_hooks()
    hooks.on_span_started(node_span())
    hooks.on_span_ended(node_span())


def test_a_copy_in_another_process_waits_for_its_own_recording(tmp_path: Path) -> None:
    spool = ListSpool()
    copy = pickle.loads(pickle.dumps(hooks_on(spool, tmp_path)))
    assert isinstance(copy, MetricsHooks)
    copy.on_span_ended(node_span())
    assert spool.frames == []


def test_an_end_without_its_start_is_whole(tmp_path: Path) -> None:
    whole, spool = payloads_of(tmp_path, node_span())[1], ListSpool()
    hooks_on(spool, tmp_path).on_span_ended(node_span())
    assert spool.payloads == [whole]


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
    assert len(payloads) == 5
    totals = totals_of(*payloads)
    assert totals.value("dataset_operations_total", dataset="out", operation="save", result="success") == 250
    assert totals.count("node_run_duration_seconds", node="clean") == 1


def test_names_that_never_repeat_are_not_kept_for_ever(tmp_path: Path) -> None:
    hooks = hooks_on(ListSpool(), tmp_path)
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
