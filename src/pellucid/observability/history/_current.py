"""The runs of a project: those in the history, and what living processes have not handed over to it yet."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from pellucid.observability.history._errors import NoSuchRunError
from pellucid.observability.history._model import NO_SUCCESS, RUNNING, NodeCounts, StoredSpan
from pellucid.observability.history._queries import Filters
from pellucid.observability.history._reading import opened, span_row
from pellucid.observability.history._runs import summary_of
from pellucid.observability.recording import STREAM_SPANS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from pellucid.observability.history._model import RunSummary
    from pellucid.observability.history._store import HistoryStore, SegmentLike

_START, _END = "START", "END"
_WITH_NODES = ("load", "save")
_LATEST = {"last": None, "last-failed": NO_SUCCESS}


class LiveSpans:
    """Spans in segments that are written to, the open ones among them as if they ended now.

    Args:
        segments: of living processes; read at once.
        now_ns: nanoseconds since the epoch.

    Attributes:
        by_id: the spans.
    """

    def __init__(self, segments: Iterable[SegmentLike], now_ns: int) -> None:
        self.by_id: dict[bytes, StoredSpan] = {}
        for segment in segments:
            self._add(segment, now_ns)

    def _add(self, segment: SegmentLike, now_ns: int) -> None:
        resource: Any = segment.header.get("resource")
        known: Mapping[str, Any] = resource if isinstance(resource, dict) else {}
        for frame in segment.frames():
            is_end = frame.kind.name == _END
            if frame.stream != STREAM_SPANS or not (is_end or frame.kind.name == _START):
                continue
            row = span_row(frame.payload)
            if row is None or (not is_end and self._is_known(row.span_id)):
                continue
            span = StoredSpan(*row, resource=known)
            ended_ns = max(row.started_ns, now_ns)
            # A load or save whose start says how it ended is kept with its node, which goes on.
            is_over = is_end or (row.kind in _WITH_NODES and row.result != "")
            self.by_id[row.span_id] = span if is_over else replace(span, result=RUNNING, ended_ns=ended_ns)

    def _is_known(self, span_id: bytes) -> bool:
        """Tell whether all is known of a span."""
        known = self.by_id.get(span_id)
        return known is not None and not known.is_open


class CurrentRuns:
    """All runs of a project that can be shown.

    Args:
        store: the history.
        live: read before what is finished was added to the history, so that nothing is missed in between.
    """

    def __init__(self, store: HistoryStore, live: LiveSpans) -> None:
        self._store = store
        self._spans = live.by_id

    @cached_property
    def _live(self) -> list[RunSummary]:
        """Runs that the history does not have, the latest first."""
        runs = [self._summary(span) for span in self._spans.values() if span.kind == "run"]
        return sorted((run for run in runs if not self._is_stored(run)), key=lambda run: -run.started_ns)

    def _is_stored(self, run: RunSummary) -> bool:
        at = run.started_ns
        found = self._store.runs(Filters(since_ns=at, until_ns=at + 1, limit=None))
        return any(each.span_id == run.span_id for each in found)

    def _summary(self, span: StoredSpan) -> RunSummary:
        run = summary_of(span, opened(span.body), span.resource)
        nodes = [each for each in self._below(run) if each.kind == "node" and each.parent_id == span.span_id]
        names, done = {each.node for each in nodes}, {each.node for each in nodes if each.result == "success"}
        failed = tuple(dict.fromkeys(each.node for each in nodes if each.has_failed))
        counts = NodeCounts(max(run.nodes.total, len(names)), len(done), len(failed))
        return replace(run, nodes=counts, failed_nodes=failed)

    def runs(self, filters: Filters) -> list[RunSummary]:
        """Return runs, the latest first.

        Raises:
            HistoryError: the history cannot be read.
        """
        runs = [*(run for run in self._live if filters.fit(run)), *self._store.runs(filters)]
        return sorted(runs, key=lambda run: -run.started_ns)[: filters.limit]

    def find(self, text: str = "last") -> RunSummary:
        """Return one run, as ``HistoryStore.find`` does.

        Raises:
            NoSuchRunError: there is none, or several.
            HistoryError: the history cannot be read.
        """
        found = [run for run in self._live if _is_meant(run, text)]
        try:
            found.append(self._store.find(text))
        except NoSuchRunError as error:
            if error.candidates or not found:
                raise
        if text not in _LATEST:
            found = [run for run in found if run.run_id == text] or found
            ids = dict.fromkeys(run.run_id for run in found)
            if len(ids) > 1:
                raise NoSuchRunError(text, candidates=[*ids])
        return max(found, key=lambda run: run.started_ns)

    def spans(self, run: RunSummary) -> list[StoredSpan]:
        """Return the spans of a run by start, as ``HistoryStore.spans`` does.

        Raises:
            HistoryError: the history cannot be read.
        """
        return self._below(run) if run in self._live else self._store.spans(run)

    def _below(self, run: RunSummary) -> list[StoredSpan]:
        """Return the spans of a run that the history does not have: what it has of them, and the others."""
        session = self._spans.get(self._spans[run.span_id].parent_id)
        root = session.span_id if session is not None and session.kind == "session" else run.span_id
        known = {span.span_id: span for span in self._spans.values() if span.trace_id == run.trace_id}
        for span in [*known.values()]:
            if span.is_open or span.span_id == run.span_id:
                # Of a segment that was rolled over, what had ended by then is in the history.
                stored = self._store.spans(replace(run, span_id=span.span_id, session_id=""))
                known.update({each.span_id: each for each in stored})
        return sorted(_subtree(root, known), key=lambda span: (span.started_ns, -span.ended_ns))


def _subtree(root: bytes, spans: Mapping[bytes, StoredSpan]) -> Iterator[StoredSpan]:
    below: dict[bytes, list[StoredSpan]] = {}
    for span in spans.values():
        below.setdefault(span.parent_id, []).append(span)
    waiting = [spans[root]]
    while waiting:
        span = waiting.pop()
        yield span
        waiting += below.pop(span.span_id, ())


def _is_meant(run: RunSummary, text: str) -> bool:
    if text in _LATEST:
        results = _LATEST[text]
        return results is None or run.result in results
    return bool(text) and (run.run_id.startswith(text) or run.trace_id.hex().startswith(text.lower()))
