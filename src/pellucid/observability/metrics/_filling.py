"""From events to what is added to the totals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.observability.bundles import PLAIN, BadBundleError, read_plain
from pellucid.observability.metrics._events import (
    DATASETS_ENDED,
    FAULT,
    NODE_ENDED,
    NODE_STARTED,
    RUN_ENDED,
    RUN_STARTED,
    BadEventError,
    event_of_node,
    read,
)
from pellucid.observability.metrics._series import Deltas, Exemplar
from pellucid.observability.semconv import RESULTS, metric

if TYPE_CHECKING:
    from pellucid.observability.metrics._events import DatasetEnd, MetricEvent, Timing
    from pellucid.observability.semconv import Metric

FAULTY_EVENTS = "metric event"
"""The part of telemetry that faults of events are counted under."""

_RUNS = metric("pipeline_runs_total")
_RUN_DURATION = metric("pipeline_run_duration_seconds")
_LAST_START = metric("pipeline_last_start_timestamp_seconds")
_LAST_SUCCESS = metric("pipeline_last_success_timestamp_seconds")
_LAST_COMPLETION = metric("pipeline_last_completion_timestamp_seconds")
_STEP_DURATION = {
    "session.create": metric("session_create_duration_seconds"),
    "context.load": metric("context_load_duration_seconds"),
    "catalog.create": metric("catalog_create_duration_seconds"),
}
_NODES = metric("node_runs_total")
_NODE_DURATION = metric("node_run_duration_seconds")
_NODE_WAIT = metric("node_queue_wait_seconds")
_NODE_CPU = metric("node_cpu_seconds_total")
_NODE_MEMORY = metric("node_memory_peak_bytes")
_DATASETS = metric("dataset_operations_total")
_DATASET_DURATION = metric("dataset_operation_duration_seconds")
_DATASET_BYTES = metric("dataset_io_bytes_total")
_DATASET_ROWS = metric("dataset_rows")
_LAST_SAVED = metric("dataset_last_saved_timestamp_seconds")

_KNOWN = RESULTS[0]
"""The result that makes a pipeline or node known before it has one."""


class Filling:
    """Adds events up.

    Attributes:
        deltas: what they come to.
    """

    def __init__(self) -> None:
        self.deltas = Deltas()

    def add(self, payload: bytes) -> None:
        """Add one event; one that is malformed is only counted, and so is a number in it that makes no sense."""
        try:
            event = _event_of(payload[1:]) if payload[:1] == PLAIN else read(payload)
        except (BadEventError, BadBundleError):
            self.deltas.count("telemetry_faults_total", part=FAULTY_EVENTS)
            return
        if event is None:
            return
        if event.bad_values:
            self.deltas.count("telemetry_faults_total", event.bad_values, part=FAULTY_EVENTS)
        self._fill(event)
        for dataset in event.datasets:
            self._dataset(dataset)

    def _fill(self, event: MetricEvent) -> None:
        timing = event.timing
        if event.letter == FAULT:
            self.deltas.count("telemetry_faults_total", part=event.part)
        elif timing is None:
            assert event.letter == DATASETS_ENDED
        elif event.letter == RUN_STARTED:
            self.deltas.add(_RUNS, (event.pipeline, _KNOWN), 0, timing.started_ns, 0)
            self._set(_LAST_START, event.pipeline, timing.started_ns)
        elif event.letter == NODE_STARTED:
            self.deltas.add(_NODES, (event.pipeline, event.node, _KNOWN), 0, timing.started_ns, 0)
        elif event.letter == RUN_ENDED:
            self._run(event.pipeline, timing)
        elif event.letter == NODE_ENDED:
            self._node(event, timing)
        else:
            self.deltas.observe(_STEP_DURATION[event.step], (timing.result,), _exemplar(timing))

    def _run(self, pipeline: str, timing: Timing) -> None:
        labels = (pipeline, timing.result)
        self.deltas.add(_RUNS, labels, 1, timing.ended_ns)
        self.deltas.observe(_RUN_DURATION, labels, _exemplar(timing))
        self._set(_LAST_START, pipeline, timing.started_ns)
        self._set(_LAST_COMPLETION, pipeline, timing.ended_ns)
        if timing.result == "success":
            self._set(_LAST_SUCCESS, pipeline, timing.ended_ns)

    def _node(self, event: MetricEvent, timing: Timing) -> None:
        labels, use, time_ns = (event.pipeline, event.node), event.use, timing.ended_ns
        self.deltas.add(_NODES, (*labels, timing.result), 1, time_ns)
        self.deltas.observe(_NODE_DURATION, labels, _exemplar(timing))
        if use.waited_seconds is not None:
            self.deltas.observe(_NODE_WAIT, labels, _exemplar(timing, round(use.waited_seconds * 1e9)))
        if use.cpu_seconds is not None:
            self.deltas.add(_NODE_CPU, labels, round(use.cpu_seconds * 1e9), time_ns)
        if use.memory_bytes:
            self.deltas.set(_NODE_MEMORY, labels, float(use.memory_bytes), time_ns)

    def _dataset(self, ended: DatasetEnd) -> None:
        timing, time_ns = ended.timing, ended.timing.ended_ns
        labels = (ended.label, ended.operation, timing.result)
        self.deltas.add(_DATASETS, labels, 1, time_ns)
        self.deltas.observe(_DATASET_DURATION, labels, _exemplar(timing))
        if ended.size is not None:
            self.deltas.add(_DATASET_BYTES, labels[:2], ended.size, time_ns)
        if ended.rows is not None:
            self.deltas.set(_DATASET_ROWS, labels[:1], float(ended.rows), time_ns)
        if ended.operation == "save" and timing.result == "success":
            self.deltas.set(_LAST_SAVED, labels[:1], time_ns / 1e9, time_ns)

    def _set(self, which: Metric, pipeline: str, time_ns: int) -> None:
        """Set a gauge that is a time: the latest one is also the largest."""
        self.deltas.set(which, (pipeline,), time_ns / 1e9, time_ns)


def _event_of(bundle: bytes) -> MetricEvent | None:
    """Return the event of a node whose record was taken as it is; None if it is not counted."""
    contents = read_plain(bundle)
    if not contents.is_counted:
        return None
    return read(event_of_node(contents.node, contents.datasets, is_start=not contents.node.ended_ns))


def _exemplar(timing: Timing, amount_ns: int | None = None) -> Exemplar:
    amount = timing.ended_ns - timing.started_ns if amount_ns is None else amount_ns
    return Exemplar(timing.ended_ns, amount, timing.trace_id, timing.span_id)
