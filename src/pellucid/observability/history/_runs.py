"""Keeps the table of runs true to the spans, in whatever order these come."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from pellucid.observability.history._reading import Opened, opened
from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from pellucid.observability.history._reading import SpanRow

_MOST_NAMED = 20

_INSERT_RUN = """
INSERT OR IGNORE INTO runs (trace, span_id, kind, run_id, session_id, pipeline, result, started, ended, env, runner,
    "commit", parameters, nodes, error_type, error_message, resource)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_OF_RUN = "FROM spans WHERE trace = ? AND parent_id = ? AND kind = 'node'"
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
    _insert(connection, span, inside, _commit(inside, resource))
    # What stood for the session while it seemed to have had no run.
    connection.execute(
        "DELETE FROM runs WHERE session_id = ? AND trace = ? AND kind = 'session'",
        (_text(inside, Attr.SESSION_ID), span.trace),
    )


def _add_session(connection: sqlite3.Connection, span: NewSpan, resource: Mapping[str, Any]) -> None:
    inside = opened(span.row.body)
    connection.execute(
        "INSERT OR IGNORE INTO sessions VALUES (?, ?, ?, ?)",
        (span.trace, span.row.span_id, _text(inside, Attr.SESSION_ID), _commit(inside, resource)),
    )


def _add_failed_session(connection: sqlite3.Connection, span: NewSpan, resource: Mapping[str, Any]) -> None:
    """Let a session that failed before it had a run stand in the list of runs: it is what somebody looks for there."""
    inside = opened(span.row.body)
    session_id = _text(inside, Attr.SESSION_ID)
    has_run = connection.execute(
        "SELECT 1 FROM runs WHERE session_id = ? AND trace = ? AND kind = 'run'", (session_id, span.trace)
    ).fetchone()
    if has_run is None:
        _insert(connection, span, inside, _commit(inside, resource))


def _insert(connection: sqlite3.Connection, span: NewSpan, inside: Opened, commit: str) -> None:
    row, session_id = span.row, _text(inside, Attr.SESSION_ID)
    connection.execute(
        _INSERT_RUN,
        (
            span.trace,
            row.span_id,
            row.kind,
            _text(inside, Attr.PIPELINE_RUN_ID) or session_id or row.span_id.hex(),
            session_id,
            _text(inside, Attr.PIPELINE_NAME),
            row.result or _text(inside, Attr.PIPELINE_RESULT) or ("error" if row.error_type else "success"),
            row.started_ns,
            row.ended_ns,
            _text(inside, Attr.ENV),
            _text(inside, Attr.RUNNER),
            commit,
            _parameters(inside.attributes.get(Attr.PARAMETERS)),
            _number(inside.attributes.get(Attr.NODE_COUNT)),
            row.error_type,
            inside.error_message,
            span.resource,
        ),
    )


def _count_nodes(connection: sqlite3.Connection, trace: int, run: bytes) -> None:
    counts: dict[str, int] = dict(connection.execute(_COUNT_NODES, (trace, run)).fetchall())
    failed = connection.execute(_FAILED_NODES, (trace, run, _MOST_NAMED)).fetchall()
    names = [_text(opened(body), Attr.TASK_NAME) or name for name, body in failed]
    connection.execute(
        "UPDATE runs SET nodes = max(nodes, ?), nodes_done = ?, nodes_failed = ?, failed_nodes = ? "
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
    return _text(inside, Attr.VCS_REVISION) or str(resource.get(Attr.VCS_REVISION) or "")


def _text(inside: Opened, name: str) -> str:
    value = inside.attributes.get(name, "")
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 1 << 63 else 0


def _parameters(value: object) -> str:
    """Return JSON of an object, whatever was given."""
    if not isinstance(value, str) or not value:
        return "{}"
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return json.dumps({"": value})  # cut off by a limit on lengths
    return value if isinstance(found, dict) else json.dumps({"": found})
