"""The runtime's span as the current one of OpenTelemetry, whose API is imported here."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry import context as context_api
from opentelemetry import trace

if TYPE_CHECKING:
    from pellucid.observability.records import SpanRecord

_attached: ContextVar[bytes] = ContextVar("pellucid_attached_span", default=b"")


class Attached(NamedTuple):
    """A span that was made the current one."""

    own: Token[bytes]
    theirs: Any

    def undo(self) -> None:
        """Make it so no more; nothing is done, and nothing is said, in another thread or task than it was done in."""
        try:
            _attached.reset(self.own)
        except (ValueError, RuntimeError):
            return
        context_api.detach(self.theirs)


def attach(span: SpanRecord) -> Attached:
    """Make a span the current one of OpenTelemetry, here."""
    theirs = context_api.attach(context_with(span))
    return Attached(_attached.set(span.span_id), theirs)


def context_with(span: SpanRecord, context: context_api.Context | None = None) -> context_api.Context:
    """Return a context of OpenTelemetry in which a span of the runtime is current.

    Args:
        span: of the runtime.
        context: what else is in it; None takes the one that is current here.
    """
    return trace.set_span_in_context(_RuntimeSpan(span), context)


class _RuntimeSpan(trace.NonRecordingSpan):
    """Says of a span of the runtime where it belongs, to whoever asks: mostly nobody does."""

    def __init__(self, span: SpanRecord) -> None:
        self._span = span
        self._found: trace.SpanContext | None = None

    def get_span_context(self) -> trace.SpanContext:
        """See ``opentelemetry.trace.Span``."""
        if self._found is None:
            scope = self._span.scope
            self._found = trace.SpanContext(
                int.from_bytes(scope.trace_id, "big"),
                int.from_bytes(self._span.span_id, "big"),
                is_remote=False,
                trace_flags=trace.TraceFlags(int(scope.sampled)),
                trace_state=trace.TraceState.from_header([scope.trace_state]) if scope.trace_state else None,
            )
        return self._found

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.get_span_context()!r})"
