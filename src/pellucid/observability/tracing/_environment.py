"""Hands the trace on to child processes, while a run lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.observability.tracing._propagation import TRACEPARENT, TRACESTATE, format_parent, propagates

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from pellucid.observability.records import SpanRecord


class ChildEnvironment:
    """Keeps TRACEPARENT and TRACESTATE at the span that a child process started now belongs to.

    That is the node that runs; the run, where several nodes run at once or none does. When nothing runs, the variables
    are what they were before, unless somebody else has set them meanwhile.

    Args:
        environ: of the process.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self._environ = environ
        self._is_on = propagates(environ)
        self._runs: dict[bytes, SpanRecord] = {}
        self._nodes: dict[bytes, SpanRecord] = {}
        self._before: tuple[str | None, str | None] | None = None
        self._put: str | None = None
        self._state = ""

    def started(self, span: SpanRecord) -> None:
        """Take note of a span that began."""
        if self._is_on and span.kind in ("run", "node"):
            (self._nodes if span.kind == "node" else self._runs)[span.span_id] = span
            self._follow()

    def ended(self, span: SpanRecord) -> None:
        """Take note of a span that ended."""
        if self._is_on and span.kind in ("run", "node"):
            (self._nodes if span.kind == "node" else self._runs).pop(span.span_id, None)
            self._follow()

    def close(self) -> None:
        """Put the variables back."""
        self._runs.clear()
        self._nodes.clear()
        self._follow()

    def _follow(self) -> None:
        # Several threads may be here at once. No lock, which a fork could inherit in the hands of a thread that is
        # gone: whoever writes looks again, so that the last one to write wrote what is right.
        while True:
            span = self._chosen()
            if span is None:
                self._restore()
            else:
                self._set(span)
            if self._chosen() is span:
                return

    def _chosen(self) -> SpanRecord | None:
        nodes = tuple(self._nodes.values())
        if len(nodes) == 1:
            return nodes[0]
        runs = tuple(self._runs.values())
        if runs:
            return runs[-1]
        return nodes[0] if nodes else None

    def _set(self, span: SpanRecord) -> None:
        environ, scope = self._environ, span.scope
        if self._before is None:
            self._before = environ.get(TRACEPARENT), environ.get(TRACESTATE)
            self._state = self._before[1] or ""
        if self._state != scope.trace_state:
            self._state = scope.trace_state
            self._assign(TRACESTATE, scope.trace_state or None)
        self._put = environ[TRACEPARENT] = format_parent(scope.trace_id, span.span_id, sampled=scope.sampled)

    def _restore(self) -> None:
        before, self._before = self._before, None
        if before is not None and self._environ.get(TRACEPARENT) == self._put:
            self._assign(TRACEPARENT, before[0])
            self._assign(TRACESTATE, before[1])

    def _assign(self, name: str, value: str | None) -> None:
        if value is None:
            self._environ.pop(name, None)
        else:
            self._environ[name] = value
