"""Questions to the run history."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from sys import intern
from typing import TYPE_CHECKING, Any

from pellucid._util.suggest import nearest
from pellucid.observability.history._errors import NoSuchRunError
from pellucid.observability.history._model import NO_SUCCESS, NodeCounts, RunSummary, StoredSpan
from pellucid.observability.history._reading import opened
from pellucid.observability.history._runs import selection_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

_MOST_CANDIDATES = 5
_MOST_COMPARED = 1000

_TRACE = re.compile("[0-9a-fA-F]{4,32}")

_RUN = """
SELECT runs.*, traces.trace_id, resources.attributes, spans.body,
    (SELECT "commit" FROM sessions WHERE sessions.session_id = runs.session_id AND "commit" != '') AS session_commit
FROM runs JOIN traces ON traces.id = runs.trace LEFT JOIN resources ON resources.id = runs.resource
    LEFT JOIN spans ON spans.trace = runs.trace AND spans.span_id = runs.span_id
"""

_TREE = """
WITH RECURSIVE inside (span_id, number) AS (
    SELECT :span, (SELECT rowid FROM spans WHERE trace = :trace AND span_id = :span)
    UNION
    SELECT spans.span_id, spans.rowid FROM inside JOIN spans
    ON spans.trace = :trace AND spans.parent_id = inside.span_id
)
SELECT spans.span_id, spans.parent_id, spans.kind, spans.name, spans.started, spans.ended, spans.result,
    spans.error_type, spans.body, spans.resource
FROM inside CROSS JOIN spans ON spans.rowid = inside.number
"""

_EVERY = """
SELECT traces.trace_id, spans.span_id, spans.parent_id, spans.kind, spans.name, spans.started, spans.ended,
    spans.result, spans.error_type, spans.body, resources.attributes
FROM spans JOIN traces ON traces.id = spans.trace LEFT JOIN resources ON resources.id = spans.resource
ORDER BY spans.started, spans.ended DESC, spans.rowid
"""


@dataclass(frozen=True)
class Filters:
    """Which runs are asked for.

    Attributes:
        pipeline: its name; None is any.
        result: None is any.
        since_ns: those that started then or later, in nanoseconds since the epoch.
        until_ns: those that started before.
        limit: how many, the latest first; None is all.
    """

    pipeline: str | None = None
    result: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    limit: int | None = 50

    def fit(self, run: RunSummary) -> bool:
        """Tell whether a run is one of those."""
        return (
            self.pipeline in (None, run.pipeline)
            and self.result in (None, run.result)
            and (self.since_ns is None or run.started_ns >= self.since_ns)
            and (self.until_ns is None or run.started_ns < self.until_ns)
        )


def list_runs(connection: sqlite3.Connection, filters: Filters) -> list[RunSummary]:
    """Return runs, the latest first."""
    wanted = {
        "runs.pipeline = ?": filters.pipeline,
        "runs.result = ?": filters.result,
        "runs.started >= ?": filters.since_ns,
        "runs.started < ?": filters.until_ns,
    }
    given = {condition: value for condition, value in wanted.items() if value is not None}
    limit = -1 if filters.limit is None else max(0, filters.limit)
    return _selected(connection, " AND ".join(given) or "1", [*given.values(), limit], "LIMIT ?")


def find_run(connection: sqlite3.Connection, text: str) -> RunSummary:
    """Return the run that a text means.

    Raises:
        NoSuchRunError: there is none, or several.
    """
    found: list[RunSummary] = []
    if text == "last":
        found = _selected(connection, "1", [], "LIMIT 1")
    elif text == "last-failed":
        found = _selected(connection, f"runs.result IN ({_marks(NO_SUCCESS)})", NO_SUCCESS, "LIMIT 1")
    elif text:
        found = _by_id(connection, text)
    if not found:
        nearby = () if text in {"last", "last-failed"} else nearest(text, _known_ids(connection))
        raise NoSuchRunError(text, nearest=nearby)
    return found[0]


def _by_id(connection: sqlite3.Connection, text: str) -> list[RunSummary]:
    # Ids that are the same, as of a run that was resumed under its id: the latest.
    exact = _selected(connection, "runs.run_id = ?", [text], "LIMIT 1")
    if exact:
        return exact
    after = text + "\U0010ffff"
    found = _selected(connection, "runs.run_id >= ? AND runs.run_id < ?", [text, after], f"LIMIT {_MOST_CANDIDATES}")
    if not found and _TRACE.fullmatch(text):
        found = _selected(connection, "hex(traces.trace_id) LIKE ? || '%'", [text], f"LIMIT {_MOST_CANDIDATES}")
    if len({each.run_id for each in found}) > 1:
        raise NoSuchRunError(text, candidates=[each.run_id for each in found])
    return found


def _known_ids(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT run_id FROM runs ORDER BY started DESC LIMIT ?", (_MOST_COMPARED,))
    return [run_id for (run_id,) in rows]


def span_tree(connection: sqlite3.Connection, run: RunSummary) -> list[StoredSpan]:
    """Return the spans below a run's span, and those of its session if that had no other run, by start."""
    found = connection.execute("SELECT id FROM traces WHERE trace_id = ?", (run.trace_id,)).fetchone()
    if found is None:
        return []
    trace = int(found[0])
    root = _root_of(connection, trace, run)
    spans = _tree(connection, trace, root)
    if root != run.span_id and all(each.span_id != run.span_id for each in spans):
        spans = _tree(connection, trace, run.span_id)
    return spans


def every_span(connection: sqlite3.Connection) -> list[StoredSpan]:
    """Return all spans by start, those that belong to no run among them."""
    rows = connection.execute(_EVERY).fetchall()
    return [replace(StoredSpan(*row[:10]), resource=json.loads(row[10] or "{}")) for row in rows]


def _tree(connection: sqlite3.Connection, trace: int, root: bytes) -> list[StoredSpan]:
    trace_id = connection.execute("SELECT trace_id FROM traces WHERE id = ?", (trace,)).fetchone()[0]
    texts = connection.execute("SELECT id, attributes FROM resources WHERE trace = ?", (trace,))
    resources: dict[int, dict[str, Any]] = {number: json.loads(text or "{}") for number, text in texts}
    spans = []
    for row in connection.execute(_TREE, {"trace": trace, "span": root}):
        span_id, parent_id, kind, name, started, ended, result, error_type, body, resource = row
        known, kind, result = resources.get(resource, {}), intern(kind), intern(result)
        spans.append(
            StoredSpan(trace_id, span_id, parent_id, kind, name, started, ended, result, error_type, body, known)
        )
    # Here, and not by SQLite: that would write all of it to a file and read it again.
    return sorted(spans, key=lambda each: (each.started_ns, -each.ended_ns))


def _root_of(connection: sqlite3.Connection, trace: int, run: RunSummary) -> bytes:
    if not run.session_id:
        return run.span_id
    (runs,) = connection.execute(
        "SELECT count(*) FROM runs WHERE session_id = ? AND trace = ?", (run.session_id, trace)
    ).fetchone()
    found = connection.execute(
        "SELECT span_id FROM sessions WHERE session_id = ? AND trace = ?", (run.session_id, trace)
    ).fetchone()
    return found[0] if found is not None and runs == 1 else run.span_id


def node_seconds(
    connection: sqlite3.Connection, pipeline: str, names: Sequence[str], most_runs: int
) -> dict[str, float]:
    """Return the median seconds of nodes in the latest successful runs of a pipeline."""
    runs = connection.execute(
        "SELECT trace, span_id FROM runs WHERE pipeline = ? AND result = 'success' ORDER BY started DESC LIMIT ?",
        (pipeline, most_runs),
    ).fetchall()
    wanted = set(names)
    seconds: dict[str, list[float]] = {}
    for run in runs:
        nodes = connection.execute(
            "SELECT name, ended - started FROM spans "
            "WHERE trace = ? AND parent_id = ? AND kind = 'node' AND result = 'success'",
            run,
        )
        for name, duration in nodes:
            if name in wanted:
                seconds.setdefault(name, []).append(max(0, duration) / 1e9)
    from statistics import median

    return {name: median(each) for name, each in seconds.items()}


def _selected(connection: sqlite3.Connection, condition: str, values: Sequence[object], tail: str) -> list[RunSummary]:
    import sqlite3

    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    rows = cursor.execute(f"{_RUN} WHERE {condition} ORDER BY runs.started DESC, runs.ended DESC {tail}", tuple(values))
    return [_summary(row) for row in rows]


def _summary(row: sqlite3.Row) -> RunSummary:
    return RunSummary(
        run_id=row["run_id"],
        session_id=row["session_id"],
        pipeline=row["pipeline"],
        result=row["result"],
        started_ns=row["started"],
        ended_ns=row["ended"],
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        env=row["env"],
        runner=row["runner"],
        commit=row["commit"] or row["session_commit"] or "",
        parameters=json.loads(row["parameters"]),
        selection=selection_of(opened(row["body"] or b"")),
        nodes=NodeCounts(row["nodes"], row["nodes_done"], row["nodes_failed"]),
        error_type=row["error_type"],
        error_message=row["error_message"],
        failed_nodes=tuple(json.loads(row["failed_nodes"])),
        resource=json.loads(row["attributes"] or "{}"),
    )


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
