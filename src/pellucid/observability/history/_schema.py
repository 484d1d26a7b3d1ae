"""The tables of the run history, by version."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from pellucid._util.database import Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

MIGRATIONS: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        1: (
            # Which segments are in here: a segment that is given twice is taken once.
            """CREATE TABLE segments (
                name TEXT PRIMARY KEY, taken_ns INTEGER NOT NULL, spans INTEGER NOT NULL
            ) WITHOUT ROWID""",
            # What was taken, and nobody has looked at yet: encoded spans, each behind its length.
            """CREATE TABLE inbox (
                name TEXT PRIMARY KEY, resource TEXT NOT NULL, spans BLOB NOT NULL
            ) WITHOUT ROWID""",
            "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
            # Numbers for what is long and repeated; a resource goes with its trace.
            "CREATE TABLE traces (id INTEGER PRIMARY KEY, trace_id BLOB NOT NULL UNIQUE)",
            """CREATE TABLE resources (
                id INTEGER PRIMARY KEY, trace INTEGER NOT NULL, attributes TEXT NOT NULL, UNIQUE (trace, attributes)
            )""",
            # With row numbers: faster to add to by a quarter, as the bodies stay out of the tree of the key.
            """CREATE TABLE spans (
                trace INTEGER NOT NULL, span_id BLOB NOT NULL, parent_id BLOB NOT NULL,
                kind TEXT NOT NULL, name TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,
                result TEXT NOT NULL, error_type TEXT NOT NULL, resource INTEGER NOT NULL, body BLOB NOT NULL,
                PRIMARY KEY (trace, span_id)
            )""",
            "CREATE INDEX spans_by_parent ON spans (trace, parent_id)",
            """CREATE TABLE sessions (
                trace INTEGER NOT NULL, span_id BLOB NOT NULL, session_id TEXT NOT NULL, "commit" TEXT NOT NULL,
                PRIMARY KEY (trace, span_id)
            ) WITHOUT ROWID""",
            "CREATE INDEX sessions_by_id ON sessions (session_id)",
            """CREATE TABLE runs (
                trace INTEGER NOT NULL, span_id BLOB NOT NULL, kind TEXT NOT NULL,
                run_id TEXT NOT NULL, session_id TEXT NOT NULL, pipeline TEXT NOT NULL, result TEXT NOT NULL,
                started INTEGER NOT NULL, ended INTEGER NOT NULL, env TEXT NOT NULL, runner TEXT NOT NULL,
                "commit" TEXT NOT NULL, parameters TEXT NOT NULL, nodes INTEGER NOT NULL,
                nodes_done INTEGER NOT NULL DEFAULT 0, nodes_failed INTEGER NOT NULL DEFAULT 0,
                failed_nodes TEXT NOT NULL DEFAULT '[]', error_type TEXT NOT NULL, error_message TEXT NOT NULL,
                resource INTEGER NOT NULL,
                PRIMARY KEY (trace, span_id)
            ) WITHOUT ROWID""",
            "CREATE INDEX runs_by_start ON runs (started)",
            "CREATE INDEX runs_by_pipeline ON runs (pipeline, result, started)",
            "CREATE INDEX runs_by_id ON runs (run_id)",
            "CREATE INDEX runs_by_session ON runs (session_id)",
        ),
    }
)
"""The statements that lead to a version from the one before it."""

HISTORY_SCHEMA = Schema(MIGRATIONS)
"""What is in the file."""
