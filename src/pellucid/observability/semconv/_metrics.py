"""The metrics: names, types, labels, buckets."""

from __future__ import annotations

from typing import Literal

from pellucid._util.rows import Row

PREFIX = "pellucid_"

RUN_BUCKETS = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0)
"""Seconds: from a second to a day."""
STEP_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0)
"""Seconds: of what a run consists of."""

RESULTS = ("success", "failure", "error", "timeout", "cancellation", "skip")
"""Values of the label ``result``."""
OPERATIONS = ("load", "save")
"""Values of the label ``operation``."""
SPAN_STATES = ("produced", "spooled", "delivered", "dropped", "quarantined")
"""Values of the label ``state`` of the spans of telemetry."""


class Metric(Row):
    """A metric.

    Attributes:
        name: with prefix and unit, and ``_total`` for a counter.
        kind: as Prometheus has it.
        labels: in order.
        text: what it says.
        buckets: upper bounds of a histogram.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    text: str
    buckets: tuple[float, ...] = ()


def _m(
    name: str, kind: Literal["counter", "gauge", "histogram"], labels: str, text: str, buckets: tuple[float, ...] = ()
) -> Metric:
    return Metric(PREFIX + name, kind, tuple(labels.split()), text, buckets)


METRICS: tuple[Metric, ...] = (
    _m("pipeline_runs_total", "counter", "pipeline result", "Runs that ended."),
    _m("pipeline_run_duration_seconds", "histogram", "pipeline result", "How long runs took.", RUN_BUCKETS),
    _m("pipeline_runs_active", "gauge", "pipeline", "Runs that are going on."),
    _m("pipeline_last_start_timestamp_seconds", "gauge", "pipeline", "When a run last started."),
    _m("pipeline_last_success_timestamp_seconds", "gauge", "pipeline", "When a run last succeeded."),
    _m("pipeline_last_completion_timestamp_seconds", "gauge", "pipeline", "When a run last ended, however."),
    _m("pipeline_expected_interval_seconds", "gauge", "pipeline", "How often a run is expected, as configured."),
    _m("session_create_duration_seconds", "histogram", "result", "How long sessions took to create.", STEP_BUCKETS),
    _m("context_load_duration_seconds", "histogram", "result", "How long contexts took to load.", STEP_BUCKETS),
    _m("catalog_create_duration_seconds", "histogram", "result", "How long catalogs took to build.", STEP_BUCKETS),
    _m("node_runs_total", "counter", "pipeline node result", "Nodes that ended."),
    _m("node_run_duration_seconds", "histogram", "pipeline node", "How long nodes took, with I/O.", STEP_BUCKETS),
    _m("node_queue_wait_seconds", "histogram", "pipeline node", "How long nodes that could run waited.", STEP_BUCKETS),
    _m("node_cpu_seconds_total", "counter", "pipeline node", "Processor time that nodes used."),
    _m("node_memory_peak_bytes", "gauge", "pipeline node", "Most memory of the process by the node's last end."),
    _m(
        "dataset_operation_duration_seconds",
        "histogram",
        "dataset operation result",
        "How long loads and saves took.",
        STEP_BUCKETS,
    ),
    _m("dataset_operations_total", "counter", "dataset operation result", "Loads and saves that ended."),
    _m("dataset_io_bytes_total", "counter", "dataset operation", "Bytes of the files that were loaded and saved."),
    _m("dataset_rows", "gauge", "dataset", "Rows of the table last loaded or saved."),
    _m("dataset_last_saved_timestamp_seconds", "gauge", "dataset", "When the dataset was last saved."),
    _m("telemetry_spans_total", "counter", "state", "Spans: produced, spooled, delivered, dropped, quarantined."),
    _m("telemetry_spool_spans", "gauge", "", "Spans that are kept until they are delivered."),
    _m("telemetry_spool_bytes", "gauge", "", "Bytes of what is kept until it is delivered."),
    _m("telemetry_faults_total", "counter", "part", "Faults of telemetry, which no run was affected by."),
    _m("telemetry_series_refused_total", "counter", "metric", "Observations refused by the limit on series."),
    _m("build_info", "gauge", "version python", "Always 1."),
)
"""All of them, in the order of the documentation."""


def metric(name: str) -> Metric:
    """Return the metric of a name, which may lack the prefix.

    Raises:
        KeyError: there is none.
    """
    full = name if name.startswith(PREFIX) else PREFIX + name
    for each in METRICS:
        if each.name == full:
            return each
    raise KeyError(name)
