"""Spans of OpenTelemetry's SDK as OTLP, redacted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid.observability.semconv import Attr
from pellucid.observability.tracing._shared import IS_REMOTE, KNOWS_REMOTE
from pellucid.observability.wire import (
    SCOPE_NAME,
    SCOPE_VERSION,
    bytes_field,
    fixed32_field,
    fixed64_field,
    key_value,
    text_field,
    varint_field,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import Link, SpanContext

    from pellucid.observability.tracing._shared import Redacts

_LONGEST_STACKTRACE = 4_000_000  # characters; it was bounded when it was taken


def encode_readable(span: ReadableSpan, redactor: Redacts, end_ns: int | None) -> bytes:
    """Return a ``Span`` message.

    Args:
        span: open or ended.
        redactor: hides secrets.
        end_ns: nanoseconds since the epoch; None for an open one.
    """
    return b"".join(_span(span, redactor, end_ns))


def _span(span: ReadableSpan, redactor: Redacts, end_ns: int | None) -> Iterator[bytes]:
    context, start_ns = span.context, span.start_time or 0
    assert context is not None
    yield from _context(context)
    yield fixed32_field(16, _flags(context, span.parent))
    if span.parent is not None:
        yield bytes_field(4, span.parent.span_id.to_bytes(8, "big"))
    yield text_field(5, redactor.text(span.name))
    yield varint_field(6, span.kind.value + 1)  # the API counts from 0
    yield fixed64_field(7, start_ns)
    if end_ns is not None:
        yield fixed64_field(8, max(start_ns, end_ns))
    yield from _scope(span, redactor)
    yield from _attributes(9, span.attributes, redactor)
    for event in span.events:
        yield bytes_field(11, b"".join(_event(event, redactor)))
    for link in span.links:
        yield bytes_field(13, b"".join(_link(link, redactor)))
    for number, dropped in ((10, span.dropped_attributes), (12, span.dropped_events), (14, span.dropped_links)):
        if dropped:
            yield varint_field(number, dropped)
    status = span.status
    if status.status_code.value:
        message = text_field(2, redactor.text(status.description)) if status.description else b""
        yield bytes_field(15, message + varint_field(3, status.status_code.value))


def _context(context: SpanContext) -> Iterator[bytes]:
    yield bytes_field(1, context.trace_id.to_bytes(16, "big"))
    yield bytes_field(2, context.span_id.to_bytes(8, "big"))
    if context.trace_state:
        yield text_field(3, context.trace_state.to_header())


def _flags(context: SpanContext, relative: SpanContext | None) -> int:
    flags = int(context.trace_flags) & 0xFF | KNOWS_REMOTE
    return flags | IS_REMOTE if relative is not None and relative.is_remote else flags


def _scope(span: ReadableSpan, redactor: Redacts) -> Iterator[bytes]:
    scope = span.instrumentation_scope
    if scope is not None:
        yield key_value(9, SCOPE_NAME, redactor.text(scope.name))
        if scope.version:
            yield key_value(9, SCOPE_VERSION, redactor.text(scope.version))


def _attributes(number: int, attributes: Mapping[str, Any] | None, redactor: Redacts) -> Iterator[bytes]:
    for key, value in (attributes or {}).items():
        is_stacktrace = key == Attr.EXCEPTION_STACKTRACE and type(value) is str
        shown = redactor.lines(value, _LONGEST_STACKTRACE) if is_stacktrace else redactor.attribute(key, value)
        yield key_value(number, redactor.text(key), shown)


def _event(event: Event, redactor: Redacts) -> Iterator[bytes]:
    yield fixed64_field(1, event.timestamp)
    yield text_field(2, redactor.text(event.name))
    yield from _attributes(3, event.attributes, redactor)
    if event.dropped_attributes:
        yield varint_field(4, event.dropped_attributes)


def _link(link: Link, redactor: Redacts) -> Iterator[bytes]:
    yield from _context(link.context)
    yield from _attributes(4, link.attributes, redactor)
    yield fixed32_field(6, _flags(link.context, link.context))
