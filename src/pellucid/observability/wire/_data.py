"""What a ``Span`` message says, as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPE_NAME = Attr.SCOPE_NAME
"""The attribute with the name of a span's instrumentation scope, where that is not pellucid's own.

Source: OpenTelemetry, mapping of the instrumentation scope to formats that have none.
"""
SCOPE_VERSION = Attr.SCOPE_VERSION
"""The attribute with the version of a span's instrumentation scope."""


class WireError(ValueError):
    """Bytes are not what they should be."""


class EventData(NamedTuple):
    """An event of a span."""

    time_ns: int
    name: str
    attributes: Mapping[str, Any]
    dropped_attributes: int = 0


class LinkData(NamedTuple):
    """A link of a span to another one."""

    trace_id: bytes
    span_id: bytes
    trace_state: str
    attributes: Mapping[str, Any]
    flags: int = 0
    dropped_attributes: int = 0


class SpanData(NamedTuple):
    """A span. Times are nanoseconds since the epoch; kind and status code are the numbers of OTLP."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    trace_state: str
    flags: int
    name: str
    kind: int
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Any]
    events: tuple[EventData, ...] = ()
    links: tuple[LinkData, ...] = ()
    status_code: int = 0
    status_message: str = ""
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0

    @property
    def is_sampled(self) -> bool:
        """Whether it is to be delivered."""
        return bool(self.flags & 1)

    @property
    def scope(self) -> tuple[str, str]:
        """Name and version of the instrumentation scope; empty texts for pellucid's own spans."""
        return str(self.attributes.get(SCOPE_NAME, "")), str(self.attributes.get(SCOPE_VERSION, ""))


class SpanHead(NamedTuple):
    """The first things to know of a span."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    name: str
    kind: int
    start_ns: int
    end_ns: int
    status_code: int
    flags: int

    @property
    def is_sampled(self) -> bool:
        """Whether it is to be delivered."""
        return bool(self.flags & 1)
