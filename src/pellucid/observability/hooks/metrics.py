"""The built-in plugin that counts: it writes down what happened, and leaves the arithmetic for later."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pellucid.framework.hooks.markers import hook_impl
from pellucid.observability.current import current_span
from pellucid.observability.hooks._describing import result_of
from pellucid.observability.recording import STREAM_METRICS
from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    from pellucid.observability.recording import Recording
    from pellucid.observability.records import RunScope, SpanRecord

__all__ = ["MetricsHooks", "metrics_hooks"]

_STEPS = frozenset({"session.create", "context.load", "catalog.create"})
_DATASETS = frozenset({"load", "save"})

# Looked up once: these are read for every node.
_QUEUE_WAIT, _CPU, _MEMORY_PEAK = Attr.QUEUE_WAIT, Attr.CPU, Attr.MEMORY_PEAK
_BYTES, _ROWS = Attr.DATASET_BYTES, Attr.DATASET_ROWS
_ATTACHED = "metrics"

_MOST_DATASETS = 100
"""In one event; a node that saves in many pieces makes several."""

_MOST_NAMES = 10_000


class _Begun:
    """What is kept with a node until it ends.

    Attributes:
        start: pipeline, ids and start, as its events have them.
        node: its name, quoted.
        datasets: its ended loads and saves, as its event has them.
    """

    __slots__ = ("datasets", "node", "start")

    def __init__(self, start: str, node: str) -> None:
        self.start = start
        self.node = node
        self.datasets: list[str] = []


def metrics_hooks() -> MetricsHooks:
    """Return the plugin, for one session."""
    return MetricsHooks()


class MetricsHooks:
    """Writes an event to the spool for each start and end that counts; nothing where metrics are switched off.

    The format of events is described in ``pellucid.observability.metrics._events``.
    """

    def __init__(self) -> None:
        self._is_on = False
        self._recording: Recording | None = None
        self._names: dict[str, str] = {}
        self._scope: tuple[RunScope, str] | None = None

    def __reduce__(self) -> tuple[type[MetricsHooks], tuple[()]]:
        return MetricsHooks, ()

    @hook_impl
    def on_recording_started(self, recording: Recording) -> None:
        """Begin to write, if metrics are switched on."""
        self._is_on = recording.options.metrics.enabled
        self._recording = recording
        recording.guard.on_fault = self._note_fault if self._is_on else None

    @hook_impl
    def on_span_started(self, span: SpanRecord) -> tuple[int, bytes] | None:
        """Write down that a run or node started, so that one that is killed is counted."""
        kind = span.kind
        if not self._is_on or kind in _DATASETS:
            return None
        if kind == "node":
            begun = span.attached[_ATTACHED] = _Begun(self._start_of(span), self._quoted(span.node))
            event = f'[1,"N",{begun.start},{begun.node}]'
        elif kind == "run":
            event = f'[1,"R",{self._start_of(span)}]'
        else:
            return None
        return STREAM_METRICS, event.encode()

    @hook_impl
    def on_span_ended(self, span: SpanRecord) -> tuple[int, bytes] | None:
        """Write down that something ended, with all that is counted of it."""
        kind = span.kind
        if not self._is_on:
            return None
        if kind in _DATASETS:
            return self._remembered(span)
        if kind == "node":
            event = self._node(span)
        elif kind == "run":
            event = f'[1,"r",{self._start_of(span)},{span.ended_ns},"{span.result}"]'
        elif kind in _STEPS:
            ids = f'"{span.scope.trace_id.hex()}","{span.span_id.hex()}"'
            event = f'[1,"s","{kind}",{ids},{span.started_ns},{span.ended_ns},"{span.result}"]'
        else:
            return None
        return STREAM_METRICS, event.encode()

    @hook_impl
    def on_run_refused(self, error: BaseException, pipeline_name: str) -> None:
        """Write down a run that came to nothing before it began: it was to be, and did not succeed."""
        recording = self._recording
        if recording is None or not self._is_on:
            return
        here, now_ns, key = current_span.get(), recording.clock.now_ns(), recording.ids.span_id()
        trace_id = here.scope.trace_id if here is not None else recording.ids.trace_id()
        started = f'{self._quoted(pipeline_name)},"{trace_id.hex()}","{key.hex()}",{now_ns}'
        recording.spool.start(STREAM_METRICS, key, f'[1,"R",{started}]'.encode())
        recording.spool.end(STREAM_METRICS, key, f'[1,"r",{started},{now_ns},"{result_of(error)}"]'.encode())

    def _note_fault(self, part: str) -> None:
        """Write down a fault of telemetry."""
        recording = self._recording
        if recording is not None:
            event = f'[1,"f",{self._quoted(part)},{recording.clock.now_ns()}]'
            recording.spool.end(STREAM_METRICS, recording.ids.span_id(), event.encode())

    def _node(self, span: SpanRecord) -> str:
        begun = span.attached.get(_ATTACHED)
        if begun is None:  # metrics have only begun since
            begun = _Begun(self._start_of(span), self._quoted(span.node))
        facts = span.end_attributes.get
        return (
            f'[1,"n",{begun.start},{span.ended_ns},"{span.result}",{begun.node},'
            f"{_number(facts(_QUEUE_WAIT))},{_number(facts(_CPU))},{_number(facts(_MEMORY_PEAK))},"
            f"[{','.join(begun.datasets)}]]"
        )

    def _remembered(self, span: SpanRecord) -> tuple[int, bytes] | None:
        """Keep a load or save until its node ends; many of them are written down before that."""
        begun = span.parent.attached.get(_ATTACHED) if span.parent is not None else None
        datasets: list[str] = [] if begun is None else begun.datasets
        facts = span.end_attributes.get
        datasets.append(
            f'["{span.kind}",{self._quoted(span.label or span.dataset)},"{span.result}","{span.span_id.hex()}",'
            f"{span.started_ns},{span.ended_ns},{_number(facts(_BYTES))},{_number(facts(_ROWS))}]"
        )
        if begun is not None and len(datasets) < _MOST_DATASETS:
            return None
        taken = []
        with suppress(IndexError):  # other threads of the same node may be here as well: each item is one's alone
            while True:
                taken.append(datasets.pop())
        event = f'[1,"d","{span.scope.trace_id.hex()}",[{",".join(taken)}]]'
        return (STREAM_METRICS, event.encode()) if taken else None

    def _start_of(self, span: SpanRecord) -> str:
        """Return pipeline, ids and start, which both events of a span have."""
        scope, kept = span.scope, self._scope
        if kept is None or kept[0] is not scope:
            kept = self._scope = (scope, f'{self._quoted(scope.pipeline)},"{scope.trace_id.hex()}"')
        return f'{kept[1]},"{span.span_id.hex()}",{span.started_ns}'

    def _quoted(self, name: str) -> str:
        quoted = self._names.get(name)
        if quoted is None:
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            quoted = self._names[name] = json.dumps(name)
        return quoted


def _number(value: Any) -> str:
    """Return a number as JSON has it; anything else is not known."""
    if value is None:
        return "null"
    kind = type(value)
    if kind is float:
        return repr(value) if value - value == 0 else "null"
    return str(value) if kind is int and value.bit_length() < 64 else "null"
