"""The totals, with what becomes of spans among them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pellucid.observability.flow._spool import sampled_in
from pellucid.observability.flow._uncounted import WithUncounted
from pellucid.observability.metrics import Deltas, TotalsStore

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pellucid.observability.metrics import Totals
    from pellucid.observability.spool import Segment

_SPANS = "telemetry_spans_total"

_BUSY_SECONDS = 1.0
"""How long other processes are waited for."""


class CountedTotals:
    """Takes segments into the totals, and counts their spans as produced.

    Args:
        path: of the file.
        series_limit: the most series of one metric.
    """

    def __init__(self, path: Path, series_limit: int) -> None:
        self._store = TotalsStore(path, series_limit=series_limit)

    def take(self, segment: Segment) -> None:
        """Count what is in a segment, once, unless its session was to count nothing."""
        if segment.header.get("metrics") is False:
            return
        spooled = sampled_in(segment) if segment.header.get("traces") is True else 0
        self._store.take(
            WithUncounted(segment) if segment.is_torn else segment.as_kept(),
            is_counting_spans=True,
            also=_deltas({"spooled": spooled}),
            deadline=time.monotonic() + _BUSY_SECONDS,
        )

    def count(self, states: Mapping[str, int]) -> None:
        """Add to the spans in some states."""
        self._store.add(_deltas(states), deadline=time.monotonic() + _BUSY_SECONDS)

    def read(self) -> Totals:
        """Return all totals as they are now."""
        return self._store.read(deadline=time.monotonic() + _BUSY_SECONDS)

    def prune(self, days: float) -> None:
        """Forget the series of what did not occur for so many days."""
        self._store.tidy(days, deadline=time.monotonic() + _BUSY_SECONDS)


def _deltas(states: Mapping[str, int]) -> Deltas:
    deltas = Deltas()
    for state, number in states.items():
        deltas.count(_SPANS, number, state=state)
    return deltas
