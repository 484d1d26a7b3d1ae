"""The spans of one recording, in one process."""

from __future__ import annotations

import functools
import os
import weakref
from typing import TYPE_CHECKING

from pellucid._util.arrival import Arrival
from pellucid.observability.current import current_span
from pellucid.observability.recording import STREAM_SPANS
from pellucid.observability.tracing._bundles import NodeBundles
from pellucid.observability.tracing._context import API, is_loaded
from pellucid.observability.tracing._encoding import SpanEncoder
from pellucid.observability.tracing._environment import IN_ENVIRONMENT, ChildEnvironment
from pellucid.observability.tracing._saves import Saves

if TYPE_CHECKING:
    from collections.abc import Callable

    from pellucid.observability.recording import Recording
    from pellucid.observability.records import SpanRecord
    from pellucid.observability.tracing._current import Attached
    from pellucid.observability.tracing._provider import PellucidTracerProvider
    from pellucid.observability.tracing._shared import Redacts

_PART = "tracing"


class Tracing:
    """Writes spans of the runtime to the spool, and takes in the spans that others open meanwhile.

    Args:
        recording: in this process.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.redactor: Redacts = recording.redactor
        self._encoder = SpanEncoder(self.redactor, recording.options.tracing)
        self._environment = ChildEnvironment(os.environ, recording.options.tracing.propagators)
        self._saves = Saves()
        self._arrival = Arrival(API, self._arrived)
        self._provider: PellucidTracerProvider | None = None
        # The span, what was written of its start, how to undo what made it OpenTelemetry's current one, and in which
        # process it began.
        self._open: dict[bytes, tuple[SpanRecord, bytes, Attached | None, object]] = {}
        self._attach: Callable[[SpanRecord], Attached] | None = None
        self._process = object()
        self._bundles: NodeBundles | None = None
        self._is_forked = False
        self._is_live = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=functools.partial(_after_fork, weakref.ref(self)))

    @property
    def is_live(self) -> bool:
        """Whether something is recorded; not any more when the last span of the main process has ended."""
        return self._is_live and (bool(self._open) or self.recording.is_worker)

    def open(self) -> None:
        """Begin: offer a provider of tracers to who uses OpenTelemetry, now or later."""
        self._is_live = True
        self._bundles = NodeBundles(self.recording.redactor, self.recording.options.tracing, self._encoder)
        self.recording.bundles = self._bundles
        if is_loaded():
            self._offer()
        else:
            self._arrival.install()

    def close(self) -> None:
        """End; what is opened from now on is nobody's. May be called twice.

        In a forked process the environment stays that of the run.
        """
        self._is_live = False
        self.recording.bundles = None
        self._arrival.remove()
        if not self._is_forked:
            self._environment.close()
        if self._provider is not None:
            self._provider.leave(self)
            self._provider = None

    def forked(self) -> None:
        """Leave the spans that are open now to the process that this one was forked from."""
        self._process = object()
        self._is_forked = True
        if self._bundles is not None:
            self._bundles.process = self._process

    def started(self, span: SpanRecord) -> tuple[int, bytes] | None:
        """Return what is to be kept of the start of a span; once more after an interruption, if need be."""
        kind, span_id = span.kind, span.span_id
        if kind == "load" and not span.links:
            self._saves.link(span)
        payload = self._encoder.start(span)
        attached = None
        if self._attach is not None and current_span.get() is span:
            kept = self._open.get(span_id)
            attached = self._attach(span) if kept is None else kept[2]
        self._open[span_id] = span, payload, attached, self._process
        if kind in IN_ENVIRONMENT:
            self._environment.started(span)
        return STREAM_SPANS, payload

    def ended(self, span: SpanRecord) -> tuple[int, bytes] | None:
        """Return what is to be kept of the end of a span; in a process that was forked in the middle of it, nothing.

        The span is let go of at last, so that this may be called once more after an interruption.
        """
        kind, span_id = span.kind, span.span_id
        kept = self._open.get(span_id)
        if kept is None:
            return None
        ending = None
        _, payload, attached, process = kept
        if attached is not None:
            attached.undo()
        if process is self._process:
            if kind in IN_ENVIRONMENT:
                self._environment.ended(span)
                if kind == "run":
                    self._saves.forget(span)
            elif kind == "save" and span.result == "success":
                self._saves.note(span)
            if len(self._open) == 1 and self._provider is not None and not self.recording.is_worker:
                self._provider.end_rest(self)
            ending = STREAM_SPANS, self._encoder.end(span, payload)
        self._open.pop(span_id, None)
        return ending

    def begun(self, span: SpanRecord) -> None:
        """Take note that a span of a bundle begins, which is the current one here."""
        attach, kind = self._attach, span.kind
        self._open[span.span_id] = span, b"", None if attach is None else attach(span), self._process
        if kind == "node":
            self._environment.started(span)
        elif kind == "load":
            self._saves.link(span)

    def passed(self, span: SpanRecord) -> None:
        """Take note of a load or save of a bundle that nobody could see between its start and its end."""
        if span.kind == "load":
            self._saves.link(span)
        else:
            self._saves.note(span)

    def done(self, span: SpanRecord) -> None:
        """Take note that a span of a bundle has ended."""
        kept = self._open.pop(span.span_id, None)
        if kept is None:
            return
        if kept[2] is not None:
            kept[2].undo()
        if kept[3] is self._process:
            if span.kind == "node":
                self._environment.ended(span)
            elif span.kind == "save" and span.result == "success":
                self._saves.note(span)

    def holds(self, span: SpanRecord) -> bool:
        """Tell whether a span is one of the open ones."""
        return span.span_id in self._open

    def enclosing(self) -> SpanRecord | None:
        """Return the span of the runtime that what happens here belongs to.

        That is the one of this context; in a thread that was started without one the node that is running, or, where
        that is not clear, the run.
        """
        here = current_span.get()
        if here is not None and self.holds(here):
            return here
        spans = [each[0] for each in list(self._open.values())]
        nodes = [each for each in spans if each.kind == "node"]
        if len(nodes) == 1:
            return nodes[0]
        runs = [each for each in spans if each.kind == "run"]
        return runs[-1] if runs else next(iter(spans), None)

    def _offer(self) -> None:
        from pellucid.observability.tracing._current import attach
        from pellucid.observability.tracing._provider import offer

        # Not before: in another thread the API may be only half imported yet.
        self._attach = attach
        self._provider = offer(self)

    def _arrived(self) -> None:
        self.recording.guard.call(_PART, self._welcome)

    def _welcome(self) -> None:
        if not self._is_live:
            return
        self._offer()
        span = current_span.get()
        kept = self._open.get(span.span_id) if span is not None else None
        if self._attach is not None and span is not None and kept is not None and kept[2] is None:
            self._open[span.span_id] = span, kept[1], self._attach(span), kept[3]


def _after_fork(tracing: weakref.ref[Tracing]) -> None:
    found = tracing()
    if found is not None:
        found.forked()
