"""Requests and answers of OTLP, and their JSON form, are those of OpenTelemetry's own code."""

from __future__ import annotations

import base64
import importlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from tests.support.otlp import proto_attributes, proto_span

from pellucid.observability.wire import (
    SCOPE_NAME,
    SCOPE_VERSION,
    WireError,
    bytes_field,
    decode_partial_success,
    decode_span,
    encode_resource,
    fixed32_field,
    fixed64_field,
    key_values,
    logs_request,
    request_to_json,
    span_to_json,
    text_field,
    traces_request,
    varint_field,
)

json_format = importlib.import_module("google.protobuf.json_format")  # it has no annotations

SPAN = b"".join(
    [
        bytes_field(1, bytes(range(16))),
        bytes_field(2, bytes(range(8, 16))),
        text_field(3, "a=b"),
        bytes_field(4, bytes(range(1, 9))),
        fixed32_field(16, 0x301),
        text_field(5, "load companies"),
        varint_field(6, 2),
        fixed64_field(7, 1_700_000_000_000_000_001),
        fixed64_field(8, 1_700_000_000_000_000_002),
        key_values(
            9,
            {
                "text": "a\u2028",
                "true": True,
                "false": False,
                "large": -(1 << 63),
                "half": 0.5,
                "nan": float("nan"),
                "inf": float("inf"),
                "-inf": float("-inf"),
                "bytes": b"\x00\xff",
                "list": ["a", 1, None],
                "map": {"k": [1.5]},
                "none": None,
            },
        ),
        varint_field(10, 1),
        bytes_field(11, fixed64_field(1, 5) + text_field(2, "failed") + key_values(3, {"a": 1}) + varint_field(4, 2)),
        bytes_field(11, text_field(2, "bare")),
        varint_field(12, 3),
        bytes_field(
            13,
            bytes_field(1, b"t" * 16)
            + bytes_field(2, b"s" * 8)
            + text_field(3, "c=d")
            + key_values(4, {"b": 2})
            + varint_field(5, 4)
            + fixed32_field(6, 0x100),
        ),
        varint_field(14, 5),
        bytes_field(15, text_field(2, "why") + varint_field(3, 2)),
    ]
)


def their_json(message: Any) -> Any:
    """Return a message in the JSON form of OTLP: that of protocol buffers, but ids and enums."""

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: walk(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [walk(item) for item in value]
        return base64.b64decode(value).hex() if key in ("traceId", "spanId", "parentSpanId") else value

    return walk(json_format.MessageToDict(message, use_integers_for_enums=True))


def test_a_span_in_json() -> None:
    ours = span_to_json(decode_span(SPAN))

    assert ours == their_json(proto_span(SPAN))
    json.dumps(ours, allow_nan=False)
    assert ours["traceId"] == "000102030405060708090a0b0c0d0e0f"


def test_an_empty_span_in_json_is_empty() -> None:
    assert span_to_json(decode_span(b"")) == {}


def test_a_request_in_json_groups_spans_by_scope() -> None:
    foreign = SPAN + key_values(9, {SCOPE_NAME: "lib", SCOPE_VERSION: "2"})
    found = request_to_json(
        {"service.name": "p"}, [decode_span(each) for each in (SPAN, foreign, SPAN)], scope=("pellucid", "1")
    )
    wire = traces_request(
        encode_resource({"service.name": "p"}), [("pellucid", "1", [SPAN, SPAN]), ("lib", "2", [SPAN])]
    )
    theirs = ExportTraceServiceRequest()
    theirs.ParseFromString(wire)

    assert found == their_json(theirs)


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5), st.lists(st.just(SPAN), max_size=3)), max_size=3))
def test_a_request_of_traces(scopes: list[tuple[str, str, list[bytes]]]) -> None:
    message = ExportTraceServiceRequest()
    message.ParseFromString(traces_request(encode_resource({"service.name": "p", "n": 1}), scopes))

    (only,) = message.resource_spans
    assert proto_attributes(only.resource.attributes) == {"service.name": "p", "n": 1}
    found = [(each.scope.name, each.scope.version, list(each.spans)) for each in only.scope_spans]
    assert str(found) == str([(name, version, [proto_span(each) for each in spans]) for name, version, spans in scopes])


def test_a_request_of_logs() -> None:
    record = fixed64_field(1, 7) + text_field(3, "INFO") + bytes_field(5, text_field(1, "hello"))
    message = ExportLogsServiceRequest()
    message.ParseFromString(logs_request(encode_resource({"a": "b"}), [("pellucid", "", [record])]))

    (only,) = message.resource_logs
    (scope,) = only.scope_logs
    (found,) = scope.log_records
    assert (scope.scope.name, found.time_unix_nano, found.severity_text) == ("pellucid", 7, "INFO")
    assert found.body.string_value == "hello"


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.text(max_size=20))
def test_partial_success(count: int, says: str) -> None:
    traces = ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=count, error_message=says)
    )
    logs = ExportLogsServiceResponse(
        partial_success=ExportLogsPartialSuccess(rejected_log_records=count, error_message=says)
    )

    assert decode_partial_success(traces.SerializeToString()) == (count, says)
    assert decode_partial_success(logs.SerializeToString()) == (count, says)


def test_full_success() -> None:
    assert decode_partial_success(b"") == (0, "")
    assert decode_partial_success(varint_field(9, 1) + bytes_field(1, varint_field(9, 1))) == (0, "")


@pytest.mark.parametrize(
    "response", [b"<html>", bytes_field(1, text_field(1, "3")), bytes_field(1, varint_field(2, 3))]
)
def test_what_is_no_answer_is_refused(response: bytes) -> None:
    with pytest.raises(WireError):
        decode_partial_success(response)
