"""The messages of OTLP that are made of already encoded spans and log records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pellucid.observability.wire._decode import fields, signed, text, wire_error
from pellucid.observability.wire._encode import bytes_field, key_values, text_field

Scopes = Iterable[tuple[str, str, Iterable[bytes]]]


def encode_resource(attributes: Mapping[str, Any]) -> bytes:
    """Return a ``Resource`` message."""
    return key_values(1, attributes)


def traces_request(resource: bytes, scopes: Scopes) -> bytes:
    """Return an ``ExportTraceServiceRequest`` with one resource.

    Args:
        resource: an encoded ``Resource``.
        scopes: name and version of each instrumentation scope, and its encoded ``Span`` messages.
    """
    return _request(resource, scopes)


def logs_request(resource: bytes, scopes: Scopes) -> bytes:
    """Return an ``ExportLogsServiceRequest`` with one resource.

    Args:
        resource: an encoded ``Resource``.
        scopes: name and version of each instrumentation scope, and its encoded ``LogRecord`` messages.
    """
    return _request(resource, scopes)


def _request(resource: bytes, scopes: Scopes) -> bytes:
    # Both requests have the same field numbers, down to the records.
    parts = [bytes_field(1, resource)]
    for name, version, records in scopes:
        scope = text_field(1, name) + (text_field(2, version) if version else b"")
        parts.append(bytes_field(2, b"".join([bytes_field(1, scope), *[bytes_field(2, each) for each in records]])))
    return bytes_field(1, b"".join(parts))


def decode_partial_success(response: bytes) -> tuple[int, str]:
    """Return how many records a backend rejected, and what it says to that; (0, "") if it took all.

    Args:
        response: an ``ExportTraceServiceResponse`` or ``ExportLogsServiceResponse``.

    Raises:
        WireError: it is neither.
    """
    rejected, message = 0, ""
    for number, _, value in fields(response):
        if number == 1 and isinstance(value, bytes):
            for inner, _, item in fields(value):
                if inner == 1:
                    rejected = signed(item) if isinstance(item, int) else wire_error("a count is no number")
                elif inner == 2:
                    message = text(item)
    return rejected, message
