from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.history import id_of, span_body

from pellucid.observability.history._reading import KINDS, RESULTS, opened, span_row
from pellucid.observability.wire import (
    bytes_field,
    fixed64_field,
    key_value,
    key_values,
    span_head,
    text_field,
    varint_field,
)

TRACE, SPAN, PARENT = id_of(1, 16), id_of(2), id_of(3)

_values = st.one_of(st.text(max_size=300), st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(), st.binary())
_attributes = st.dictionaries(st.text(max_size=140), st.one_of(_values, st.lists(_values, max_size=3)), max_size=6)


@settings(deadline=None)
@given(
    name=st.text(max_size=200),
    start=st.integers(0, 2**63 - 1),
    end=st.integers(1, 2**63 - 1),
    parent=st.sampled_from([b"", PARENT]),
    attributes=_attributes,
    kind=st.sampled_from(sorted(KINDS)),
    result=st.sampled_from(sorted(RESULTS)),
    error=st.text(max_size=200),
)
def test_the_columns_are_what_a_complete_reader_finds(
    name: str, start: int, end: int, parent: bytes, attributes: dict[str, object], kind: str, result: str, error: str
) -> None:
    named = {"pellucid.kind": kind, "pellucid.result": result, "error.type": error}
    body = span_body(TRACE, SPAN, parent, name, start, end, {**attributes, **named}, "boom")
    row, head = span_row(body), span_head(body)
    assert row is not None
    assert row[:3] == (head.trace_id, head.span_id, head.parent_span_id)
    assert (row.name, row.started_ns, row.ended_ns) == (head.name, head.start_ns, head.end_ns)
    assert (row.kind, row.result, row.error_type, row.body) == (kind, result, error, body)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(body: bytes) -> None:
    row = span_row(body)
    assert row is None or (len(row.trace_id), len(row.span_id)) == (16, 8)
    opened(body)


@settings(deadline=None)
@given(st.data())
def test_a_span_that_is_cut_off_does_not_make_it_raise(data: st.DataObject) -> None:
    body = span_body(TRACE, SPAN, PARENT, "a" * 200, 1, 2, {"pellucid.kind": "node", "error.type": "E" * 200}, "boom")
    cut = body[: data.draw(st.integers(0, len(body)))]
    row = span_row(cut)
    assert row is None or row.trace_id == TRACE
    opened(cut)


def test_what_is_not_a_known_kind_or_result_is_left_empty() -> None:
    row = span_row(span_body(TRACE, SPAN, b"", "a", 1, 2, {"pellucid.kind": "demon", "pellucid.result": 3}))
    assert row is not None
    assert (row.kind, row.result) == ("", "")


def test_a_span_without_end_ends_when_it_starts() -> None:
    row = span_row(bytes_field(1, TRACE) + bytes_field(2, SPAN) + fixed64_field(7, 5))
    assert row is not None
    assert (row.started_ns, row.ended_ns) == (5, 5)


def test_times_that_no_column_can_hold_are_cut() -> None:
    row = span_row(span_body(TRACE, SPAN, b"", "a", 2**64 - 1, 2**64 - 1))
    assert row is not None
    assert (row.started_ns, row.ended_ns) == (2**63 - 1, 2**63 - 1)


def test_an_attribute_in_an_unusual_encoding_is_understood() -> None:
    """Fields may come in any order: here the value before the key."""
    pair = key_value(9, "pellucid.kind", "node")
    key, value = pair[2:17], pair[17:]
    body = bytes_field(1, TRACE) + bytes_field(2, SPAN) + bytes_field(9, key + varint_field(7, 1) + value)
    row = span_row(body)
    assert row is not None
    assert row.kind == "node"


def test_fields_of_a_wrong_type_make_no_row() -> None:
    assert span_row(fixed64_field(1, 5) + bytes_field(2, SPAN)) is None
    assert span_row(bytes_field(1, TRACE) + bytes_field(2, SPAN) + fixed64_field(5, 5)) is None
    assert span_row(bytes_field(1, TRACE) + bytes_field(2, SPAN) + bytes_field(7, b"x")) is None
    assert span_row(bytes_field(1, TRACE) + bytes_field(2, SPAN) + b"\x30" + b"\xff" * 12) is None
    assert span_row(bytes_field(1, TRACE) + bytes_field(2, SPAN) + bytes_field(8, b"x")) is None
    assert span_row(bytes_field(1, TRACE) + bytes_field(2, SPAN) + b"\x33") is None


def test_the_message_of_an_exception_is_preferred_to_that_of_the_status() -> None:
    status = bytes_field(15, bytes_field(2, b"status"))
    assert opened(span_body(TRACE, SPAN, b"", "a", 1, 2, {}, "boom") + status).error_message == "boom"
    assert opened(span_body(TRACE, SPAN, b"", "a", 1, 2) + status).error_message == "status"
    silent = text_field(2, "exception") + key_values(3, {"exception.type": "E", "exception.message": ""})
    of_type = bytes_field(15, bytes_field(2, b"E") + varint_field(3, 2))
    assert opened(span_body(TRACE, SPAN, b"", "a", 1, 2) + bytes_field(11, silent) + of_type).error_message == ""
