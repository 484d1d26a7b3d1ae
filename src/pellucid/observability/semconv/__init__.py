"""Every name that telemetry uses: attributes, metrics, log events. The documentation is generated from here."""

from pellucid.observability.semconv._events import EVENTS, Event
from pellucid.observability.semconv._metrics import METRICS, OPERATIONS, PREFIX, RESULTS, SPAN_STATES, Metric, metric
from pellucid.observability.semconv._names import ATTRIBUTES, Attr

__all__ = [
    "ATTRIBUTES",
    "EVENTS",
    "METRICS",
    "OPERATIONS",
    "PREFIX",
    "RESULTS",
    "SPAN_STATES",
    "Attr",
    "Event",
    "Metric",
    "metric",
]
