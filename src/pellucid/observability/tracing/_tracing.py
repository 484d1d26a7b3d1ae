"""The spans of one recording, in one process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pellucid.observability.current import current_span
from pellucid.observability.recording import STREAM_SPANS
from pellucid.observability.tracing._arrival import Arrival
from pellucid.observability.tracing._context import API, attach, detach, is_loaded
from pellucid.observability.tracing._encoding import SpanEncoder
from pellucid.observability.tracing._environment import ChildEnvironment
from pellucid.observability.tracing._open import ATTACHED, OpenSpan

if TYPE_CHECKING:
    from pellucid.observability.recording import Recording
    from pellucid.observability.records import SpanRecord
    from pellucid.observability.tracing._encoding import Redacts
    from pellucid.observability.tracing._provider import PellucidTracerProvider

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
        self._environment = ChildEnvironment(os.environ)
        self._arrival = Arrival(API, self._arrived)
        self._provider: PellucidTracerProvider | None = None
        self._open: dict[bytes, SpanRecord] = {}
        self._pid = os.getpid()
        self._is_live = False

    @property
    def is_live(self) -> bool:
        """Whether something is recorded; not any more when the last span of the main process has ended."""
        return self._is_live and (bool(self._open) or self.recording.is_worker)

    def open(self) -> None:
        """Begin: offer a provider of tracers to who uses OpenTelemetry, now or later."""
        self._is_live = True
        if is_loaded():
            self._offer()
        else:
            self._arrival.install()

    def close(self) -> None:
        """End; what is opened from now on is nobody's. May be called twice.

        In a forked process the environment stays that of the run.
        """
        self._is_live = False
        self._arrival.remove()
        if self._pid == os.getpid():
            self._environment.close()
        if self._provider is not None:
            self._provider.leave(self)
            self._provider = None

    def started(self, span: SpanRecord) -> None:
        """Keep the start of a span."""
        payload = self._encoder.start(span)
        kept = span.attached[ATTACHED] = OpenSpan(self, os.getpid(), payload)
        self.recording.spool.start(STREAM_SPANS, span.span_id, payload)
        self._open[span.span_id] = span
        if current_span.get() is span:
            kept.attached = attach(span)
        self._environment.started(span)

    def ended(self, span: SpanRecord) -> None:
        """Keep the end of a span; in a process that was forked in the middle of it, nothing."""
        kept = span.attached.pop(ATTACHED, None)
        if not isinstance(kept, OpenSpan):
            return
        if kept.attached is not None:
            detach(kept.attached)
        if kept.pid != os.getpid():
            return
        self._open.pop(span.span_id, None)
        self._environment.ended(span)
        if not self._open and not self.recording.is_worker and self._provider is not None:
            self._provider.end_rest(self)
        self.recording.spool.end(STREAM_SPANS, span.span_id, self._encoder.end(span, kept.payload))

    def enclosing(self) -> SpanRecord | None:
        """Return the span of the runtime that what happens here belongs to.

        That is the one of this context; in a thread that was started without one the node that is running, or, where
        that is not clear, the run.
        """
        here = current_span.get()
        if here is not None and here.span_id in self._open:
            return here
        spans = list(self._open.values())
        nodes = [each for each in spans if each.kind == "node"]
        if len(nodes) == 1:
            return nodes[0]
        runs = [each for each in spans if each.kind == "run"]
        return runs[-1] if runs else next(iter(spans), None)

    def _offer(self) -> None:
        from pellucid.observability.tracing._provider import offer

        self._provider = offer(self)

    def _arrived(self) -> None:
        self.recording.guard.call(_PART, self._welcome)

    def _welcome(self) -> None:
        if not self._is_live:
            return
        self._offer()
        span = current_span.get()
        kept = span.attached.get(ATTACHED) if span is not None else None
        if span is not None and isinstance(kept, OpenSpan) and kept.attached is None:
            kept.attached = attach(span)
