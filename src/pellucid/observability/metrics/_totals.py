"""The totals over all processes, each segment counted exactly once."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Protocol

from pellucid.observability.bundles import PLAIN, BadBundleError
from pellucid.observability.bundles import read as read_bundle
from pellucid.observability.metrics._database import DEFAULT_SECONDS, Database, TotalsError, rows
from pellucid.observability.metrics._series import Deltas, Entry, Key, State, dump, load
from pellucid.observability.metrics._view import Totals
from pellucid.observability.recording import STREAM_BUNDLES, STREAM_METRICS, STREAM_SPANS
from pellucid.observability.semconv import METRICS, Metric
from pellucid.observability.spool import FrameKind

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from pellucid.observability.spool import Frame

__all__ = ["TotalsError", "TotalsStore"]

_DAY_NS = 86_400_000_000_000
_LEDGER_DAYS = 30
_MANY = 2000
_FRAMES_BETWEEN_CHECKS = 200
_MOST_WAITING = 500
_MOST_WAITING_BYTES = 16 * 1024 * 1024
_MOST_AT_ONCE = 50
_MOST_BYTES_AT_ONCE = 1024 * 1024
_SHARE = 0.6
_STARTS_AND_ENDS = frozenset({FrameKind.START, FrameKind.END})

_REFUSED = "telemetry_series_refused_total"
_FAULTS = "telemetry_faults_total"
_SPANS = "telemetry_spans_total"

_THINGS = ("pipeline", "node", "dataset")
"""Labels that name what may cease to exist."""

_CLOSED = ("result", "operation", "state")
"""Labels with a fixed set of values; the limit on series is on all others."""

_BY_NAME = {each.name: each for each in METRICS}


class CountedSegment(Protocol):
    """What is counted: a segment of the spool."""

    @property
    def name(self) -> str:
        """Known to no other segment, ever."""
        ...

    def frames(self) -> Iterator[Frame]:
        """Return its frames, in order."""
        ...


class TotalsStore:
    """Keeps totals in a file of SQLite, for any number of processes at once; opened when it is used.

    Every method takes a deadline of ``time.monotonic``; None is five seconds from now.

    The name of a segment is kept for 30 days, so that it is not counted again; segments do not live that long.
    A file that is damaged, or that a later version made, is renamed and counted as a fault; the last three are kept.
    Series stay until they are pruned: whether a node still exists only the project knows, and a counter that comes
    back after that begins at 0, as after any restart.

    Args:
        path: the file; its folder is made when it is needed. None keeps the totals in memory.
        series_limit: the most series of one metric that differ in more than result, operation or state.
            Observations of further ones are counted in ``telemetry_series_refused_total``, and nowhere else.
    """

    def __init__(self, path: Path | None, *, series_limit: int = _MANY) -> None:
        self._database = Database(path, _count_set_aside)
        self._limit = series_limit

    def take(
        self,
        segment: CountedSegment,
        *,
        is_counting_spans: bool = False,
        also: Deltas | None = None,
        deadline: float | None = None,
    ) -> bool:
        """Take the metric events of a segment, all or none; return False if that was done before.

        They are counted when somebody reads the totals.

        Args:
            segment: to be counted.
            is_counting_spans: count its ended spans as produced, too, in ``telemetry_spans_total``.
            also: what else is to be counted with it.
            deadline: of ``time.monotonic``.

        Raises:
            TotalsError: it cannot be done now; nothing was counted.
        """
        name = segment.name
        until = time.monotonic() + DEFAULT_SECONDS if deadline is None else deadline
        events, spans = _events(segment, until)
        deltas = Deltas() if also is None else also
        if is_counting_spans:
            deltas.count(_SPANS, spans, state="produced")

        def work(connection: sqlite3.Connection) -> bool:
            if _is_taken(connection, name):
                return False
            now_ns = time.time_ns()
            if events:
                connection.execute("INSERT INTO inbox (events) VALUES (?)", (b"\n".join(events),))
            _Additions(connection, self._limit).apply(deltas)
            connection.execute("INSERT INTO segments VALUES (?, ?)", (name, now_ns))
            connection.execute("DELETE FROM segments WHERE taken_ns < ?", (now_ns - _LEDGER_DAYS * _DAY_NS,))
            return True

        return self._database.do(work, until)

    def add(self, deltas: Deltas, *, deadline: float | None = None) -> None:
        """Add what is not in a segment, such as what became of spans.

        Raises:
            TotalsError: it cannot be done now; nothing was added.
        """
        if deltas.entries:
            self._database.do(lambda connection: _Additions(connection, self._limit).apply(deltas), deadline)

    def read(self, *, deadline: float | None = None) -> Totals:
        """Return all totals as they are now; series that are damaged or unknown are left out.

        What cannot be counted in time is left to the next reader.

        Raises:
            TotalsError: they cannot be read now.
        """
        self._count(deadline)
        found = self._database.do(lambda each: rows(each, "SELECT metric, labels, state FROM series"), deadline)
        return Totals(dict(_loaded(found)))

    def prune(self, days: float, *, now_ns: int | None = None, deadline: float | None = None) -> int:
        """Remove the series of pipelines, nodes and datasets that nothing was heard of for so long.

        All results of one of them go or stay together.

        Args:
            days: since the last event.
            now_ns: the time, since the epoch; None looks at the clock.
            deadline: of ``time.monotonic``.

        Returns:
            how many series were removed.

        Raises:
            TotalsError: it cannot be done now; nothing was removed.
        """
        self._count(deadline)
        before_ns = (time.time_ns() if now_ns is None else now_ns) - round(days * _DAY_NS)
        return self._database.do(lambda connection: _pruned(connection, before_ns), deadline)

    def tidy(self, days: float, *, deadline: float | None = None) -> None:
        """Do what ``prune`` does, at the end of a run: events that nobody asked for stay as they are, unless many.

        Raises:
            TotalsError: it cannot be done now.
        """
        number, size = self._database.do(_waiting, deadline)
        if not number or number > _MOST_WAITING or size > _MOST_WAITING_BYTES:
            self.prune(days, deadline=deadline)

    def _count(self, deadline: float | None) -> None:
        """Count what was taken, some segments in each transaction, for the larger part of the time that there is."""
        now = time.monotonic()
        until = now + (DEFAULT_SECONDS if deadline is None else max(0.0, deadline - now)) * _SHARE
        number, _ = self._database.do(_waiting, deadline)
        while number and time.monotonic() < until:
            number = self._database.do(lambda connection: _counted(connection, self._limit), deadline)

    def close(self) -> None:
        """Forget totals in memory; a file needs no closing."""
        self._database.close()


class _Additions:
    """Adds deltas within one transaction."""

    def __init__(self, connection: sqlite3.Connection, limit: int) -> None:
        self._connection = connection
        self._limit = limit
        self._groups: dict[str, set[tuple[str, ...]]] = {}
        self._refused: dict[str, int] = {}

    def apply(self, deltas: Deltas) -> None:
        """Add all that the limit allows, and count the rest."""
        self._apply(deltas)
        if self._refused:
            refused = Deltas()
            for name, count in self._refused.items():
                refused.count(_REFUSED, count, metric=name)
            self._apply(refused)

    def _apply(self, deltas: Deltas) -> None:
        for key, entry in deltas.entries.items():
            self._add(_BY_NAME[key.metric], key, entry)

    def _add(self, metric: Metric, key: Key, entry: Entry) -> None:
        labels = json.dumps(key.labels, ensure_ascii=False, separators=(",", ":"))
        found = rows(
            self._connection, "SELECT state, seen_ns FROM series WHERE metric = ? AND labels = ?", key.metric, labels
        )
        if not found and not self._is_allowed(metric, key):
            if entry.observations:
                self._refused[key.metric] = self._refused.get(key.metric, 0) + entry.observations
            return
        state, seen_ns = load(metric, found[0][0]) if found else None, found[0][1] if found else 0
        if state is None:
            state = entry.state
        else:
            state.merge(entry.state)
        self._connection.execute(
            "INSERT OR REPLACE INTO series VALUES (?, ?, ?, ?)",
            (key.metric, labels, dump(state), max(seen_ns, entry.seen_ns)),
        )

    def _is_allowed(self, metric: Metric, key: Key) -> bool:
        groups = self._groups.get(metric.name)
        if groups is None:
            known = rows(self._connection, "SELECT metric, labels FROM series WHERE metric = ?", metric.name)
            keys = [_key(*each) for each in known]
            groups = self._groups[metric.name] = {_group(metric, key.labels) for key in keys if key is not None}
        group = _group(metric, key.labels)
        if group and group not in groups and len(groups) >= self._limit:
            return False
        groups.add(group)
        return True


def _events(segment: CountedSegment, until: float) -> tuple[list[bytes], int]:
    """Return the events of a segment, and how many spans have ended in it."""
    events: list[bytes] = []
    begun: dict[bytes, bytes] = {}
    start, end, bundles, plain = FrameKind.START, FrameKind.END, STREAM_BUNDLES, PLAIN
    spans = 0
    for number, (kind, stream, key, _, payload) in enumerate(segment.frames()):
        if number % _FRAMES_BETWEEN_CHECKS == 0 and time.monotonic() >= until:
            raise TotalsError(f"{segment.name}: not read before the deadline")
        if stream == bundles:
            if kind == start:
                begun[key] = payload
            elif kind == end:
                begun.pop(key, None)
                spans += payload[0] if payload else 1
                events += [payload[1:]] if payload[1:2] == plain else _events_of(payload)
        elif stream == STREAM_METRICS and kind in _STARTS_AND_ENDS:
            events.append(payload)
        elif stream == STREAM_SPANS and kind == end:
            spans += 1
    return [*events, *(each for payload in begun.values() for each in _events_of(payload, is_start=True))], spans


def _events_of(bundle: bytes, *, is_start: bool = False) -> list[bytes]:
    """Return what is counted of a bundle; a plain one is left to be read later, as it is."""
    if bundle[1:2] == PLAIN:
        return [bundle[1:]]
    from pellucid.observability.metrics._events import event_of_node

    try:
        contents = read_bundle(bundle)
    except BadBundleError:
        return [b""]  # it is counted as malformed
    return [event_of_node(contents.node, contents.datasets, is_start=is_start)] if contents.is_counted else []


def _waiting(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how many segments are not counted yet, and how many bytes they have."""
    ((number, size),) = rows(connection, "SELECT count(*), total(length(events)) FROM inbox")
    return int(number), int(size)


def _counted(connection: sqlite3.Connection, limit: int) -> int:
    """Count some segments that wait; return how many did."""
    from pellucid.observability.metrics._filling import Filling

    filling, size, last = Filling(), 0, 0
    waiting = rows(connection, "SELECT number, length(events) FROM inbox ORDER BY number LIMIT ?", _MOST_AT_ONCE)
    for number, length in waiting:
        if last and size + length > _MOST_BYTES_AT_ONCE:
            break
        ((events,),) = rows(connection, "SELECT events FROM inbox WHERE number = ?", number)
        for event in events.split(b"\n"):
            filling.add(event)
        last, size = number, size + length
    _Additions(connection, limit).apply(filling.deltas)
    connection.execute("DELETE FROM inbox WHERE number <= ?", (last,))
    return len(waiting)


def _is_taken(connection: sqlite3.Connection, name: str) -> bool:
    return bool(rows(connection, "SELECT 1 FROM segments WHERE name = ?", name))


def _count_set_aside(connection: sqlite3.Connection) -> None:
    deltas = Deltas()
    deltas.count(_FAULTS, part="totals")
    _Additions(connection, _MANY).apply(deltas)


def _key(name: str, labels: str) -> Key | None:
    """Return the key of a row; None if it is of no metric of this version."""
    metric = _BY_NAME.get(name)
    try:
        values = json.loads(labels)
    except ValueError:
        return None
    if metric is None or type(values) is not list or len(values) != len(metric.labels):
        return None
    return Key(name, tuple(map(str, values)))


def _loaded(found: list[tuple[str, str, str]]) -> Iterator[tuple[Key, State]]:
    for name, labels, text in found:
        key = _key(name, labels)
        state = load(_BY_NAME[name], text) if key is not None else None
        if key is not None and state is not None:
            yield key, state


def _group(metric: Metric, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value for label, value in zip(metric.labels, values, strict=True) if label not in _CLOSED)


def _pruned(connection: sqlite3.Connection, before_ns: int) -> int:
    heard: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
    places: list[tuple[tuple[tuple[str, ...], tuple[str, ...]], tuple[str, str]]] = []
    for name, labels, seen_ns in rows(connection, "SELECT metric, labels, seen_ns FROM series"):
        key = _key(name, labels)
        things = tuple(each for each in _BY_NAME[name].labels if each in _THINGS) if key is not None else ()
        if key is not None and things:
            thing = things, _group(_BY_NAME[name], key.labels)
            heard[thing] = max(heard.get(thing, 0), seen_ns)
            places.append((thing, (name, labels)))
    gone = [place for thing, place in places if heard[thing] < before_ns]
    connection.executemany("DELETE FROM series WHERE metric = ? AND labels = ?", gone)
    return len(gone)
