"""What goes from the run history when it is old, or too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

_LEAST_DAYS_OF_SEGMENTS = 30
_NEVER = (1 << 63) - 1
_DAY_NS = 86_400_000_000_000

_SUBTREE = """
WITH RECURSIVE inside (span_id) AS (
    SELECT :span
    UNION
    SELECT spans.span_id FROM spans JOIN inside ON spans.parent_id = inside.span_id WHERE spans.trace = :trace
)
DELETE FROM spans WHERE trace = :trace AND span_id IN (SELECT span_id FROM inside)
"""

_DELETE_TRACE = (
    "DELETE FROM spans WHERE trace = ?",
    "DELETE FROM sessions WHERE trace = ?",
    "DELETE FROM resources WHERE trace = ?",
    "DELETE FROM traces WHERE id = ?",
)


def prune_runs(connection: sqlite3.Connection, before_ns: int, keep_runs: int, *, dry_run: bool) -> int:
    """Remove runs that started before a time, and the oldest beyond a number, with their spans; return how many.

    Args:
        connection: in a write transaction.
        before_ns: nanoseconds since the epoch.
        keep_runs: how many stay.
        dry_run: only count.
    """
    bound = max(before_ns, _start_of_oldest_kept(connection, keep_runs))
    gone = connection.execute("SELECT trace, span_id, session_id FROM runs WHERE started < ?", (bound,)).fetchall()
    if dry_run:
        return len(gone)
    for trace, span_id, session_id in gone:
        connection.execute(_SUBTREE, {"trace": trace, "span": span_id})
        connection.execute("DELETE FROM runs WHERE trace = ? AND span_id = ?", (trace, span_id))
        if not _has_runs(connection, trace, session_id):
            _remove_session(connection, trace, session_id)
    _remove_traces(connection, bound)
    return len(gone)


def _start_of_oldest_kept(connection: sqlite3.Connection, keep_runs: int) -> int:
    if keep_runs <= 0:
        return _NEVER
    found = connection.execute(
        "SELECT started FROM runs ORDER BY started DESC LIMIT 1 OFFSET ?", (keep_runs - 1,)
    ).fetchone()
    return found[0] if found is not None else 0


def forget_old_segments(connection: sqlite3.Connection, now_ns: int, keep_days: float) -> None:
    """Remove the names of segments that nobody can give a second time any more."""
    days = max(_LEAST_DAYS_OF_SEGMENTS, keep_days)
    connection.execute("DELETE FROM segments WHERE taken_ns < ?", (now_ns - int(days * _DAY_NS),))


def _has_runs(connection: sqlite3.Connection, trace: int, session_id: str) -> bool:
    found = connection.execute("SELECT 1 FROM runs WHERE trace = ? AND session_id = ?", (trace, session_id)).fetchone()
    return found is not None


def _remove_session(connection: sqlite3.Connection, trace: int, session_id: str) -> None:
    sessions = connection.execute(
        "SELECT span_id FROM sessions WHERE trace = ? AND session_id = ?", (trace, session_id)
    ).fetchall()
    for (span_id,) in sessions:
        connection.execute(_SUBTREE, {"trace": trace, "span": span_id})
        connection.execute("DELETE FROM sessions WHERE trace = ? AND span_id = ?", (trace, span_id))


def _remove_traces(connection: sqlite3.Connection, before_ns: int) -> None:
    """Remove old traces in which no run is known, with what is left in them."""
    traces = connection.execute(
        "SELECT id FROM traces WHERE NOT EXISTS (SELECT 1 FROM runs WHERE trace = traces.id)"
        " AND NOT EXISTS (SELECT 1 FROM spans WHERE trace = traces.id AND started >= ?)",
        (before_ns,),
    ).fetchall()
    for statement in _DELETE_TRACE:
        connection.executemany(statement, traces)
