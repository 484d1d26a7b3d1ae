"""A run or node that a process was killed before it could count is counted when its span is sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.support.flow import header

from pellucid.observability.flow._rooms import seal
from pellucid.observability.flow._totals import CountedTotals
from pellucid.observability.recording import STREAM_METRICS, STREAM_SPANS
from pellucid.observability.spool import FrameKind, Limits, SegmentWriter, SpoolFolder
from pellucid.observability.spool._frames import encode

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.observability.metrics import Totals

KEY = b"12345678"
EVENT = '[1,"N","etl","{}","{}",1000,"clean"]'.format("ab" * 16, KEY.hex()).encode()


def left_open(writer: SegmentWriter, folder: Path) -> None:
    """End a segment as a process does that is killed in the middle of a write."""
    no_consumers_stream = 9
    writer.start(no_consumers_stream, KEY, b"")
    writer.close()
    (path,) = (folder / "spool" / "active").iterdir()
    with path.open("ab") as file:
        file.write(encode(FrameKind.START, STREAM_METRICS, KEY, 1, EVENT)[:40])


def start_of(kind: str) -> bytes:
    span = Span(name="clean", trace_id=b"\xab" * 16, span_id=KEY, start_time_unix_nano=1000)
    for name, text in {
        "pellucid.kind": kind,
        "cicd.pipeline.name": "etl",
        "cicd.pipeline.task.name": "clean",
    }.items():
        span.attributes.add(key=name).value.string_value = text
    encoded: bytes = span.SerializeToString()
    return encoded


def counted(folder: Path, kind: str, *events: bytes, metrics: bool = True, payload: bytes = b"") -> CountedTotals:
    """Write what a killed process would have left, sealed, and count it."""
    writer = SegmentWriter(folder / "spool", header(metrics=metrics), limits=Limits())
    writer.end(STREAM_SPANS, KEY, payload or seal(STREAM_SPANS, start_of(kind), 2000))
    for event in events:
        writer.end(STREAM_METRICS, KEY, seal(STREAM_METRICS, event, 2000))
    left_open(writer, folder)
    totals = CountedTotals(folder / "metrics.db", 1000)
    for segment in SpoolFolder(folder / "spool").finished(lambda *_: b""):
        assert segment.is_torn
        totals.take(segment)
        totals.take(segment)
    return totals


@pytest.mark.parametrize("events", [(), (EVENT,)])
def test_a_lost_node_is_counted_once(tmp_path: Path, events: tuple[bytes, ...]) -> None:
    totals = counted(tmp_path, "node", *events).read()
    assert totals.value("node_runs_total", pipeline="etl", node="clean", result="error") == 1
    assert totals.value("telemetry_spans_total", state="produced") == 1


def test_a_lost_run_is_counted(tmp_path: Path) -> None:
    totals = counted(tmp_path, "run").read()
    assert totals.value("pipeline_runs_total", pipeline="etl", result="error") == 1
    assert totals.labels("node_runs_total") == []


@pytest.mark.parametrize("kind", ["load", "session"])
def test_nothing_else_is_counted(tmp_path: Path, kind: str) -> None:
    totals = counted(tmp_path, kind).read()
    assert totals.labels("node_runs_total") == []
    assert not [each for each in totals.labels("pipeline_runs_total") if each["result"] == "error"]


def test_nothing_is_counted_where_metrics_are_off(tmp_path: Path) -> None:
    assert counted(tmp_path, "node", metrics=False).read().labels("node_runs_total") == []


def test_a_span_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    totals = counted(tmp_path, "node", payload=b"\xff\xffProcessLost").read()
    assert totals.labels("node_runs_total") == []


def ended(kind: str, result: str) -> bytes:
    """Make the event that a hook writes at the end of a run or node."""
    rest = ',"clean",0.5,0.25,4096,[]' if kind == "n" else ""
    return f'[1,"{kind}","etl","{"ab" * 16}","{KEY.hex()}",1000,1500,"{result}"{rest}]'.encode()


def left(folder: Path, *ends: tuple[int, bytes]) -> Totals:
    """Write what a process that was killed between two frames would have left, sealed, and count it."""
    writer = SegmentWriter(folder / "spool", header(metrics=True), limits=Limits())
    for stream, payload in ends:
        writer.end(stream, KEY, payload)
    left_open(writer, folder)
    totals = CountedTotals(folder / "metrics.db", 1000)
    for segment in SpoolFolder(folder / "spool").finished(lambda *_: b""):
        totals.take(segment)
    return totals.read()


@pytest.mark.parametrize(("kind", "letter"), [("run", "r"), ("node", "n")])
def test_of_an_event_that_was_written_and_a_span_that_was_not_the_span_is_right(
    tmp_path: Path, kind: str, letter: str
) -> None:
    totals = left(
        tmp_path,
        (STREAM_METRICS, ended(letter, "success")),
        (STREAM_SPANS, seal(STREAM_SPANS, start_of(kind), 2000)),
    )
    name = "pipeline_runs_total" if kind == "run" else "node_runs_total"
    assert (totals.value(name, result="success"), totals.value(name, result="error")) == (0, 1)


def test_of_a_span_that_was_written_and_an_event_that_was_not_the_span_is_right(tmp_path: Path) -> None:
    span = Span.FromString(start_of("node"))
    span.end_time_unix_nano = 1500
    span.attributes.add(key="pellucid.result").value.string_value = "success"
    totals = left(
        tmp_path, (STREAM_SPANS, span.SerializeToString()), (STREAM_METRICS, seal(STREAM_METRICS, EVENT, 2000))
    )
    assert totals.value("node_runs_total", result="success") == 1
    assert totals.value("node_runs_total", result="error") == 0
    assert totals.sum("node_run_duration_seconds") == pytest.approx(500e-9)


def test_events_that_agree_with_their_spans_stay_whole(tmp_path: Path) -> None:
    """What a span does not say, such as processor time in the form of events, is kept."""
    span = Span.FromString(start_of("node"))
    span.end_time_unix_nano = 1500
    span.attributes.add(key="pellucid.result").value.string_value = "error"
    span.attributes.add(key="exception.message").value.string_value = "no ProcessLost here"
    totals = left(tmp_path, (STREAM_METRICS, ended("n", "error")), (STREAM_SPANS, span.SerializeToString()))
    assert totals.value("node_runs_total", result="error") == 1
    assert totals.value("node_cpu_seconds_total") == 0.25


def test_an_event_that_is_none_is_counted_as_a_fault(tmp_path: Path) -> None:
    totals = left(tmp_path, (STREAM_METRICS, b'["error"'), (STREAM_SPANS, start_of("load")))
    assert totals.value("telemetry_faults_total", part="metric event") == 1


def torn(folder: Path, *, is_at_the_start: bool) -> SpoolFolder:
    """Write what a process leaves that is killed in the middle of the two frames of a node's start, or of its end."""
    writer = SegmentWriter(folder / "spool", header(metrics=True), limits=Limits())
    writer.start(STREAM_SPANS, KEY, start_of("node"))
    if not is_at_the_start:
        writer.start(STREAM_METRICS, KEY, EVENT)
        writer.end(STREAM_METRICS, KEY, ended("n", "success"))
    left_open(writer, folder)
    return SpoolFolder(folder / "spool")


@pytest.mark.parametrize("is_at_the_start", [True, False])
@pytest.mark.parametrize("collections", [1, 2])
def test_a_collection_that_was_interrupted_changes_nothing_of_what_is_counted(
    tmp_path: Path, collections: int, *, is_at_the_start: bool
) -> None:
    """Whoever collects may be killed after the tail was mended; what comes again is known to have been torn."""
    folder = torn(tmp_path, is_at_the_start=is_at_the_start)
    totals = CountedTotals(tmp_path / "metrics.db", 1000)
    for _ in range(collections):
        (segment,) = folder.finished(seal)
    totals.take(segment)
    found = totals.read()
    assert found.value("node_runs_total", result="error") == 1
    assert found.value("node_runs_total", result="success") == 0


def test_what_waited_for_the_totals_in_a_queue_is_counted_the_same(tmp_path: Path) -> None:
    folder = torn(tmp_path, is_at_the_start=True)
    for segment in folder.finished(seal):
        segment.link_to("totals")
        segment.remove()
    totals = CountedTotals(tmp_path / "metrics.db", 1000)
    for segment in folder.outbox("totals"):
        totals.take(segment)
    assert totals.read().value("node_runs_total", result="error") == 1
