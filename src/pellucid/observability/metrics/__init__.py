"""Metrics: what is counted, kept over processes, and rendered for Prometheus."""

from pellucid.observability.metrics._database import TOTALS_SCHEMA
from pellucid.observability.metrics._events import run_started, seal
from pellucid.observability.metrics._filling import Filling
from pellucid.observability.metrics._render import LiveState, registry, render
from pellucid.observability.metrics._series import Deltas, Exemplar
from pellucid.observability.metrics._totals import TotalsError, TotalsStore
from pellucid.observability.metrics._view import Totals

__all__ = [
    "TOTALS_SCHEMA",
    "Deltas",
    "Exemplar",
    "Filling",
    "LiveState",
    "Totals",
    "TotalsError",
    "TotalsStore",
    "registry",
    "render",
    "run_started",
    "seal",
]
