"""Spans that were taken as they are, and those of them that somebody asks for.

A run pays for a copy of its bytes alone; whoever looks at the history first has them sorted into the tables.
"""

from __future__ import annotations

import json
import struct
from itertools import islice
from typing import TYPE_CHECKING, Any

from pellucid.observability.history._database import count
from pellucid.observability.history._reading import span_row
from pellucid.observability.history._runs import NewSpan, keep_current

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pellucid.observability.history._reading import SpanRow

_LENGTH = struct.Struct("<I")
_BATCH = 500
_IS_BUNDLE = 1 << 31
# Without what is in them: to be sorted by time, all would be read for each that is taken.
_OLDEST = "SELECT inbox.name FROM inbox LEFT JOIN segments USING (name) ORDER BY taken_ns LIMIT 1"


def put(
    connection: sqlite3.Connection, name: str, resource: Mapping[str, Any], bodies: Iterable[tuple[int, bytes]]
) -> int:
    """Keep encoded spans of a segment, and bundles of them, as they are, and return how many spans they are.

    Args:
        connection: to the history.
        name: of the segment.
        resource: of its process.
        bodies: of each how many spans it bundles, 0 for one on its own, and its bytes.
    """
    pack, number = _LENGTH.pack, 0
    spans = bytearray()  # one by one: a segment has megabytes, which are in memory once already
    for bundled, body in bodies:
        spans += pack(len(body) | _IS_BUNDLE if bundled else len(body))
        spans += body
        number += bundled or 1
    if number:
        text = json.dumps(resource, sort_keys=True)
        connection.execute("INSERT OR REPLACE INTO inbox VALUES (?, ?, ?)", (name, text, spans))
    return number


def sizes(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how many segments wait, and how many bytes they have."""
    number, size = connection.execute("SELECT count(*), total(length(spans)) FROM inbox").fetchone()
    return int(number), int(size)


def sort_one(connection: sqlite3.Connection) -> bool:
    """Sort the spans of the oldest segment that waits into the tables; return False if none does."""
    oldest = connection.execute(_OLDEST).fetchone()
    if oldest is None:
        return False
    (name,) = oldest
    resource, spans = connection.execute("SELECT resource, spans FROM inbox WHERE name = ?", oldest).fetchone()
    malformed = _Ingest(connection, json.loads(resource)).add(_split(spans))
    connection.execute("DELETE FROM inbox WHERE name = ?", (name,))
    if malformed:
        count(connection, "malformed_spans", malformed)
    return True


def _split(spans: bytes) -> Iterator[bytes]:
    at, unbundled = 0, None
    while at < len(spans):
        (size,) = _LENGTH.unpack_from(spans, at)
        at += _LENGTH.size
        is_bundle, size = size & _IS_BUNDLE, size & ~_IS_BUNDLE
        body = spans[at : at + size]
        at += size
        if not is_bundle:
            yield body
            continue
        if unbundled is None:
            unbundled = _unbundling()
        yield from unbundled(body)


def _unbundling() -> Callable[[bytes], list[bytes]]:
    """Return what makes spans of a bundle."""
    from pellucid.observability.bundles import BadBundleError, read
    from pellucid.observability.tracing import SpansOfBundles

    spans = SpansOfBundles()

    def unbundled(body: bytes) -> list[bytes]:
        try:
            return [span for _, _, span in spans.of(read(body))]
        except BadBundleError:
            return [b""]  # it is counted as malformed

    return unbundled


class _Ingest:
    """Adds the spans of one segment."""

    def __init__(self, connection: sqlite3.Connection, resource: Mapping[str, Any]) -> None:
        self._connection = connection
        self._resource = resource
        self._resource_text = json.dumps(resource, sort_keys=True)
        self._numbers: dict[bytes, tuple[int, int]] = {}  # of a trace, and of the resource in it

    def add(self, bodies: Iterator[bytes]) -> int:
        """Add those that are new, and return how many could not be read."""
        malformed = 0
        shaping: list[NewSpan] = []
        while chunk := list(islice(bodies, _BATCH)):
            batch = [row for row in map(span_row, chunk) if row is not None]
            malformed += len(chunk) - len(batch)
            self._insert(batch)
            shaping += self._shaping(batch)
        keep_current(self._connection, shaping, self._resource)
        return malformed

    def _insert(self, batch: list[SpanRow]) -> None:
        numbers = self._numbers
        for trace_id in {row.trace_id for row in batch} - numbers.keys():
            numbers[trace_id] = self._number(trace_id)
        self._connection.executemany(
            "INSERT OR IGNORE INTO spans (trace, resource, span_id, parent_id, kind, name, started, ended, result, "
            "error_type, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [numbers[row[0]] + row[1:] for row in batch],
        )

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
