"""What OpenTelemetry's own code writes is what the decoder reads, and what nobody wrote is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.support.otlp import proto_span, same

from pellucid.observability.wire import (
    SCOPE_NAME,
    SCOPE_VERSION,
    EventData,
    LinkData,
    SpanData,
    WireError,
    bytes_field,
    decode_any,
    decode_attributes,
    decode_partial_success,
    decode_span,
    fields,
    fixed64_field,
    key_values,
    span_head,
    text_field,
    varint_field,
)

TEXT = st.text(max_size=10)
UINT32 = st.integers(0, (1 << 32) - 1)
UINT64 = st.integers(0, (1 << 64) - 1)
VALUES = TEXT | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats() | st.lists(TEXT, max_size=3)
ATTRIBUTES = st.dictionaries(TEXT, VALUES, max_size=4)
SPANS = st.builds(
    SpanData,
    trace_id=st.binary(min_size=16, max_size=16),
    span_id=st.binary(min_size=8, max_size=8),
    parent_span_id=st.binary(min_size=8, max_size=8) | st.just(b""),
    trace_state=TEXT,
    flags=UINT32,
    name=TEXT,
    kind=st.integers(0, 5),
    start_ns=UINT64,
    end_ns=UINT64,
    attributes=ATTRIBUTES,
    events=st.lists(st.builds(EventData, UINT64, TEXT, ATTRIBUTES, UINT32), max_size=3).map(tuple),
    links=st.lists(
        st.builds(
            LinkData,
            st.binary(min_size=16, max_size=16),
            st.binary(min_size=8, max_size=8),
            TEXT,
            ATTRIBUTES,
            UINT32,
            UINT32,
        ),
        max_size=3,
    ).map(tuple),
    status_code=st.integers(0, 2),
    status_message=TEXT,
    dropped_attributes=UINT32,
    dropped_events=UINT32,
    dropped_links=UINT32,
)


def fill(pairs: Any, attributes: Any) -> None:
    names = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}
    for key, value in attributes.items():
        pair = pairs.add(key=key)
        if isinstance(value, list):
            pair.value.array_value.SetInParent()
            for each in value:
                pair.value.array_value.values.add(string_value=each)
        else:
            setattr(pair.value, names[type(value)], value)


def as_proto(span: SpanData) -> Span:
    message = Span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        trace_state=span.trace_state,
        flags=span.flags,
        name=span.name,
        start_time_unix_nano=span.start_ns,
        end_time_unix_nano=span.end_ns,
        dropped_attributes_count=span.dropped_attributes,
        dropped_events_count=span.dropped_events,
        dropped_links_count=span.dropped_links,
    )
    message.MergeFromString(varint_field(6, span.kind))
    message.status.MergeFromString(varint_field(3, span.status_code))
    message.status.message = span.status_message
    fill(message.attributes, span.attributes)
    for event in span.events:
        added = message.events.add(
            time_unix_nano=event.time_ns, name=event.name, dropped_attributes_count=event.dropped_attributes
        )
        fill(added.attributes, event.attributes)
    for link in span.links:
        linked = message.links.add(
            trace_id=link.trace_id,
            span_id=link.span_id,
            trace_state=link.trace_state,
            flags=link.flags,
            dropped_attributes_count=link.dropped_attributes,
        )
        fill(linked.attributes, link.attributes)
    return message


def plain(span: SpanData) -> dict[str, Any]:
    events = [each._asdict() for each in span.events]
    links = [each._asdict() for each in span.links]
    return {**span._asdict(), "events": events, "links": links}


@given(SPANS)
def test_a_span_is_read_as_opentelemetry_wrote_it(span: SpanData) -> None:
    message = as_proto(span).SerializeToString()

    assert same(plain(decode_span(message)), plain(span))
    head = span_head(message)
    assert head.trace_id == span.trace_id
    assert head.span_id == span.span_id
    assert head.parent_span_id == span.parent_span_id
    assert (head.name, head.kind) == (span.name, span.kind)
    assert (head.start_ns, head.end_ns) == (span.start_ns, span.end_ns)
    assert (head.status_code, head.flags) == (span.status_code, span.flags)
    assert head.is_sampled == span.is_sampled == bool(span.flags & 1)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(message: bytes) -> None:
    for decode in (decode_span, span_head, decode_any, decode_attributes, decode_partial_success):
        try:
            decode(message)
        except WireError:
            continue


@given(SPANS, st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_span_is_read_or_refused(span: SpanData, at: int, byte: int) -> None:
    message = bytearray(as_proto(span).SerializeToString())
    message[at % len(message)] = byte
    for decode in (decode_span, span_head):
        try:
            decode(bytes(message))
        except WireError:
            continue


def test_of_a_field_that_occurs_twice_the_last_one_counts() -> None:
    message = text_field(5, "a") + fixed64_field(7, 1) + text_field(5, "b") + fixed64_field(7, 2)

    assert (decode_span(message).name, decode_span(message).start_ns) == ("b", 2)
    assert proto_span(message).name == "b"


def test_fields_that_are_not_known_are_passed_over() -> None:
    message = varint_field(100, 1) + text_field(5, "a") + bytes_field(101, b"x") + bytes_field(15, varint_field(9, 1))
    event = bytes_field(11, varint_field(9, 1) + text_field(2, "e"))
    pair = bytes_field(9, text_field(1, "k") + varint_field(9, 1) + bytes_field(2, varint_field(9, 1)))

    span = decode_span(message + event + pair)
    assert (span.name, span.status_code, span.events[0].name, dict(span.attributes)) == ("a", 0, "e", {"k": None})


@pytest.mark.parametrize(
    "message",
    [
        b"\x0a",
        b"\x0a\x05ab",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x39\x00",
        b"\x85\x01\x00",
        b"\x30" + b"\x80" * 10 + b"\x01",
        b"\x30\x80",
        b"\x03",
        b"\x07\x00",
        b"\x02\x00",
        b"\x80\x80\x80\x80\x10\x00",
        varint_field(5, 1),
        bytes_field(7, b"ab"),
        varint_field(9, 1),
        varint_field(11, 1),
    ],
    ids=[
        "no length",
        "cut off",
        "huge length",
        "short fixed64",
        "short fixed32",
        "long varint",
        "open varint",
        "group",
        "wire type 7",
        "field 0",
        "field too large",
        "number for text",
        "bytes for a time",
        "number for an attribute",
        "number for an event",
    ],
)
def test_a_malformed_span_is_refused(message: bytes) -> None:
    with pytest.raises(WireError):
        decode_span(message)


def test_wire_error_is_a_value_error() -> None:
    assert issubclass(WireError, ValueError)


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    assert decode_span(bytes_field(5, b"a\xff")).name == "a\ufffd"


def test_deep_nesting_is_refused() -> None:
    value = b""
    for _ in range(100):
        value = bytes_field(5, bytes_field(1, value))
    with pytest.raises(WireError, match="nested"):
        decode_any(value)
    pairs = b""
    for _ in range(100):
        pairs = bytes_field(6, bytes_field(1, bytes_field(2, pairs)))
    with pytest.raises(WireError, match="nested"):
        decode_any(pairs)


def test_a_double_of_another_size_is_refused() -> None:
    with pytest.raises(WireError, match="double"):
        decode_any(varint_field(4, 1))


def test_unknown_parts_of_values_are_passed_over() -> None:
    nested = bytes_field(6, varint_field(7, 1) + bytes_field(1, text_field(1, "a")))
    listed = bytes_field(5, varint_field(7, 1))

    assert decode_any(nested + varint_field(40, 1)) == {"a": None}
    assert decode_any(listed) == []
    assert decode_attributes(varint_field(2, 3)) == {}


def test_status_is_put_together() -> None:
    message = bytes_field(15, varint_field(3, 2)) + bytes_field(15, text_field(2, "why"))

    assert (decode_span(message).status_code, decode_span(message).status_message) == (2, "why")
    assert proto_span(message).status == Status(code=Status.STATUS_CODE_ERROR, message="why")


def test_scope_is_an_attribute() -> None:
    assert decode_span(key_values(9, {SCOPE_NAME: "lib", SCOPE_VERSION: "1"})).scope == ("lib", "1")
    assert decode_span(b"").scope == ("", "")


def test_fields_yields_numbers_types_and_values() -> None:
    assert list(fields(varint_field(1, 300) + text_field(2, "a"))) == [(1, 0, 300), (2, 2, b"a")]


@pytest.mark.parametrize("key", [0, 1, 120, 127, 128, 300])
@pytest.mark.parametrize("value", [0, 1, 119, 123, 124, 127, 128, 300])
def test_texts_of_any_length_are_read(key: int, value: int) -> None:
    pairs = KeyValueList(values=[KeyValue(key="k" * key, value=AnyValue(string_value="é" + "v" * value))])

    assert decode_attributes(pairs.SerializeToString()) == {"k" * key: "é" + "v" * value}


def test_an_attribute_is_read_however_its_parts_are_put_together() -> None:
    key, value = b"\x0a\x01k", b"\x12\x03\x0a\x01v"
    twice, nothing = b"\x12\x06\x0a\x01u\x0a\x01v", b"\x12\x00"

    for pair in (key + value, value + key, key + nothing + value, key + twice, b"\x0a\x00" + key + value):
        assert decode_attributes(bytes_field(1, pair)) == {"k": "v"}
