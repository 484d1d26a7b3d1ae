"""A log line as a ``LogRecord`` of OTLP.

Source: opentelemetry-proto, ``opentelemetry/proto/logs/v1/logs.proto``; OpenTelemetry, Logs Data Model.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pellucid.observability.semconv import Attr
from pellucid.observability.wire import (
    any_value,
    bytes_field,
    fixed32_field,
    fixed64_field,
    key_values,
    text_field,
    varint_field,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pellucid.observability.logs._entry import Entry
    from pellucid.observability.records import RunScope

__all__ = ["attributes_of", "encode_record", "name_of_event", "place_of", "severity_number", "severity_of"]

_SAMPLED = 1
_NOT_ATTRIBUTES = frozenset(("timestamp", "level", "event", "trace_id", "span_id"))
# The same names as on spans, for what is on both.
_NAMES = MappingProxyType(
    {
        "session_id": Attr.SESSION_ID,
        "run_id": Attr.PIPELINE_RUN_ID,
        "pipeline": Attr.PIPELINE_NAME,
        "node": Attr.TASK_NAME,
        "dataset": Attr.DATASET_NAME,
        "result": Attr.RESULT,
        "operation": Attr.OPERATION,
        "error_type": Attr.EXCEPTION_TYPE,
        "error": Attr.EXCEPTION_MESSAGE,
        "traceback": Attr.EXCEPTION_STACKTRACE,
    }
)


def severity_number(level: int) -> int:
    """Return the severity, 1 to 24, for a level of stdlib logging.

    DEBUG is 5, INFO 9, WARNING 13, ERROR 17, CRITICAL 21; what lies between two levels gets a number between theirs.
    """
    if level <= 0:
        return 1
    step, rest = divmod(min(level, 59), 10)
    return min(24, 1 + step * 4 + rest * 4 // 10)


def encode_record(entry: Entry, observed_ns: int) -> bytes:
    """Return an encoded ``LogRecord``.

    Args:
        entry: the line.
        observed_ns: when it was taken, in nanoseconds since the epoch.
    """
    event, span = entry.event, entry.span
    parts = [
        fixed64_field(1, entry.time_ns),
        severity_of(entry.level, str(event.get("level", "")), event.get("event", "")),
        attributes_of({key: value for key, value in event.items() if key not in _NOT_ATTRIBUTES}),
    ]
    if span is not None:
        parts += [place_of(span.scope), bytes_field(10, span.span_id)]
    parts.append(fixed64_field(11, observed_ns))
    if entry.name:
        parts.append(name_of_event(entry.name))
    return b"".join(parts)


def severity_of(level: int, name: str, body: Any) -> bytes:
    """Return the fields for the level, as number and as text, and the body."""
    return varint_field(2, severity_number(level)) + text_field(3, name) + bytes_field(5, any_value(body))


def attributes_of(fields: Mapping[str, Any]) -> bytes:
    """Return the attributes that fields of a line are."""
    return key_values(6, {_NAMES.get(key, key): value for key, value in fields.items()})


def place_of(scope: RunScope) -> bytes:
    """Return the fields for the trace; that of the span comes after them."""
    return fixed32_field(8, _SAMPLED if scope.sampled else 0) + bytes_field(9, scope.trace_id)


def name_of_event(name: str) -> bytes:
    """Return the field for the name of a built-in event."""
    return text_field(12, name)
