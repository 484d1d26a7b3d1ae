"""Hands the trace on to child processes, while a run lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.observability.tracing._propagation import TRACEPARENT, TRACESTATE, format_parent, propagates

if TYPE_CHECKING:
    from collections.abc import Collection, MutableMapping

    from pellucid.observability.records import SpanRecord

IN_ENVIRONMENT = frozenset({"run", "node"})
"""The kinds of spans that child processes belong to."""

_Values = tuple[str, str]
"""TRACEPARENT and TRACESTATE."""


class ChildEnvironment:
    """Keeps TRACEPARENT and TRACESTATE at the span that a child process started now belongs to.

    That is the node that runs; the run, where several nodes run at once or none does. When nothing runs, the variables
    are what they were before, unless somebody else has set them meanwhile.

    Args:
        environ: of the process.
        propagators: the formats in which the context travels.
    """

    def __init__(self, environ: MutableMapping[str, str], propagators: Collection[str]) -> None:
        self._environ = environ
        self._is_on = propagates(propagators)
        self._runs: dict[bytes, _Values] = {}
        self._run: _Values | None = None  # the last one
        self._nodes: dict[bytes, _Values] = {}
        self._before: tuple[str | None, str | None] | None = None
        self._put: str | None = None
        self._state = ""

    # Several threads may be here at once. No lock, which a fork could inherit in the hands of a thread that is gone:
    # whoever writes looks again, so that the last one to write wrote what is right.

    def started(self, span: SpanRecord) -> None:
        """Take note of a span that began; of runs and nodes."""
        kind, scope, span_id, nodes = span.kind, span.scope, span.span_id, self._nodes
        if not self._is_on or kind not in IN_ENVIRONMENT:
            return
        values = format_parent(scope.trace_id, span_id, sampled=scope.sampled), scope.trace_state
        if kind == "node":
            nodes[span_id] = values
            if len(nodes) == 1:
                self._set(values)
                if len(nodes) == 1 and span_id in nodes:
                    return
        else:
            self._run = self._runs[span_id] = values
        self._follow()

    def ended(self, span: SpanRecord) -> None:
        """Take note of a span that ended; of runs and nodes."""
        kind, run, nodes = span.kind, self._run, self._nodes
        if not self._is_on or kind not in IN_ENVIRONMENT:
            return
        if kind == "node":
            nodes.pop(span.span_id, None)
            if run is not None and not nodes:
                self._set(run)
                if run is self._run and not nodes:
                    return
        else:
            self._runs.pop(span.span_id, None)
            self._run = next(reversed(list(self._runs.values())), None)
        self._follow()

    def close(self) -> None:
        """Put the variables back."""
        self._runs.clear()
        self._nodes.clear()
        self._run = None
        self._follow()

    def _follow(self) -> None:
        while True:
            values = self._chosen()
            if values is None:
                self._restore()
            else:
                self._set(values)
            if self._chosen() is values:
                return

    def _chosen(self) -> _Values | None:
        nodes = list(self._nodes.values()) if self._nodes else ()
        if len(nodes) == 1:
            return nodes[0]
        return self._run or (nodes[0] if nodes else None)

    def _set(self, values: _Values) -> None:
        parent, state = values
        if self._before is None:
            self._before = self._environ.get(TRACEPARENT), self._environ.get(TRACESTATE)
            self._state = self._before[1] or ""
        if self._state != state:
            self._state = state
            self._assign(TRACESTATE, state or None)
        self._put = self._environ[TRACEPARENT] = parent

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
