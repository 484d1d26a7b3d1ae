"""A run as OTLP, for whoever takes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pellucid.observability.wire import WireError, decode_span, request_to_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pellucid.observability.history._model import StoredSpan
    from pellucid.observability.wire import SpanData


def export_json(spans: Iterable[StoredSpan]) -> dict[str, Any]:
    """Return one ``ExportTraceServiceRequest`` in OTLP's JSON form, spans grouped by the process that made them."""
    groups: dict[str, tuple[dict[str, Any], list[SpanData]]] = {}
    for span in spans:
        resource = dict(span.resource)
        try:
            data = decode_span(span.body)
        except WireError:
            continue
        groups.setdefault(json.dumps(resource, sort_keys=True), (resource, []))[1].append(data)
    requests = [request_to_json(resource, members) for resource, members in groups.values()]
    return {"resourceSpans": [each for request in requests for each in request["resourceSpans"]]}
