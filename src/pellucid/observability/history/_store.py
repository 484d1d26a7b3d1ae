"""The run history of a project: one SQLite file, written by whoever finds what runs have left."""

from __future__ import annotations

import json
import time
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from pellucid.observability.history._database import CorruptHistoryError, Database, count
from pellucid.observability.history._pruning import forget_old_segments, prune_runs
from pellucid.observability.history._queries import Filters, every_span, find_run, list_runs, node_seconds, span_tree
from pellucid.observability.history._reading import span_row
from pellucid.observability.history._runs import NewSpan, keep_current

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pellucid.observability.history._model import RunSummary, StoredSpan
    from pellucid.observability.history._reading import SpanRow

_END = "END"
_SPANS = 1  # the number of the stream; recording.STREAM_SPANS, without importing what a session needs
_BATCH = 500
_VACUUM_PAGES = 2000


class FrameLike(Protocol):
    """What is read of a frame of the spool."""

    @property
    def kind(self) -> Any:
        """A member of an enumeration; that of an end is named ``END``."""

    @property
    def stream(self) -> int:
        """Its number."""

    @property
    def payload(self) -> bytes:
        """For an end in the stream of spans, an encoded OTLP ``Span``."""


class SegmentLike(Protocol):
    """What is read of a segment of the spool."""

    @property
    def name(self) -> str:
        """Tells it from all others."""

    @property
    def header(self) -> Mapping[str, Any]:
        """With the attributes of the process under ``resource``."""

    def frames(self) -> Iterable[FrameLike]:
        """Yield the frames, in order."""


class HistoryStore:
    """The run history.

    The file, its tables and its folder are made by the first ``take``; what only reads makes nothing. A connection is
    open only while a method runs, so a store may be shared by threads and inherited over a fork.

    Args:
        path: the file.
        busy_seconds: how long to wait for another process that writes.
    """

    def __init__(self, path: Path, *, busy_seconds: float = 5.0) -> None:
        self.path = path
        self._database = Database(path, busy_seconds)

    # ------------------------------------------------------------------ writing

    def take(self, segment: SegmentLike) -> int:
        """Add the ended spans of a segment, all or none, and return how many were new; a second time, none.

        Raises:
            NewerHistoryError: the file is of a later version.
            HistoryError: the file cannot be written to, or is busy for too long. Nothing was taken.
        """
        try:
            return self._take(segment)
        except CorruptHistoryError:
            self._database.set_aside()
            return self._take(segment, has_set_aside=True)

    def prune(self, keep_days: float, keep_runs: int, *, dry_run: bool = False, now_ns: int | None = None) -> int:
        """Remove runs that are older, and the oldest of those that are more; give room back to the system.

        Args:
            keep_days: of the start of a run.
            keep_runs: how many.
            dry_run: only tell.
            now_ns: nanoseconds since the epoch; None is now.

        Returns:
            how many runs were removed, or would be.

        Raises:
            HistoryError: the file cannot be written to, or is busy for too long.
        """
        if not self.path.exists():
            return 0
        now = time.time_ns() if now_ns is None else now_ns
        before = now - int(keep_days * 86_400e9)
        with self._database.writing() as connection:
            pruned = prune_runs(connection, before, keep_runs, dry_run=dry_run)
            if not dry_run:
                forget_old_segments(connection, now, keep_days)
        if pruned and not dry_run:
            self._vacuum()
        return pruned

    def _take(self, segment: SegmentLike, *, has_set_aside: bool = False) -> int:
        with self._database.writing() as connection:
            if has_set_aside:
                count(connection, "corrupt_files")
            cursor = connection.execute(
                "INSERT OR IGNORE INTO segments VALUES (?, ?, 0)", (segment.name, time.time_ns())
            )
            if not cursor.rowcount:
                return 0
            added, malformed = _Ingest(connection, _resource_of(segment.header)).add(_bodies(segment))
            connection.execute("UPDATE segments SET spans = ? WHERE name = ?", (added, segment.name))
            if malformed:
                count(connection, "malformed_spans", malformed)
            return added

    def _vacuum(self) -> None:
        """Give free pages back, a bounded number of them; the rest next time."""
        with self._database.outside_transaction() as connection:
            connection.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    # ------------------------------------------------------------------ reading

    def runs(self, filters: Filters | None = None) -> list[RunSummary]:
        """Return runs, the latest first.

        Raises:
            HistoryError: the file cannot be read.
        """
        with self._database.reading() as connection:
            return [] if connection is None else list_runs(connection, filters or Filters())

    def find(self, text: str = "last") -> RunSummary:
        """Return one run.

        Args:
            text: its id or trace id, or as much of its beginning as no other has; ``last``, or ``last-failed``.

        Raises:
            NoSuchRunError: there is none, or several.
            HistoryError: the file cannot be read.
        """
        with self._database.reading() as connection:
            return find_run(connection, text)

    def spans(self, run: RunSummary) -> list[StoredSpan]:
        """Return the spans of a run by start: those of its session too, if that had no other run.

        Raises:
            HistoryError: the file cannot be read.
        """
        with self._database.reading() as connection:
            return [] if connection is None else span_tree(connection, run)

    def every_span(self) -> list[StoredSpan]:
        """Return all spans by start, those that belong to no run among them; for histories that are small.

        Raises:
            HistoryError: the file cannot be read.
        """
        with self._database.reading() as connection:
            return [] if connection is None else every_span(connection)

    def node_seconds(self, pipeline: str, names: Sequence[str], *, runs: int = 10) -> dict[str, float]:
        """Return the median seconds that nodes took in the latest successful runs of a pipeline.

        Args:
            pipeline: its name.
            names: of nodes; what none of these runs had is left out.
            runs: how many to look at.

        Raises:
            HistoryError: the file cannot be read.
        """
        with self._database.reading() as connection:
            return {} if connection is None else node_seconds(connection, pipeline, names, runs)

    def counters(self) -> dict[str, int]:
        """Return what went wrong so far: ``corrupt_files`` set aside, ``malformed_spans`` left out.

        Raises:
            HistoryError: the file cannot be read.
        """
        with self._database.reading() as connection:
            return {} if connection is None else dict(connection.execute("SELECT name, value FROM counters"))

    def has_taken(self, segment_name: str) -> bool:
        """Tell whether a segment is in here.

        Raises:
            HistoryError: the file cannot be read.
        """
        with self._database.reading() as connection:
            if connection is None:
                return False
            found = connection.execute("SELECT 1 FROM segments WHERE name = ?", (segment_name,)).fetchone()
            return found is not None


class _Ingest:
    """Adds the spans of one segment."""

    def __init__(self, connection: sqlite3.Connection, resource: Mapping[str, Any]) -> None:
        self._connection = connection
        self._resource = resource
        self._resource_text = json.dumps(resource, sort_keys=True)
        self._numbers: dict[bytes, tuple[int, int]] = {}  # of a trace, and of the resource in it

    def add(self, bodies: Iterator[bytes]) -> tuple[int, int]:
        """Add them, and return how many were new, and how many could not be read."""
        added = malformed = 0
        shaping: list[NewSpan] = []
        while chunk := list(islice(bodies, _BATCH)):
            batch = [row for row in map(span_row, chunk) if row is not None]
            malformed += len(chunk) - len(batch)
            added += self._insert(batch)
            shaping += self._shaping(batch)
        keep_current(self._connection, shaping, self._resource)
        return added, malformed

    def _insert(self, batch: list[SpanRow]) -> int:
        numbers = self._numbers
        for trace_id in {row.trace_id for row in batch} - numbers.keys():
            numbers[trace_id] = self._number(trace_id)
        cursor = self._connection.executemany(
            "INSERT OR IGNORE INTO spans (trace, resource, span_id, parent_id, kind, name, started, ended, result, "
            "error_type, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [numbers[row[0]] + row[1:] for row in batch],
        )
        return cursor.rowcount

    def _shaping(self, batch: list[SpanRow]) -> Iterator[NewSpan]:
        """Yield what decides on runs: sessions, runs, and of each run one node."""
        # Of one that was here before, the same is found again: no harm in looking twice.
        numbers = self._numbers
        nodes: dict[bytes, SpanRow] = {}
        for row in batch:
            if row.kind in {"session", "run"}:
                yield NewSpan(*numbers[row.trace_id], row)
            elif row.kind == "node":
                nodes[row.parent_id] = row
        for row in nodes.values():
            yield NewSpan(*numbers[row.trace_id], row)

    def _number(self, trace_id: bytes) -> tuple[int, int]:
        connection, text = self._connection, self._resource_text
        connection.execute("INSERT OR IGNORE INTO traces (trace_id) VALUES (?)", (trace_id,))
        (trace,) = connection.execute("SELECT id FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()
        connection.execute("INSERT OR IGNORE INTO resources (trace, attributes) VALUES (?, ?)", (trace, text))
        (resource,) = connection.execute(
            "SELECT id FROM resources WHERE trace = ? AND attributes = ?", (trace, text)
        ).fetchone()
        return int(trace), int(resource)


def _bodies(segment: SegmentLike) -> Iterator[bytes]:
    for frame in segment.frames():
        if frame.stream == _SPANS and frame.kind.name == _END:
            yield frame.payload


def _resource_of(header: Mapping[str, Any]) -> dict[str, Any]:
    found = header.get("resource")
    return dict(found) if isinstance(found, dict) else {}
