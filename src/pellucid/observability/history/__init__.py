"""The run history: what is known of earlier runs of a project, in one file."""

from typing import TYPE_CHECKING

from pellucid._util.lazily import names_from
from pellucid.observability.history._errors import HistoryError, NewerHistoryError, NoSuchRunError
from pellucid.observability.history._model import RUNNING, NodeCounts, RunSummary, Selection, StoredSpan
from pellucid.observability.history._queries import Filters
from pellucid.observability.history._schema import HISTORY_SCHEMA
from pellucid.observability.history._store import HistoryStore

if TYPE_CHECKING:
    from pellucid.observability.history._analysis import Shares, shares, slowest
    from pellucid.observability.history._current import CurrentRuns, LiveSpans
    from pellucid.observability.history._diff import Change, DatasetChange, NodeChange, RunDiff, diff_runs, flattened
    from pellucid.observability.history._expected import expected_node_seconds
    from pellucid.observability.history._export import export_json
    from pellucid.observability.history._graph import NodeWork, critical_path, node_works

__all__ = [
    "HISTORY_SCHEMA",
    "RUNNING",
    "Change",
    "CurrentRuns",
    "DatasetChange",
    "Filters",
    "HistoryError",
    "HistoryStore",
    "LiveSpans",
    "NewerHistoryError",
    "NoSuchRunError",
    "NodeChange",
    "NodeCounts",
    "NodeWork",
    "RunDiff",
    "RunSummary",
    "Selection",
    "Shares",
    "StoredSpan",
    "critical_path",
    "diff_runs",
    "expected_node_seconds",
    "export_json",
    "flattened",
    "node_works",
    "shares",
    "slowest",
]

# What a run has no use for is imported when it is asked for.
__getattr__ = names_from(
    __name__,
    {
        "_analysis": ("Shares", "shares", "slowest"),
        "_current": ("CurrentRuns", "LiveSpans"),
        "_diff": ("Change", "DatasetChange", "NodeChange", "RunDiff", "diff_runs", "flattened"),
        "_export": ("export_json",),
        "_expected": ("expected_node_seconds",),
        "_graph": ("NodeWork", "critical_path", "node_works"),
    },
)
