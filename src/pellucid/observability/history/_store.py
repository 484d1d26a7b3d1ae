"""The run history of a project: one SQLite file, written by whoever finds what runs have left."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pellucid.observability.history._database import Database
from pellucid.observability.history._errors import HistoryError, NoSuchRunError
from pellucid.observability.history._inbox import put, sizes, sort_one
from pellucid.observability.history._pruning import forget_old_segments, prune_runs
from pellucid.observability.history._queries import Filters, every_span, find_run, list_runs, node_seconds, span_tree
from pellucid.observability.spool import BUNDLE, FrameKind

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pellucid.observability.history._model import RunSummary, StoredSpan

_SPANS, _BUNDLES = 1, BUNDLE | 1  # those of the recording, without importing what a session needs
_VACUUM_PAGES = 2000
_MOST_UNSORTED = 500
_MOST_UNSORTED_BYTES = 16 * 1024 * 1024
_QUICKLY_SORTED_BYTES = 1024 * 1024

_T = TypeVar("_T")


class FrameLike(Protocol):
    """What is read of a frame of the spool."""

    @property
    def kind(self) -> Any:
        """A member of ``FrameKind``."""

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
        """Add the ended spans of a segment, all or none, and return how many; a second time, none.

        They are kept as they are, until somebody looks.

        Raises:
            NewerHistoryError: the file is of a later version.
            HistoryError: the file cannot be written to, or is busy for too long. Nothing was taken.
        """
        return self._database.write(lambda connection: _take(connection, segment))

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
        self._sort()
        return self._prune(keep_days, keep_runs, dry_run=dry_run, now_ns=now_ns)

    def tidy(self, keep_days: float, keep_runs: int) -> None:
        """Do what ``prune`` does, at the end of a run: what nobody has looked at is left as it is, unless it is much.

        Raises:
            HistoryError: the file cannot be written to, or is busy for too long.
        """
        if self.path.exists():
            number, size = self._database.read(sizes) or (0, 0)
            if number > _MOST_UNSORTED or size > _MOST_UNSORTED_BYTES:
                self._sort()
            self._prune(keep_days, keep_runs)

    def _prune(self, keep_days: float, keep_runs: int, *, dry_run: bool = False, now_ns: int | None = None) -> int:
        now = time.time_ns() if now_ns is None else now_ns
        before = now - int(keep_days * 86_400e9)

        def work(connection: sqlite3.Connection) -> int:
            if not dry_run:
                forget_old_segments(connection, now, keep_days)
            return prune_runs(connection, before, keep_runs, dry_run=dry_run)

        pruned = self._database.write(work)
        if pruned and not dry_run:
            self._database.give_back(_VACUUM_PAGES)  # the rest next time
        return pruned

    # ------------------------------------------------------------------ reading

    def _sort(self, most_bytes: int | None = None) -> None:
        """Sort what was taken into the tables, unless it is more than so many bytes.

        One segment at a time, so that nobody waits for long. Where that is not possible, what is sorted is read.
        """
        with suppress(HistoryError):
            number, size = self._database.read(sizes) or (0, 0)
            if number and (most_bytes is None or size <= most_bytes):
                while self._database.write(sort_one):
                    pass

    def _read(self, work: Callable[[sqlite3.Connection], _T]) -> _T | None:
        self._sort()
        return self._database.read(work)

    def runs(self, filters: Filters | None = None) -> list[RunSummary]:
        """Return runs, the latest first.

        Raises:
            HistoryError: the file cannot be read.
        """
        return self._read(lambda connection: list_runs(connection, filters or Filters())) or []

    def find(self, text: str = "last") -> RunSummary:
        """Return one run.

        Args:
            text: its id or trace id, or as much of its beginning as no other has; ``last``, or ``last-failed``.

        Raises:
            NoSuchRunError: there is none, or several.
            HistoryError: the file cannot be read.
        """
        found = self._read(lambda connection: find_run(connection, text))
        if found is None:
            raise NoSuchRunError(text)
        return found

    def spans(self, run: RunSummary) -> list[StoredSpan]:
        """Return the spans of a run by start: those of its session too, if that had no other run.

        Raises:
            HistoryError: the file cannot be read.
        """
        return self._read(lambda connection: span_tree(connection, run)) or []

    def every_span(self) -> list[StoredSpan]:
        """Return all spans by start, those that belong to no run among them; for histories that are small.

        Raises:
            HistoryError: the file cannot be read.
        """
        return self._read(every_span) or []

    def node_seconds(self, pipeline: str, names: Sequence[str], *, runs: int = 10) -> dict[str, float]:
        """Return the median seconds that nodes took in the latest successful runs of a pipeline.

        Args:
            pipeline: its name.
            names: of nodes; what none of these runs had is left out.
            runs: how many to look at.

        Raises:
            HistoryError: the file cannot be read.
        """
        self._sort(_QUICKLY_SORTED_BYTES)  # a run is about to begin, and does not wait
        return self._database.read(lambda connection: node_seconds(connection, pipeline, names, runs)) or {}

    def counters(self) -> dict[str, int]:
        """Return what went wrong so far: ``corrupt_files`` set aside, ``malformed_spans`` left out.

        Raises:
            HistoryError: the file cannot be read.
        """
        return self._read(lambda connection: dict(connection.execute("SELECT name, value FROM counters"))) or {}

    def has_taken(self, segment_name: str) -> bool:
        """Tell whether a segment is in here.

        Raises:
            HistoryError: the file cannot be read.
        """
        query = "SELECT count(*) FROM segments WHERE name = ?"
        found = self._database.read(lambda connection: connection.execute(query, (segment_name,)).fetchone())
        return found is not None and found[0] > 0


def _take(connection: sqlite3.Connection, segment: SegmentLike) -> int:
    cursor = connection.execute("INSERT OR IGNORE INTO segments VALUES (?, ?, 0)", (segment.name, time.time_ns()))
    if not cursor.rowcount:
        return 0
    number = put(connection, segment.name, _resource_of(segment.header), _bodies(segment))
    if number:
        connection.execute("UPDATE segments SET spans = ? WHERE name = ?", (number, segment.name))
    return number


def _bodies(segment: SegmentLike) -> Iterator[tuple[int, bytes]]:
    """Yield what has ended in a segment: how many spans it bundles, 0 for one on its own, and its bytes."""
    end, bundles = FrameKind.END, _BUNDLES
    for frame in segment.frames():
        if frame.kind is not end:
            continue
        stream = frame.stream
        if stream == bundles:
            payload = frame.payload
            yield (payload[0] if payload else 1), payload
        elif stream == _SPANS:
            yield 0, frame.payload


def _resource_of(header: Mapping[str, Any]) -> dict[str, Any]:
    found = header.get("resource")
    return dict(found) if isinstance(found, dict) else {}
