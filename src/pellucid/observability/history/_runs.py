"""Keeps the table of runs true to the spans, in whatever order these come."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from pellucid.observability.history._model import NodeCounts, RunSummary, Selection
from pellucid.observability.history._reading import opened
from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from pellucid.observability.history._model import StoredSpan
    from pellucid.observability.history._reading import Opened, SpanRow

_MOST_NAMED = 20

_INSERT_RUN = """
INSERT OR IGNORE INTO runs (trace, span_id, kind, run_id, session_id, pipeline, result, started, ended, env, runner,
    "commit", parameters, nodes, nodes_done, error_type, error_message, resource)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_OF_RUN = "FROM spans WHERE trace = ? AND parent_id = ? AND kind = 'node'"
_HAS_RUN = "SELECT 1 FROM runs WHERE trace = ? AND span_id = ?"
_COUNT_NODES = f"SELECT result, count(DISTINCT name) {_OF_RUN} GROUP BY result"
_FAILED_NODES = f"SELECT name, body {_OF_RUN} AND result NOT IN ('success', 'skip', '') ORDER BY ended, started LIMIT ?"


class NewSpan(NamedTuple):
    """A span that was not here before."""

    trace: int
    resource: int
    row: SpanRow


def keep_current(connection: sqlite3.Connection, spans: Iterable[NewSpan], resource: Mapping[str, Any]) -> None:
    """Bring the runs up to date with spans that were just added.

    Args:
        connection: in a write transaction.
        spans: the new ones; those that are no session, run or node do not matter.
        resource: of the process that made them.
    """
    touched: dict[tuple[int, bytes], None] = {}
    failed_sessions: list[NewSpan] = []
    for span in spans:
        row = span.row
        if row.kind == "node":
            touched[span.trace, row.parent_id] = None
        elif row.kind == "run":
            _add_run(connection, span, resource)
            touched[span.trace, row.span_id] = None
        else:
            _add_session(connection, span, resource)
            if row.result not in {"success", ""}:
                failed_sessions.append(span)
    for span in failed_sessions:
        _add_failed_session(connection, span, resource)
    for trace, span_id in touched:
        _count_nodes(connection, trace, span_id)


def _add_run(connection: sqlite3.Connection, span: NewSpan, resource: Mapping[str, Any]) -> None:
    inside = opened(span.row.body)
    _insert(connection, span, inside, resource)
    # What stood for the session while it seemed to have had no run.
    connection.execute(
        "DELETE FROM runs WHERE session_id = ? AND trace = ? AND kind = 'session'",
        (inside.text(Attr.SESSION_ID), span.trace),
    )


def _add_session(connection: sqlite3.Connection, span: NewSpan, resource: Mapping[str, Any]) -> None:
    inside = opened(span.row.body)
    connection.execute(
        "INSERT OR IGNORE INTO sessions VALUES (?, ?, ?, ?)",
        (span.trace, span.row.span_id, inside.text(Attr.SESSION_ID), _commit(inside, resource)),
    )


def _add_failed_session(connection: sqlite3.Connection, span: NewSpan, resource: Mapping[str, Any]) -> None:
    """Let a session that failed before it had a run stand in the list of runs: it is what somebody looks for there."""
    inside = opened(span.row.body)
    session_id = inside.text(Attr.SESSION_ID)
    has_run = connection.execute(
        "SELECT 1 FROM runs WHERE session_id = ? AND trace = ? AND kind = 'run'", (session_id, span.trace)
    ).fetchone()
    if has_run is None:
        _insert(connection, span, inside, resource)


def summary_of(row: SpanRow | StoredSpan, inside: Opened, resource: Mapping[str, Any]) -> RunSummary:
    """Return what the span of a run, or of a session that failed before it had one, tells of itself."""
    session_id = inside.text(Attr.SESSION_ID)
    return RunSummary(
        run_id=inside.text(Attr.PIPELINE_RUN_ID) or session_id or row.span_id.hex(),
        session_id=session_id,
        pipeline=inside.text(Attr.PIPELINE_NAME),
        result=row.result or inside.text(Attr.PIPELINE_RESULT) or ("error" if row.error_type else "success"),
        started_ns=row.started_ns,
        ended_ns=row.ended_ns,
        trace_id=row.trace_id,
        span_id=row.span_id,
        env=inside.text(Attr.ENV),
        runner=inside.text(Attr.RUNNER),
        commit=_commit(inside, resource),
        parameters=inside.mapping(Attr.PARAMETERS),
        selection=selection_of(inside),
        # Of nodes that were lost as the spool was full it is what the run says of itself that tells.
        nodes=NodeCounts(inside.number(Attr.NODE_COUNT), inside.number(Attr.NODE_DONE_COUNT)),
        error_type=row.error_type,
        error_message=inside.error_message,
        resource=resource,
    )


def selection_of(inside: Opened) -> Selection:
    """Return which part of its pipeline a run was about."""
    return Selection(inside.mapping(Attr.SELECTION), inside.number(Attr.PIPELINE_NODE_COUNT))


def _insert(connection: sqlite3.Connection, span: NewSpan, inside: Opened, resource: Mapping[str, Any]) -> None:
    run = summary_of(span.row, inside, resource)
    connection.execute(
        _INSERT_RUN,
        (
            span.trace,
            run.span_id,
            span.row.kind,
            run.run_id,
            run.session_id,
            run.pipeline,
            run.result,
            run.started_ns,
            run.ended_ns,
            run.env,
            run.runner,
            run.commit,
            json.dumps(run.parameters),
            run.nodes.total,
            run.nodes.done,
            run.error_type,
            run.error_message,
            span.resource,
        ),
    )


def _count_nodes(connection: sqlite3.Connection, trace: int, run: bytes) -> None:
    # The span of a run that comes in many parts is in the last: until then there is nothing to bring up to date.
    if connection.execute(_HAS_RUN, (trace, run)).fetchone() is None:
        return
    counts: dict[str, int] = dict(connection.execute(_COUNT_NODES, (trace, run)).fetchall())
    failed = connection.execute(_FAILED_NODES, (trace, run, _MOST_NAMED)).fetchall()
    names = [opened(body).text(Attr.TASK_NAME) or name for name, body in failed]
    connection.execute(
        "UPDATE runs SET nodes = max(nodes, ?), nodes_done = max(nodes_done, ?), nodes_failed = ?, failed_nodes = ? "
        "WHERE trace = ? AND span_id = ?",
        (
            sum(counts.values()),
            counts.get("success", 0),
            sum(number for result, number in counts.items() if result not in {"success", "skip", ""}),
            json.dumps(names),
            trace,
            run,
        ),
    )


def _commit(inside: Opened, resource: Mapping[str, Any]) -> str:
    return inside.text(Attr.VCS_REVISION) or str(resource.get(Attr.VCS_REVISION) or "")
