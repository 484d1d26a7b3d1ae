"""OpenTelemetry's SDK, for the spans that are opened by others than the runtime: they go to the same spool."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

from pellucid.observability.recording import STREAM_SPANS
from pellucid.observability.tracing._encoding import seal
from pellucid.observability.tracing._kept import KeptTracer, Plain
from pellucid.observability.tracing._readable import encode_readable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.context import Context

    from pellucid.observability.records import Ids
    from pellucid.observability.tracing._open import Scene

NEVER_ENDED = "SpanNotEnded"
"""The ``error.type`` of a span that whoever opened it did not end."""

_PART = "tracing"
_NOW_NS = 50_000_000


class SpoolingProvider(TracerProvider):
    """Keeps spans with a recording.

    Args:
        scene: where they belong.
    """

    def __init__(self, scene: Scene) -> None:
        recording = scene.recording
        options = recording.options.tracing
        self._spooling = _Spooling(scene)
        super().__init__(
            sampler=_Inherited(scene),
            resource=Resource(recording.resource),
            shutdown_on_exit=False,
            id_generator=_SharedIds(recording.ids),
            # Attributes are cut before: the SDK does it before secrets are hidden.
            span_limits=SpanLimits(
                max_span_attributes=options.attribute_count_limit,
                max_attribute_length=SpanLimits.UNSET,
                max_span_attribute_length=SpanLimits.UNSET,
            ),
        )
        self.add_span_processor(self._spooling)
        self._plain = Plain(scene)

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        """Return a tracer whose spans take anything."""
        return KeptTracer(super().get_tracer(*args, **kwargs), self._plain)

    def end_rest(self) -> None:
        """End the spans that nobody ended."""
        self._spooling.end_rest()


class _SharedIds(IdGenerator):
    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    def generate_span_id(self) -> int:
        return int.from_bytes(self._ids.span_id(), "big")

    def generate_trace_id(self) -> int:
        return int.from_bytes(self._ids.trace_id(), "big")


class _Inherited(Sampler):
    """Records everything, as the local history has it; what is sampled follows the parent, and a root the run."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: trace.SpanKind | None = None,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[trace.Link] | None = None,
        trace_state: trace.TraceState | None = None,
    ) -> SamplingResult:
        del trace_id, name, kind, links
        parent = trace.get_current_span(parent_context).get_span_context()
        if parent.is_valid:
            sampled, trace_state = parent.trace_flags.sampled, parent.trace_state
        else:
            enclosing = self._scene.enclosing()
            sampled = enclosing is None or enclosing.scope.sampled
        decision = Decision.RECORD_AND_SAMPLE if sampled else Decision.RECORD_ONLY
        return SamplingResult(decision, attributes, trace_state)

    def get_description(self) -> str:
        return "PellucidInherited"


class _Spooling(SpanProcessor):
    """Writes the start and the end of each span.

    A span is ended in the process that it was opened in, even if the middle of it is forked.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._pid = os.getpid()
        self._open: dict[bytes, bytes] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        del parent_context
        self._scene.recording.guard.call(_PART, self._started, span)

    def on_end(self, span: ReadableSpan) -> None:
        self._scene.recording.guard.call(_PART, self._ended, span)

    def end_rest(self) -> None:
        """End the spans that nobody ended."""
        recording = self._scene.recording
        self._follow_fork()
        while self._open:
            key, payload = self._open.popitem()
            recording.spool.end(STREAM_SPANS, key, seal(payload, recording.clock.now_ns(), NEVER_ENDED))

    def _started(self, span: Span) -> None:
        self._follow_fork()
        if not self._scene.is_live:
            return
        key = _key(span)
        payload = self._open[key] = encode_readable(span, self._scene.redactor, None)
        self._scene.recording.spool.start(STREAM_SPANS, key, payload)

    def _ended(self, span: ReadableSpan) -> None:
        self._follow_fork()
        key = _key(span)
        if self._open.pop(key, None) is not None:
            payload = encode_readable(span, self._scene.redactor, self._end_ns(span))
            self._scene.recording.spool.end(STREAM_SPANS, key, payload)

    def _end_ns(self, span: ReadableSpan) -> int:
        """Return the end by the clock of the recording; but a time that the project gave stays what it is."""
        given = span.end_time or 0
        return self._scene.recording.clock.now_ns() if abs(time.time_ns() - given) < _NOW_NS else given

    def _follow_fork(self) -> None:
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._open = {}


def _key(span: ReadableSpan) -> bytes:
    context = span.context
    assert context is not None
    key: bytes = context.span_id.to_bytes(8, "big")
    return key
