"""The table of open spans: which run, node and dataset each belongs to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pellucid.observability.current import current_span
from pellucid.observability.records import RunScope, SpanRecord
from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pellucid.observability.hooks._datasets import DatasetFacts
    from pellucid.observability.hooks._listeners import Kept, Listeners
    from pellucid.observability.recording import Recording
    from pellucid.observability.records import Kind, Result

__all__ = ["OpenRun", "SpanTable", "leave"]

_RESULT = Attr.RESULT


class OpenRun:
    """One run that is going on, or is about to: its ids, and its open spans.

    Travels to a worker process by pickle, as far as nodes need it there.
    """

    def __init__(self, scope: RunScope, root: SpanRecord | None, parent_id: bytes) -> None:
        self.scope = scope
        self.root = root
        self.parent_id = parent_id
        self.span: SpanRecord | None = None
        self.facts: DatasetFacts | None = None
        self.env = ""
        self.parameters: dict[str, Any] = {}
        self.nodes_done = 0
        self.open: dict[bytes, SpanRecord] = {}
        self.nodes: dict[str, SpanRecord] = {}

    def __getstate__(self) -> dict[str, Any]:
        # All that a worker opens are nodes, which hang under the run.
        parent_id = self.span.span_id if self.span is not None else self.parent_id
        return vars(OpenRun(self.scope, None, parent_id))

    @property
    def root_id(self) -> bytes:
        """The span that the run hangs under: its root, or else whatever it was given."""
        return self.root.span_id if self.root is not None else self.parent_id

    def rename(self, pipeline: str) -> None:
        """Note the name of the pipeline, once it is known."""
        if self.scope.pipeline != pipeline:
            self.scope = replace(self.scope, pipeline=pipeline)


class SpanTable:
    """Opens and closes spans, keeps account of the open ones, and tells the listeners.

    Any number of threads may be in it: each change of the account is one step of a dictionary.

    Args:
        recording: gives times and ids.
        listeners: are told of each start and end.

    Attributes:
        end_ordinary: ends a span that was begun elsewhere, in a bundle.
    """

    def __init__(self, recording: Recording, listeners: Listeners) -> None:
        self._recording = recording
        self._span_id = recording.ids.span_id
        self._now_ns = recording.clock.now_ns
        self._listeners = listeners
        self.end_ordinary: Callable[[SpanRecord, Result, BaseException | None], None] | None = None

    def start(
        self,
        run: OpenRun,
        kind: Kind,
        name: str,
        attributes: Mapping[str, Any],
        parent_id: bytes,
        *,
        started_ns: int | None = None,
        node: str = "",
        dataset: str = "",
        label: str = "",
        parent: SpanRecord | None = None,
        holder: SpanRecord | None = None,
        is_held: bool = False,
    ) -> SpanRecord:
        """Open a span; it is the current one of this thread until it is ended.

        Args:
            run: that it belongs to.
            kind: of the span.
            name: of the span.
            attributes: that are known by now.
            parent_id: of the span above.
            started_ns: nanoseconds since the epoch; None is now.
            node: that it belongs to.
            dataset: that it is about.
            label: of the dataset, for metrics.
            parent: the node, for a load or save.
            holder: the node whose held back records are kept with this one's, or are to have it among them.
            is_held: hold back what is to be kept until `flush` or what comes next; by the span itself if need be.
        """
        span = SpanRecord(
            kind,
            name,
            run.scope,
            self._span_id(),
            parent_id,
            self._now_ns() if started_ns is None else started_ns,
            attributes,
            node,
            dataset,
            label,
            parent=parent,
        )
        run.open[span.span_id] = span
        span.token = current_span.set(span)
        if holder is None and is_held:
            holder = span
        records = [] if holder is None else holder.held
        try:
            self._listeners.started(span, records)
        finally:
            if records and not is_held:
                self._keep(records, holder)
        return span

    def end(
        self,
        run: OpenRun,
        span: SpanRecord,
        result: Result = "success",
        error: BaseException | None = None,
        *,
        holder: SpanRecord | None = None,
        is_held: bool = False,
    ) -> None:
        """Close a span; one that is closed already stays as it is.

        Args:
            run: that it belongs to.
            span: to be closed.
            result: how it ended.
            error: what it ended with.
            holder: as in `start`; of a node it is itself.
            is_held: as in `start`.
        """
        if run.open.pop(span.span_id, None) is None:
            return
        if span.bundle is not None and self.end_ordinary is not None:
            self.end_ordinary(span, result, error)
            return
        span.result = result
        span.error = error
        span.end_attributes[_RESULT] = result
        span.ended_ns = self._now_ns()
        if holder is None and span.held:
            holder = span
        records = [] if holder is None else holder.held
        try:
            self._listeners.ended(span, records)
        finally:
            if records and not is_held:
                self._keep(records, holder)
        leave(span)

    def flush(self, node: SpanRecord) -> None:
        """Keep what is held back with a node."""
        if node.held:
            self._keep(node.held, node)

    def _keep(self, records: list[Kept], holder: SpanRecord | None) -> None:
        try:
            if holder is not None:
                holder.held = []
        finally:
            self._recording.spool.keep(records)

    def end_rest(self, run: OpenRun, *, result: Result, error: BaseException | None) -> None:
        """Close what is still open of a run, the innermost first, except its own span and its root."""
        left = [each for each in list(run.open.values()) if each is not run.span and each is not run.root]
        for span in reversed(left):
            self.end(run, span, result, error)


def leave(span: SpanRecord) -> None:
    """Let a span be the current one no longer."""
    token, span.token = span.token, None
    if token is None:
        return
    try:
        current_span.reset(token)
    except ValueError:  # closed by another thread than it was opened in
        if current_span.get() is not None:
            current_span.set(None)
