"""Metrics: what is counted, kept over processes, and rendered for Prometheus."""

from typing import TYPE_CHECKING

from pellucid._util.lazily import names_from
from pellucid.observability.metrics._database import TOTALS_SCHEMA
from pellucid.observability.metrics._series import Deltas, Exemplar
from pellucid.observability.metrics._totals import TotalsError, TotalsStore
from pellucid.observability.metrics._view import Totals

if TYPE_CHECKING:
    from pellucid.observability.metrics._events import event_of_node, run_started, seal
    from pellucid.observability.metrics._filling import Filling
    from pellucid.observability.metrics._render import LiveState, registry, render

__all__ = [
    "TOTALS_SCHEMA",
    "Deltas",
    "Exemplar",
    "Filling",
    "LiveState",
    "Totals",
    "TotalsError",
    "TotalsStore",
    "event_of_node",
    "registry",
    "render",
    "run_started",
    "seal",
]

# What a run has no use for is imported when it is asked for.
__getattr__ = names_from(
    __name__,
    {
        "_events": ("event_of_node", "run_started", "seal"),
        "_filling": ("Filling",),
        "_render": ("LiveState", "registry", "render"),
    },
)
