"""The built-in plugin that counts: it writes down what happened, and leaves the arithmetic for later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pellucid.framework.hooks.markers import hook_impl
from pellucid.observability.recording import STREAM_METRICS
from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pellucid.observability.recording import Recording, Spool
    from pellucid.observability.records import RunScope, SpanRecord

__all__ = ["MetricsHooks", "metrics_hooks"]

_STEPS = frozenset({"session.create", "context.load", "catalog.create"})

# Looked up once: these are read for every node.
_QUEUE_WAIT, _CPU, _MEMORY_PEAK = Attr.QUEUE_WAIT, Attr.CPU, Attr.MEMORY_PEAK
_BYTES, _ROWS = Attr.DATASET_BYTES, Attr.DATASET_ROWS
_ATTACHED = "metrics"

_MOST_DATASETS = 100
"""In one event; a node that saves in many pieces makes several."""

_MOST_NAMES = 10_000


def metrics_hooks() -> MetricsHooks:
    """Return the plugin, for one session."""
    return MetricsHooks()


class MetricsHooks:
    """Writes an event to the spool for each start and end that counts; nothing where metrics are switched off.

    The format of events is described in ``pellucid.observability.metrics._events``.
    """

    def __init__(self) -> None:
        self._spool: Spool | None = None
        self._names: dict[str, str] = {}
        self._scope: tuple[RunScope, str] | None = None

    def __reduce__(self) -> tuple[type[MetricsHooks], tuple[()]]:
        return MetricsHooks, ()

    @hook_impl
    def on_recording_started(self, recording: Recording) -> None:
        """Begin to write, if metrics are switched on."""
        self._spool = recording.spool if recording.options.metrics.enabled else None

    @hook_impl
    def on_span_started(self, span: SpanRecord) -> None:
        """Write down that a run or node started, so that one that is killed is counted."""
        kind, spool = span.kind, self._spool
        if spool is None:
            return
        if kind == "node":
            event = f'[1,"N",{self._start_of(span)},{self._quoted(span.node)}]'
        elif kind == "run":
            event = f'[1,"R",{self._start_of(span)}]'
        else:
            return
        spool.start(STREAM_METRICS, span.span_id, event.encode())

    @hook_impl
    def on_span_ended(self, span: SpanRecord) -> None:
        """Write down that something ended, with all that is counted of it."""
        kind, spool = span.kind, self._spool
        if spool is None:
            return
        if kind == "node":
            event = self._node(spool, span)
        elif kind == "run":
            event = f'[1,"r",{self._start_of(span)},{span.ended_ns},"{span.result}"]'
        elif kind in _STEPS:
            ids = f'"{span.scope.trace_id.hex()}","{span.span_id.hex()}"'
            event = f'[1,"s","{kind}",{ids},{span.started_ns},{span.ended_ns},"{span.result}"]'
        else:
            return
        spool.end(STREAM_METRICS, span.span_id, event.encode())

    def _node(self, spool: Spool, span: SpanRecord) -> str:
        datasets = span.datasets
        if len(datasets) > _MOST_DATASETS:
            self._write_many(spool, datasets)
            datasets = []
        facts = span.end_attributes.get
        listed = ",".join([self._dataset(each) for each in datasets])
        return (
            f'[1,"n",{self._start_of(span)},{span.ended_ns},"{span.result}",{self._quoted(span.node)},'
            f"{_number(facts(_QUEUE_WAIT))},{_number(facts(_CPU))},{_number(facts(_MEMORY_PEAK))},[{listed}]]"
        )

    def _write_many(self, spool: Spool, datasets: Sequence[SpanRecord]) -> None:
        for at in range(0, len(datasets), _MOST_DATASETS):
            part = datasets[at : at + _MOST_DATASETS]
            listed = ",".join([self._dataset(each) for each in part])
            event = f'[1,"d","{part[0].scope.trace_id.hex()}",[{listed}]]'
            spool.end(STREAM_METRICS, part[0].span_id, event.encode())

    def _start_of(self, span: SpanRecord) -> str:
        """Return pipeline, ids and start, which both events of a span have."""
        found: str | None = span.attached.get(_ATTACHED)
        if found is None:
            scope, kept = span.scope, self._scope
            if kept is None or kept[0] is not scope:
                kept = self._scope = (scope, f'{self._quoted(scope.pipeline)},"{scope.trace_id.hex()}"')
            found = span.attached[_ATTACHED] = f'{kept[1]},"{span.span_id.hex()}",{span.started_ns}'
        return found

    def _dataset(self, span: SpanRecord) -> str:
        facts = span.end_attributes.get
        return (
            f'["{span.kind}",{self._quoted(span.label or span.dataset)},"{span.result}","{span.span_id.hex()}",'
            f"{span.started_ns},{span.ended_ns},{_number(facts(_BYTES))},{_number(facts(_ROWS))}]"
        )

    def _quoted(self, name: str) -> str:
        quoted = self._names.get(name)
        if quoted is None:
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            quoted = self._names[name] = json.dumps(name)
        return quoted


def _number(value: Any) -> str:
    """Return a number as JSON has it; anything else is not known."""
    kind = type(value)
    if kind is float:
        return repr(value) if value - value == 0 else "null"
    return str(value) if kind is int and value.bit_length() < 64 else "null"
