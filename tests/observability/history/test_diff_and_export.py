from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.support.history import FakeSegment, RunMaker, failed_run

from pellucid.observability.history import HistoryStore, NodeChange, RunDiff, diff_runs, export_json
from pellucid.observability.history._diff import changes, flattened

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
    lambda inner: st.dictionaries(st.text("ab", min_size=1, max_size=2), inner, max_size=3),
    max_leaves=6,
)
_parameters = st.dictionaries(st.text("ab", min_size=1, max_size=2), _values, max_size=4)


def _diff(folder: Path, *runs: RunMaker) -> RunDiff:
    store = HistoryStore(folder / "history.db")
    for run in runs:
        store.take(run.segment(f"s{run.number}"))
    first, second = (store.find(run.session_id) for run in runs)
    return diff_runs(first, second, store.spans(first), store.spans(second))


def test_two_runs_are_compared(tmp_path: Path) -> None:
    before = failed_run(1)
    after = RunMaker(2, "train", started=60, parameters={"model": {"depth": 4}, "lr": 0.1}, commit="new")
    companies = after.node("clean_companies", 0.2, 1.2)
    after.io("load", "companies", 0.2, 0.7, companies, pellucid__dataset__rows=120, pellucid__dataset__bytes=2048)
    after.node("fit", 1.0, 2.0)
    after.node("fit", 2.0, 3.0)
    after.node("report", 3.0, 3.5)
    after.run(4.1)
    diff = _diff(tmp_path, before, after)
    assert (diff.before_seconds, diff.after_seconds) == pytest.approx((9.0, 4.0))
    assert {each.name: each[1:] for each in diff.fields} == {
        "result": ("failure", "success"),
        "commit": ("4f2a9c01d7", "new"),
        "error_type": ("ValueError", ""),
        "error_message": ("the table has no rows\nof 2025", ""),
    }
    assert diff.parameters == (("lr", None, 0.1), ("model.depth", 3, 4), ("seed", 7, None))
    assert [each.name for each in diff.nodes] == ["clean_companies", "fit", "report", "clean_reviews", "join"]
    assert diff.nodes[1] == NodeChange("fit", 4.6, 2.0, "failure", "success")
    assert diff.nodes[3] == NodeChange("clean_reviews", 1.0, None, "success", None)
    assert (diff.added, diff.removed) == (["report"], ["clean_reviews", "join"])
    assert diff.datasets == (("companies", "load", 100, 120, 2048, 2048),)


def test_of_a_run_and_itself_nothing_is_different(tmp_path: Path) -> None:
    run = failed_run()
    diff = _diff(tmp_path, run, run)
    assert (diff.fields, diff.parameters, diff.datasets, diff.added, diff.removed) == ((), (), (), [], [])


@settings(deadline=None)
@given(_parameters, _parameters)
def test_changes_lead_from_one_to_the_other(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    first, second = dict(flattened(before)), dict(flattened(after))
    for name, was, now in changes(first, second):
        assert first.get(name) == was
        first[name] = now
    assert {key: value for key, value in first.items() if value is not None} == {
        key: value for key, value in second.items() if value is not None
    }


@settings(deadline=None)
@given(_parameters)
def test_what_is_the_same_has_no_changes(values: Mapping[str, Any]) -> None:
    assert list(changes(dict(flattened(values)), dict(flattened(values)))) == []


def test_true_and_one_are_not_the_same() -> None:
    assert list(changes({"a": True}, {"a": 1})) == [("a", True, 1)]


def test_an_export_is_what_a_collector_accepts(tmp_path: Path) -> None:
    """Spans of two processes, each under its resource, with nothing missing."""
    run = failed_run()
    bodies = list(run.bodies)
    store = HistoryStore(tmp_path / "history.db")
    store.take(FakeSegment("main", bodies[:5], {"resource": {"process.pid": 1}}))
    store.take(FakeSegment("worker", bodies[5:], {"resource": {"process.pid": 2}}))
    text = json.dumps(export_json(store.spans(store.find())))
    request = json_format.Parse(text, ExportTraceServiceRequest())
    pids = {
        each.resource.attributes[0].value.int_value: [span for scope in each.scope_spans for span in scope.spans]
        for each in request.resource_spans
    }
    assert {pid: len(spans) for pid, spans in pids.items()} == {1: 5, 2: 11}
    spans = {span.name: span for each in pids.values() for span in each}
    # In OTLP's JSON, ids are hexadecimal; the general parser takes them for base64.
    fit = next(span for span in _json_spans(json.loads(text)) if span["name"] == "fit")
    assert fit["traceId"] == run.trace_id.hex()
    assert fit["parentSpanId"] == run.run_span.hex()
    assert spans["fit"].end_time_unix_nano == run.at(9.0)
    assert spans["fit"].status.code == 2
    assert spans["fit"].events[0].attributes[1].value.string_value == "the table has no rows\nof 2025"


def test_a_span_that_cannot_be_read_is_not_exported_and_has_no_attributes(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "history.db")
    run = failed_run()
    run.node("broken", 0.3, 0.4)
    broken = run.bodies.pop() + b"\x4a\x02\x0a\x05"  # an attribute that is cut off
    store.take(FakeSegment("a", [*run.bodies, broken]))
    spans = store.spans(store.find())
    assert len(spans) == 17
    assert sum(1 for _ in _json_spans(export_json(spans))) == 16
    (found,) = [each for each in spans if each.name == "broken"]
    assert (found.attributes, found.error_message, found.node) == ({}, "", "broken")


def _json_spans(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [span for each in request["resourceSpans"] for scope in each["scopeSpans"] for span in scope["spans"]]
