"""Spans as the recorder makes them, segments as the spool has them, and what metrics make of both."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pellucid.observability.hooks.metrics import metrics_hooks
from pellucid.observability.metrics import TotalsStore
from pellucid.observability.options import MetricsOptions, Options
from pellucid.observability.recording import Recording
from pellucid.observability.records import Kind, Result, RunScope, SpanRecord
from pellucid.observability.semconv import Attr
from pellucid.observability.spool import Frame, FrameKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pellucid.observability.hooks.metrics import MetricsHooks
    from pellucid.observability.metrics import Totals

NOW_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000
TRACE_ID = bytes(range(16))
_DATASETS = "datasets of a test"


@dataclass
class ListSpool:
    """Keeps frames in a list."""

    frames: list[Frame] = field(default_factory=list)

    def keep(self, kind: FrameKind, span: SpanRecord, told: tuple[int, bytes] | None) -> None:
        if told is not None:
            self.frames.append(Frame(kind, told[0], span.span_id, NOW_NS, told[1]))

    @property
    def payloads(self) -> list[bytes]:
        return [each.payload for each in self.frames]


@dataclass
class ListSegment:
    """A segment in memory."""

    name: str
    kept: list[Frame]

    def frames(self) -> Iterator[Frame]:
        return iter(self.kept)


def segment_of(name: str, payloads: Iterable[bytes]) -> ListSegment:
    """Return a segment with metric events."""
    return ListSegment(name, [Frame(FrameKind.END, 2, bytes(8), NOW_NS, each) for each in payloads])


def span_of(
    kind: Kind = "run",
    *,
    pipeline: str = "daily",
    node: str = "",
    dataset: str = "",
    label: str = "",
    at: float = 0,
    seconds: float = 1,
    result: Result = "success",
    number: int = 1,
    trace_id: bytes = TRACE_ID,
    facts: dict[str, Any] | None = None,
    datasets: Iterable[SpanRecord] = (),
) -> SpanRecord:
    """Return a span that has ended; times are seconds after ``NOW_NS``."""
    started_ns = NOW_NS + round(at * SECOND_NS)
    scope = RunScope("session", f"run-{number}", pipeline, trace_id)
    span = SpanRecord(
        kind,
        node or kind,
        scope,
        number.to_bytes(8, "big"),
        b"",
        started_ns,
        {},
        node=node,
        dataset=dataset,
        label=label,
        ended_ns=started_ns + round(seconds * SECOND_NS),
        end_attributes=facts or {},
        result=result,
    )
    span.attached[_DATASETS] = list(datasets)
    for each in span.attached[_DATASETS]:
        each.parent = span
    return span


def node_span(**changes: Any) -> SpanRecord:
    """Return a node that has loaded a dataset and saved another one."""
    load = span_of(
        "load", dataset="companies", number=21, seconds=0.25, facts={Attr.DATASET_BYTES: 1000, Attr.DATASET_ROWS: 10}
    )
    save = span_of("save", dataset="a_x", label="{name}_x", number=22, seconds=0.5, at=1, facts={Attr.DATASET_ROWS: 5})
    facts = {Attr.QUEUE_WAIT: 0.002, Attr.CPU: 0.75, Attr.MEMORY_PEAK: 123_456_789}
    given: dict[str, Any] = {"node": "clean", "number": 20, "seconds": 2, "facts": facts, "datasets": [load, save]}
    return span_of("node", **{**given, **changes})


def hooks_on(path: Path, *, is_enabled: bool = True) -> MetricsHooks:
    """Return the plugin, which has begun."""
    recording = Recording(Options(metrics=MetricsOptions(enabled=is_enabled)), path, "demo", "session")
    hooks = metrics_hooks()
    hooks.on_recording_started(recording)
    return hooks


def payloads_of(path: Path, *spans: SpanRecord) -> list[bytes]:
    """Return what the plugin writes for spans: of each its start and its end."""
    return told(hooks_on(path), *spans).payloads


def told(hooks: MetricsHooks, *spans: SpanRecord) -> ListSpool:
    """Tell the plugin of spans from start to end, their datasets in between, and return what it wants to be kept."""
    spool = ListSpool()
    for span in spans:
        spool.keep(FrameKind.START, span, hooks.on_span_started(span))
        for each in span.attached[_DATASETS]:
            spool.keep(FrameKind.START, each, hooks.on_span_started(each))
            spool.keep(FrameKind.END, each, hooks.on_span_ended(each))
        spool.keep(FrameKind.END, span, hooks.on_span_ended(span))
    return spool


def totals_of(*payloads: bytes) -> Totals:
    """Return what events come to."""
    store = TotalsStore(None)
    try:
        store.take(segment_of("one", payloads))
        return store.read()
    finally:
        store.close()


def soon(seconds: float = 20) -> float:
    """Return a deadline that is only there to end a test that hangs."""
    return time.monotonic() + seconds


def repr_of(payload: bytes) -> str:
    """Return the beginning of a payload, to name a test by."""
    return repr(payload[:30])
