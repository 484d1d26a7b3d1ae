"""From events to totals: each metric, odd values, and an addition whose order does not matter."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from tests.support.metrics import NOW_NS, SECOND_NS, node_span, payloads_of, repr_of, segment_of, span_of, totals_of

from pellucid.observability.metrics import TotalsStore
from pellucid.observability.metrics._series import MOST_AMOUNT, Deltas, Distribution, Last, Sum, clean
from pellucid.observability.semconv import METRICS, RESULTS, Attr, metric

if TYPE_CHECKING:
    from pellucid.observability.records import Kind

HERE = Path()


def test_a_node_with_its_datasets() -> None:
    totals = totals_of(*payloads_of(HERE, node_span()))
    node = {"pipeline": "daily", "node": "clean"}
    assert totals.value("node_runs_total", **node, result="success") == 1
    assert totals.sum("node_run_duration_seconds", **node) == 2
    assert totals.sum("node_queue_wait_seconds", **node) == 0.002
    assert totals.value("node_cpu_seconds_total", **node) == 0.75
    assert totals.value("node_memory_peak_bytes", **node) == 123_456_789
    assert totals.value("dataset_operations_total", dataset="companies", operation="load", result="success") == 1
    assert totals.sum("dataset_operation_duration_seconds", dataset="companies") == 0.25
    assert totals.value("dataset_io_bytes_total", dataset="companies", operation="load") == 1000
    assert totals.value("dataset_rows", dataset="companies") == 10
    assert math.isnan(totals.value("dataset_last_saved_timestamp_seconds", dataset="companies"))


def test_a_dataset_made_by_a_pattern_is_called_by_the_pattern() -> None:
    totals = totals_of(*payloads_of(HERE, node_span()))
    assert totals.value("dataset_rows", dataset="{name}_x") == 5
    assert totals.value("dataset_last_saved_timestamp_seconds", dataset="{name}_x") == NOW_NS / 1e9 + 1.5
    assert {each["dataset"] for each in totals.labels("dataset_operations_total")} == {"companies", "{name}_x"}


def test_a_save_that_failed_is_no_last_save() -> None:
    save = span_of("save", dataset="model", result="failure")
    totals = totals_of(*payloads_of(HERE, node_span(datasets=[save], result="failure")))
    assert totals.labels("dataset_last_saved_timestamp_seconds") == []
    assert totals.value("dataset_operations_total", dataset="model", result="failure") == 1


@pytest.mark.parametrize("result", RESULTS)
def test_a_run_of_each_result(result: Any) -> None:
    totals = totals_of(*payloads_of(HERE, span_of("run", at=10, seconds=40, result=result)))
    assert totals.value("pipeline_runs_total", pipeline="daily", result=result) == 1
    assert totals.value("pipeline_runs_total") == 1
    assert totals.buckets("pipeline_run_duration_seconds", pipeline="daily", result=result)[60.0] == 1
    assert totals.value("pipeline_last_start_timestamp_seconds", pipeline="daily") == NOW_NS / 1e9 + 10
    assert totals.value("pipeline_last_completion_timestamp_seconds", pipeline="daily") == NOW_NS / 1e9 + 50
    success = totals.value("pipeline_last_success_timestamp_seconds", pipeline="daily")
    assert math.isnan(success) == (result != "success")


def test_every_result_is_0_as_soon_as_a_run_or_node_has_started() -> None:
    totals = totals_of(payloads_of(HERE, span_of("run"))[0], payloads_of(HERE, node_span())[0])
    for name in ("pipeline_runs_total", "node_runs_total"):
        assert sorted(each["result"] for each in totals.labels(name)) == sorted(RESULTS)
        assert totals.value(name) == 0
    assert totals.value("pipeline_last_start_timestamp_seconds", pipeline="daily") == NOW_NS / 1e9


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("session.create", "session_create_duration_seconds"),
        ("context.load", "context_load_duration_seconds"),
        ("catalog.create", "catalog_create_duration_seconds"),
    ],
)
def test_a_step(kind: Any, name: str) -> None:
    totals = totals_of(*payloads_of(HERE, span_of(kind, seconds=0.25, result="failure")))
    assert (totals.count(name, result="failure"), totals.sum(name)) == (1, 0.25)


def test_an_older_run_that_comes_late_overwrites_nothing() -> None:
    new = payloads_of(HERE, span_of("run", at=100, number=2), node_span(at=100, facts={Attr.MEMORY_PEAK: 5}))
    old = payloads_of(HERE, span_of("run", at=0), node_span(at=0, facts={Attr.MEMORY_PEAK: 9}))
    totals = totals_of(*new, *old)
    assert totals.value("pipeline_last_success_timestamp_seconds", pipeline="daily") == NOW_NS / 1e9 + 101
    assert totals.value("node_memory_peak_bytes", node="clean") == 5


def test_the_latest_observation_of_a_bucket_is_its_exemplar() -> None:
    spans = [span_of("run", at=at, seconds=seconds, number=at + 1) for at, seconds in ((9, 2), (0, 3), (5, 100))]
    exemplars = totals_of(*payloads_of(HERE, *spans)).exemplars("pipeline_run_duration_seconds")
    assert [(each.span_id, each.amount / SECOND_NS, (each.time_ns - NOW_NS) / SECOND_NS) for each in exemplars] == [
        ("000000000000000a", 2, 11),
        ("0000000000000006", 100, 105),
    ]
    assert {each.trace_id for each in exemplars} == {bytes(range(16)).hex()}


# ------------------------------------------------------------------------- what makes no sense


def _changed(payload: bytes, at: int, value: Any) -> bytes:
    data = json.loads(payload)
    data[at] = value
    return json.dumps(data).encode()


RUN = payloads_of(HERE, span_of("run"))[1]
NODE = payloads_of(HERE, node_span())[1]
STEP = payloads_of(HERE, span_of("context.load"))[0]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b"[" * 200_000,
        b'"text"',
        b"[1]",
        b'{"1":2,"3":4}',
        _changed(RUN, 0, 2),
        _changed(RUN, 0, "1"),
        _changed(RUN, 1, "?"),
        _changed(RUN, 1, ["r"]),
        _changed(RUN, 2, None),
        _changed(RUN, 3, "00"),
        _changed(RUN, 3, 5),
        _changed(RUN, 4, "g" * 16),
        _changed(RUN, 5, -1),
        _changed(RUN, 5, 1.5),
        _changed(RUN, 5, True),
        _changed(RUN, 6, 2**63),
        _changed(RUN, 6, float("nan")),
        _changed(RUN, 7, "unheard of"),
        _changed(RUN, 7, ["success"]),
        RUN[:-1] + b",1]",
        RUN.replace(b"1700000000000000000", b"9" * 5000),
        _changed(STEP, 2, "session"),
        STEP[:-1] + b",1]",
        _changed(NODE, 8, 7),
        _changed(NODE, 12, None),
        _changed(NODE, 12, [[]]),
        _changed(NODE, 12, [["drop", "a", "success", "0" * 16, 1, 2, None, None]]),
        payloads_of(HERE, node_span())[0][:-1] + b",1]",
        payloads_of(HERE, span_of("run"))[0][:-1] + b",1]",
        b'[1,"d","x"]',
    ],
    ids=repr_of,
)
def test_an_event_that_is_none_is_counted_and_leaves_the_others_alone(payload: bytes) -> None:
    totals = totals_of(RUN, payload, NODE)
    assert totals.value("telemetry_faults_total", part="metric event") == 1
    assert totals.value("pipeline_runs_total") == 1
    assert totals.value("node_runs_total") == 1
    assert totals.value("dataset_operations_total") == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, -0.5, 2**64, "3", [], True])
@pytest.mark.parametrize("at", [9, 10, 11])
def test_a_number_that_makes_no_sense_is_counted_and_left_out(value: Any, at: int) -> None:
    totals = totals_of(_changed(NODE, at, value))
    assert totals.value("telemetry_faults_total", part="metric event") == 1
    assert totals.value("node_runs_total", result="success") == 1
    left_out = ("node_queue_wait_seconds", "node_cpu_seconds_total", "node_memory_peak_bytes")[at - 9]
    assert totals.labels(left_out) == []


def test_an_end_before_its_start_took_no_time() -> None:
    totals = totals_of(_changed(RUN, 6, NOW_NS - SECOND_NS))
    assert totals.sum("pipeline_run_duration_seconds") == 0
    assert totals.count("pipeline_run_duration_seconds") == 1


@settings(deadline=None)
@given(
    st.binary(max_size=60) | st.recursive(st.none() | st.text() | st.floats(), st.lists).map(json.dumps).map(str.encode)
)
def test_no_payload_raises(payload: bytes) -> None:
    totals_of(payload)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_labels_are_bounded_and_have_nothing_that_breaks_a_page(text: str) -> None:
    made = clean(text)
    assert len(made) == min(len(text), 256)
    assert not any(ord(each) < 32 or each in "\x7f\x85\u2028\u2029" for each in made)
    made.encode()
    assert clean(made) == made


def test_half_of_a_surrogate_pair_in_a_name_can_be_kept() -> None:
    assert totals_of(*payloads_of(HERE, span_of("run", pipeline="a\ud800b"))).value(
        "pipeline_runs_total", pipeline="a\ufffdb"
    )


# ------------------------------------------------------------------------- algebra

seconds = st.one_of(
    st.sampled_from([0.001, 0.005, 0.05, 0.5, 1.0, 5.0, 3600.0, 0.1]), st.floats(0, 100_000, allow_nan=False)
)
runs = st.builds(
    lambda pipeline, at, took, result, number: span_of(
        "run", pipeline=pipeline, at=at, seconds=took, result=result, number=number
    ),
    st.sampled_from(["a", "b"]),
    st.integers(0, 5),
    seconds,
    st.sampled_from(RESULTS),
    st.integers(1, 3),
)
nodes = st.builds(
    lambda node, at, took, wait, rows: node_span(
        node=node,
        at=at,
        seconds=took,
        facts={Attr.QUEUE_WAIT: wait, Attr.CPU: wait / 3, Attr.MEMORY_PEAK: rows},
        datasets=[span_of("save", dataset=node, at=at, seconds=wait, facts={Attr.DATASET_ROWS: rows})],
    ),
    st.sampled_from(["x", "y"]),
    st.integers(0, 5),
    seconds,
    seconds,
    st.integers(0, 3),
)


@settings(deadline=None)
@given(st.lists(runs | nodes, max_size=12), st.data())
def test_any_order_and_any_split_into_segments_comes_to_the_same(spans: list[Any], data: st.DataObject) -> None:
    payloads = payloads_of(HERE, *spans)
    shuffled = data.draw(st.permutations(payloads))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(payloads)), max_size=4)))
    store = TotalsStore(None)
    for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(payloads)], strict=True)):
        assert store.take(segment_of(f"segment {number}", shuffled[start:end]))
    assert store.read().series == totals_of(*payloads).series
    store.close()


@settings(deadline=None)
@given(st.lists(seconds, max_size=30))
def test_histograms_are_those_of_prometheus_client(observed: list[float]) -> None:
    spans = [span_of("context.load", seconds=each) for each in observed]
    name = "context_load_duration_seconds"
    totals = totals_of(*payloads_of(HERE, *spans))
    registry = CollectorRegistry()
    theirs = Histogram("theirs", "The same.", buckets=metric(name).buckets, registry=registry)
    for span in spans:
        theirs.observe(span.duration_seconds)
    ours = {("+Inf" if math.isinf(le) else repr(le)): count for le, count in totals.buckets(name).items()}
    assert ours == {le: registry.get_sample_value("theirs_bucket", {"le": le}) for le in ours}
    assert totals.count(name) == registry.get_sample_value("theirs_count")
    assert totals.sum(name) == pytest.approx(registry.get_sample_value("theirs_sum"), abs=1e-6)


def test_amounts_stop_at_the_largest_instead_of_overflowing() -> None:
    total = Sum(MOST_AMOUNT - 1)
    total.merge(Sum(5))
    assert total.amount == MOST_AMOUNT
    assert Sum.load(2**70, ()).amount == MOST_AMOUNT


def test_of_two_values_at_one_time_the_larger_is_kept() -> None:
    one, two = Last(5, 1.0), Last(5, 2.0)
    one.merge(Last(5, 2.0))
    two.merge(Last(5, 1.0))
    assert one == two == Last(5, 2.0)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6), max_size=20))
def test_buckets_that_are_no_more_are_counted_in_the_next_larger_one(values: list[float]) -> None:
    old, new = (1.0, 2.0, 5.0, 10.0), (2.0, 7.0)
    made = Distribution()
    for value in values:
        bound = next((each for each in old if value <= each), math.inf)
        made.counts[bound] = made.counts.get(bound, 0) + 1
    loaded = Distribution.load(json.loads(json.dumps(made.dump())), new)
    assert loaded.count == len(values)
    assert set(loaded.counts) <= {*new, math.inf}
    assert loaded.counts.get(2.0, 0) == sum(value <= 2 for value in values)


def test_a_counter_of_telemetry_needs_all_its_labels() -> None:
    with pytest.raises(KeyError):
        Deltas().count("telemetry_spans_total")
    with pytest.raises(KeyError):
        Deltas().count("no_such_metric")


def test_every_metric_is_filled_by_something() -> None:
    kinds: tuple[Kind, ...] = ("run", "session.create", "context.load", "catalog.create")
    spans = [span_of(kind) for kind in kinds]
    totals = totals_of(*payloads_of(HERE, node_span(), *spans))
    empty = {each.name.removeprefix("pellucid_") for each in METRICS if not totals.labels(each.name)}
    assert empty == {
        "pipeline_runs_active",
        "pipeline_expected_interval_seconds",
        "telemetry_spool_spans",
        "telemetry_spool_bytes",
        "telemetry_faults_total",
        "telemetry_series_refused_total",
        "build_info",
    }
