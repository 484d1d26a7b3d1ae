"""Which spans are open, for lines that are logged where none is known."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pellucid.observability.current import current_span

if TYPE_CHECKING:
    from pellucid.observability.records import SpanRecord

__all__ = ["OpenSpans", "innermost"]

_API = "opentelemetry.trace"


def innermost(span: SpanRecord | None) -> SpanRecord | None:
    """Return a span of the runtime, with the id of the one that the project has opened in it and that is current here.

    Args:
        span: that is going on here.
    """
    current: Any = getattr(sys.modules.get(_API), "get_current_span", None)
    if span is None or current is None:
        return span
    context = current().get_span_context()
    if not context.is_valid or context.trace_id.to_bytes(16, "big") != span.scope.trace_id:
        return span
    span_id = context.span_id.to_bytes(8, "big")
    return span if span_id == span.span_id else replace(span, span_id=span_id)


class OpenSpans:
    """The open spans of a session in this process; loads and saves need not be told."""

    def __init__(self) -> None:
        self._spans: dict[bytes, SpanRecord] = {}

    def started(self, span: SpanRecord) -> None:
        """Take in a span."""
        self._spans[span.span_id] = span

    def ended(self, span: SpanRecord) -> None:
        """Let go of a span."""
        self._spans.pop(span.span_id, None)

    def leave_nodes(self) -> None:
        """Let go of the nodes: in a forked process those are the parent's."""
        self._spans = {key: each for key, each in self._spans.items() if each.kind != "node"}

    def of_run(self, run_id: str, pipeline: str) -> SpanRecord | None:
        """Return what stands for a run that has no span of its own: the one that it would have been in."""
        own = [each for each in list(self._spans.values()) if each.scope.run_id == run_id]
        found = own[-1] if own else self._enclosing()
        return found and replace(
            found, scope=replace(found.scope, run_id=run_id, pipeline=pipeline), node="", dataset=""
        )

    def enclosing(self) -> SpanRecord | None:
        """Return the span that what is logged here belongs to.

        That is the one of this context; in a thread that was started without one the node that is running, or, where
        that is not clear, the run. In a span that the project has opened itself it has the id of that.
        """
        return innermost(self._enclosing())

    def _enclosing(self) -> SpanRecord | None:
        here = current_span.get()
        if here is not None or not self._spans:
            return here
        spans = list(self._spans.values())
        nodes = [each for each in spans if each.kind == "node"]
        if len(nodes) == 1:
            return nodes[0]
        runs = [each for each in spans if each.kind == "run"]
        return runs[-1] if runs else spans[0]
