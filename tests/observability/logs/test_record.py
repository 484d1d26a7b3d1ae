"""A log line as OTLP has it, as opentelemetry-proto reads it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from tests.support.logs import NOON_NS, FrameList, inside, logged, recording_in, runtime_logging, span_of

from pellucid.observability.logs import Entry, encode_record, severity_number
from pellucid.observability.options import OtlpOptions
from pellucid.observability.recording import STREAM_LOGS
from pellucid.observability.records import RunScope

if TYPE_CHECKING:
    from pathlib import Path


def read(payload: bytes) -> LogRecord:
    record = LogRecord()
    record.ParseFromString(payload)
    size = record.ByteSize()
    record.DiscardUnknownFields()
    assert record.ByteSize() == size
    return record


def attributes_of(record: LogRecord) -> dict[str, Any]:
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in record.attributes}


def test_a_record_in_a_span_of_the_project_carries_its_id(tmp_path: Path) -> None:
    """If that belongs to the run's trace; in a thread without context the record belongs to the node, too."""
    recording = recording_in(tmp_path, stderr="off", otlp=OtlpOptions(endpoint="http://localhost:4318/v1/logs"))
    frames = FrameList()
    recording.spool = frames
    logger, node = logging.getLogger("demo"), span_of("node", node="train")
    with runtime_logging(), logged(recording) as (hooks, _):
        hooks.on_span_started(node)
        for trace_id in (int.from_bytes(bytes(range(16)), "big"), 5):
            context = trace.SpanContext(trace_id, 9, is_remote=False)
            with inside(node), trace.use_span(trace.NonRecordingSpan(context)):
                logger.warning("inside")
        thread = threading.Thread(target=logger.warning, args=["in a thread"])
        thread.start()
        thread.join()
    found = [read(payload) for _, _, payload in frames.ends[:3]]
    assert [each.span_id for each in found] == [bytes(7) + b"\x09", node.span_id, node.span_id]
    assert {each.trace_id for each in found} == {bytes(range(16))}
    assert [attributes_of(each)["cicd.pipeline.task.name"] for each in found] == ["train"] * 3


def test_all_records_become_frames(tmp_path: Path) -> None:
    recording = recording_in(tmp_path, stderr="off", otlp=OtlpOptions(endpoint="http://localhost:4318/v1/logs"))
    frames = FrameList()
    recording.spool = frames
    with runtime_logging(), logged(recording) as (hooks, _):
        hooks.on_span_ended(span_of("node", node="train", result="failure", error=ValueError("no rows")))
        with inside(span_of("load", node="train", dataset="table")):
            logging.getLogger("demo").warning("careful", extra={"rows": 3, "share": 0.5, "ok": True})
        logging.getLogger("demo").info("outside")
    assert [stream for stream, _, _ in frames.ends] == [STREAM_LOGS] * 4
    assert len({key for _, key, _ in frames.ends}) == 4
    assert {len(key) for _, key, _ in frames.ends} == {8}
    failed, careful, outside, closed = (read(payload) for _, _, payload in frames.ends)

    assert failed.time_unix_nano == NOON_NS + 250_000_000
    assert failed.observed_time_unix_nano > NOON_NS
    assert failed.severity_number == SeverityNumber.SEVERITY_NUMBER_ERROR
    assert failed.severity_text == "ERROR"
    assert failed.body.string_value == failed.event_name == "node.failed"
    assert (failed.trace_id, failed.span_id, failed.flags) == (bytes(range(16)), b"\x01" * 8, 1)
    known = attributes_of(failed)
    assert known.pop("exception.stacktrace").endswith("ValueError: no rows")
    assert known == {
        "logger": "pellucid.events",
        "session.id": "session-1",
        "cicd.pipeline.run.id": "run-1",
        "cicd.pipeline.name": "__default__",
        "cicd.pipeline.task.name": "train",
        "duration_seconds": 0.25,
        "pellucid.result": "failure",
        "exception.type": "ValueError",
        "exception.message": "no rows",
    }
    assert (careful.body.string_value, careful.event_name) == ("careful", "")
    assert attributes_of(careful)["pellucid.dataset.name"] == "table"
    assert {key: attributes_of(careful)[key] for key in ("rows", "share", "ok")} == {
        "rows": 3,
        "share": 0.5,
        "ok": True,
    }
    assert (outside.trace_id, outside.span_id) == (b"", b"")
    assert closed.event_name == "telemetry.closed"


def test_a_record_of_a_trace_that_is_not_sampled_says_so() -> None:
    scope = RunScope("s", "r", "p", b"t" * 16, sampled=False)
    entry = Entry({"event": "x"}, logging.INFO, 5, span_of("node", scope=scope))
    assert read(encode_record(entry, 6)).flags == 0


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=9).filter(lambda name: name != "event"),
        st.one_of(st.text(), st.integers(-(2**63), 2**63 - 1), st.booleans()),
    ),
    st.text(st.characters(exclude_categories=())),
    st.integers(0, 2**63),
)
def test_any_line_is_read_back(fields: dict[str, Any], text: str, time_ns: int) -> None:
    record = read(encode_record(Entry({"event": text, **fields}, 20, time_ns, None), 7))
    assert record.time_unix_nano == time_ns
    assert record.body.string_value == text.encode("utf-8", "replace").decode()
    assert len(record.attributes) == len(
        {key for key in fields if key not in ("timestamp", "level", "event", "trace_id", "span_id")}
    )


@pytest.mark.parametrize(
    ("level", "number"),
    [(0, 1), (5, 3), (10, 5), (15, 7), (20, 9), (25, 11), (30, 13), (40, 17), (50, 21), (55, 23), (1000, 24), (-1, 1)],
)
def test_levels_are_severities(level: int, number: int) -> None:
    assert severity_number(level) == number
