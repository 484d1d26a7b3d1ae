"""OTLP's protocol buffers, written and read without a library; knows no telemetry SDK."""

from pellucid.observability.wire._attribute import AttributeEncoder
from pellucid.observability.wire._data import (
    SCOPE_NAME,
    SCOPE_VERSION,
    EventData,
    LinkData,
    SpanData,
    SpanHead,
    WireError,
)
from pellucid.observability.wire._decode import decode_any, decode_attributes, decode_span, fields, span_head
from pellucid.observability.wire._encode import (
    any_value,
    bytes_field,
    fixed32_field,
    fixed64_field,
    key_value,
    key_values,
    text_field,
    varint,
    varint_field,
)
from pellucid.observability.wire._json import request_to_json, span_to_json
from pellucid.observability.wire._messages import (
    decode_partial_success,
    encode_resource,
    logs_request,
    traces_request,
)

__all__ = [
    "SCOPE_NAME",
    "SCOPE_VERSION",
    "AttributeEncoder",
    "EventData",
    "LinkData",
    "SpanData",
    "SpanHead",
    "WireError",
    "any_value",
    "bytes_field",
    "decode_any",
    "decode_attributes",
    "decode_partial_success",
    "decode_span",
    "encode_resource",
    "fields",
    "fixed32_field",
    "fixed64_field",
    "key_value",
    "key_values",
    "logs_request",
    "request_to_json",
    "span_head",
    "span_to_json",
    "text_field",
    "traces_request",
    "varint",
    "varint_field",
]
