"""Which span saved what is loaded later in the same run."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pellucid.observability.records import SpanRecord

_MOST_DATASETS = 10_000
_MOST_RUNS = 256
_TRANSCODED = "@"
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Saves:
    """Links each load to the span that saved the dataset before it: in the same run, and in the same process.

    It is bounded: in a run with more than 10,000 saved datasets the loads of the others have no link.
    """

    def __init__(self) -> None:
        self._runs: dict[str, dict[str, bytes]] = {}

    def link(self, load: SpanRecord) -> None:
        """Link a load that begins."""
        saved = self._runs.get(load.scope.run_id)
        if saved:
            span_id = saved.get(load.dataset.partition(_TRANSCODED)[0])
            if span_id is not None:
                load.links.append((load.scope.trace_id, span_id, _NOTHING))

    def note(self, save: SpanRecord) -> None:
        """Take note of a save that was done."""
        run_id, dataset = save.scope.run_id, save.dataset.partition(_TRANSCODED)[0]
        saved = self._runs.get(run_id)
        if saved is None:
            if len(self._runs) >= _MOST_RUNS:
                self._runs.clear()
            saved = self._runs[run_id] = {}
        if len(saved) < _MOST_DATASETS or dataset in saved:
            saved[dataset] = save.span_id

    def forget(self, run: SpanRecord) -> None:
        """Forget a run that has ended."""
        self._runs.pop(run.scope.run_id, None)
