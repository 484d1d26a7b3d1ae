"""Spans in the JSON form of OTLP: ids in hexadecimal, integers of 64 bits as text, enums as numbers.

Source: OTLP specification, "JSON Protobuf Encoding"; protocol buffers, "ProtoJSON Format".
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from pellucid.observability.wire._data import SCOPE_NAME, SCOPE_VERSION, EventData, LinkData, SpanData

_SCOPE_KEYS = (SCOPE_NAME, SCOPE_VERSION)


def request_to_json(
    resource: Mapping[str, Any], spans: Iterable[SpanData], *, scope: tuple[str, str] = ("pellucid", "")
) -> dict[str, Any]:
    """Return an ``ExportTraceServiceRequest`` as JSON data, spans grouped by instrumentation scope.

    Args:
        resource: its attributes.
        spans: in any order.
        scope: name and version for spans that have none of their own.
    """
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for span in spans:
        groups.setdefault(span.scope if span.scope[0] else scope, []).append(span_to_json(span))
    scopes = [
        {"scope": _without_defaults({"name": name, "version": version}), "spans": each}
        for (name, version), each in groups.items()
    ]
    return {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": scopes}]}


def span_to_json(span: SpanData) -> dict[str, Any]:
    """Return a ``Span`` as JSON data; what has its default is left out."""
    attributes = {key: value for key, value in span.attributes.items() if key not in _SCOPE_KEYS}
    status = _without_defaults({"message": span.status_message, "code": span.status_code})
    return _without_defaults(
        {
            "traceId": span.trace_id.hex(),
            "spanId": span.span_id.hex(),
            "traceState": span.trace_state,
            "parentSpanId": span.parent_span_id.hex(),
            "flags": span.flags,
            "name": span.name,
            "kind": span.kind,
            "startTimeUnixNano": str(span.start_ns) if span.start_ns else "",
            "endTimeUnixNano": str(span.end_ns) if span.end_ns else "",
            "attributes": _attributes(attributes),
            "droppedAttributesCount": span.dropped_attributes,
            "events": [_event(each) for each in span.events],
            "droppedEventsCount": span.dropped_events,
            "links": [_link(each) for each in span.links],
            "droppedLinksCount": span.dropped_links,
            "status": status,
        }
    )


def _event(event: EventData) -> dict[str, Any]:
    return _without_defaults(
        {
            "timeUnixNano": str(event.time_ns) if event.time_ns else "",
            "name": event.name,
            "attributes": _attributes(event.attributes),
            "droppedAttributesCount": event.dropped_attributes,
        }
    )


def _link(link: LinkData) -> dict[str, Any]:
    return _without_defaults(
        {
            "traceId": link.trace_id.hex(),
            "spanId": link.span_id.hex(),
            "traceState": link.trace_state,
            "attributes": _attributes(link.attributes),
            "droppedAttributesCount": link.dropped_attributes,
            "flags": link.flags,
        }
    )


def _without_defaults(message: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if value}


def _attributes(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _attributes(value)}}
    if isinstance(value, (list, tuple)):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return _scalar(value)


def _scalar(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value if math.isfinite(value) else _unfinite(value)}
    if isinstance(value, bytes):
        return {"bytesValue": b64encode(value).decode("ascii")}
    return {}


def _unfinite(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"
