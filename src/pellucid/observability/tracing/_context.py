"""OpenTelemetry's own context, where that library is loaded: the runtime's span is the current one in it, too."""

from __future__ import annotations

import contextlib
import sys
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pellucid.observability.records import SpanRecord

API = "opentelemetry.trace"
_CONTEXT = "opentelemetry.context"
_SUPPRESS = ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY")

_attached: ContextVar[bytes] = ContextVar("pellucid_attached_span", default=b"")


class Attached(NamedTuple):
    """How to undo an ``attach``."""

    own: Token[bytes]
    theirs: Any


def is_loaded() -> bool:
    """Tell whether OpenTelemetry's API is loaded."""
    return API in sys.modules


def attach(span: SpanRecord) -> Attached | None:
    """Make a span the current one of OpenTelemetry, here; None where that is not loaded."""
    if API not in sys.modules:
        return None
    from opentelemetry import context

    theirs = context.attach(context_with(span))
    return Attached(_attached.set(span.span_id), theirs)


def detach(attached: Attached) -> None:
    """Undo an ``attach``; nothing is done, and nothing is said, in another thread or task than it was called in."""
    try:
        _attached.reset(attached.own)
    except (ValueError, RuntimeError):
        return
    from opentelemetry import context

    context.detach(attached.theirs)


def context_with(span: SpanRecord, context: Any = None) -> Any:
    """Return a context of OpenTelemetry in which a span of the runtime is current.

    Args:
        span: of the runtime.
        context: what else is in it; None takes the one that is current here.
    """
    from opentelemetry import trace

    scope = span.scope
    own = trace.SpanContext(
        int.from_bytes(scope.trace_id, "big"),
        int.from_bytes(span.span_id, "big"),
        is_remote=False,
        trace_flags=trace.TraceFlags(int(scope.sampled)),
        trace_state=trace.TraceState.from_header([scope.trace_state]) if scope.trace_state else None,
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(own), context)


@contextlib.contextmanager
def suppressed() -> Iterator[None]:
    """Keep instrumentations of OpenTelemetry from recording what is done in a block: for exporters."""
    if _CONTEXT not in sys.modules:
        yield
        return
    from opentelemetry import context

    quiet = context.get_current()
    for name in _SUPPRESS:
        key = getattr(context, name, None)
        if key is not None:
            quiet = context.set_value(key, value=True, context=quiet)
    token = context.attach(quiet)
    try:
        yield
    finally:
        context.detach(token)
