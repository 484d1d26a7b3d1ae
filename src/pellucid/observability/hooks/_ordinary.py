"""Nodes that are like nearly all: recorded with as little work as there can be.

Such a node loads, works and saves, one after the other, in one thread; nobody but the built-in plugins hears of it; and
nothing in its names is to be hidden. It is kept as one record together with its loads and saves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid.exceptions import RunTerminated
from pellucid.observability.current import current_span
from pellucid.observability.hooks._datasets import is_parameter
from pellucid.observability.hooks._table import leave
from pellucid.observability.hooks.logging import LoggingHooks
from pellucid.observability.hooks.metrics import MetricsHooks
from pellucid.observability.hooks.tracing import TracingHooks
from pellucid.observability.recording import STREAM_BUNDLES
from pellucid.observability.records import SpanRecord
from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from pellucid.observability.hooks._listeners import Listeners
    from pellucid.observability.hooks._table import OpenRun, SpanTable
    from pellucid.observability.recording import Bundles, Recording
    from pellucid.observability.records import Result

    _Function: TypeAlias = tuple[str, Callable[[SpanRecord], object]]

__all__ = ["OrdinaryNodes", "ordinary_nodes"]

_KIND, _NAME, _OPERATION, _RESULT = Attr.KIND, Attr.DATASET_NAME, Attr.OPERATION, Attr.RESULT


def ordinary_nodes(recording: Recording, listeners: Listeners, table: SpanTable) -> OrdinaryNodes | None:
    """Return what records ordinary nodes in this process; None if others hear of them, too, or there are no spans."""
    plugins = listeners.plugins()
    known = [each for each in plugins if type(each) in (TracingHooks, MetricsHooks, LoggingHooks)]
    if recording.bundles is None or len(known) != len(plugins):
        return None
    found = OrdinaryNodes(recording, recording.bundles, known)
    table.end_ordinary = found.end
    return found


class OrdinaryNodes:
    """Begins and ends the spans of ordinary nodes, and of their loads and saves.

    Args:
        recording: in this process.
        bundles: makes the records.
        plugins: those that are built in, as far as they are there.
    """

    def __init__(self, recording: Recording, bundles: Bundles, plugins: list[Any]) -> None:
        self._recording = recording
        self._guard = recording.guard
        self._bundles = bundles
        self._now_ns = recording.clock.now_ns
        self._span_id = recording.ids.span_id
        self._is_counted = any(type(each) is MetricsHooks for each in plugins) and recording.options.metrics.enabled
        tracing = [each.tracing for each in plugins if type(each) is TracingHooks and each.tracing is not None]
        logging = [each for each in plugins if type(each) is LoggingHooks]
        self._on_load: list[_Function] = [("tracing", each.started) for each in tracing]
        self._on_start = self._on_load + [("logging", each.on_span_started) for each in logging]
        self._on_end: list[_Function] = [("tracing", each.ended) for each in tracing]
        self._on_end += [("logging", each.on_span_ended) for each in logging]

    def begin(
        self, run: OpenRun, node: Any, name: str, attributes: Mapping[str, Any], parent_id: bytes
    ) -> SpanRecord | None:
        """Open a node; return None, and do nothing, if it is no ordinary one."""
        if self._guard.faults:
            return None
        span_id = self._span_id()
        span = SpanRecord("node", name, run.scope, span_id, parent_id, self._now_ns(), attributes, name)
        loads = [each for each in dict.fromkeys(node.inputs) if not is_parameter(each)]
        bundle = span.bundle = self._bundles.begin(span, loads, node.outputs)
        if bundle is None:
            return None
        bundle.is_counted = self._is_counted
        span.holds_loads = span.holds_saves = True
        span.run = run
        run.open[span_id] = run.nodes[name] = span
        span.token = current_span.set(span)
        self._tell(self._on_start, span)
        return span

    def begin_dataset(self, node: SpanRecord, name: str, operation: Any, label: str) -> None:
        """Open a load or save, and keep what is known before, as it may take long."""
        bundle, span_id = node.bundle, self._span_id()
        assert bundle is not None
        span = SpanRecord(
            operation,
            f"{operation} {name}",
            node.scope,
            span_id,
            node.span_id,
            self._now_ns(),
            {_KIND: operation, _NAME: name, _OPERATION: operation},
            node.node,
            name,
            label,
        )
        span.parent = node
        span.bundle = bundle
        node.run.open[span_id] = node.open_children[span_id] = span
        span.token = current_span.set(span)
        # Of the start of a load nothing is logged.
        self._tell(self._on_load if operation == "load" else self._on_start, span)
        bundle.add(span)
        if bundle.is_here:
            self._recording.spool.start(STREAM_BUNDLES, node.span_id, bundle.start())

    def end_dataset(self, span: SpanRecord) -> None:
        """Close a load or save that succeeded."""
        bundle = span.bundle
        assert bundle is not None
        span.end_attributes[_RESULT] = "success"
        span.ended_ns = self._now_ns()
        self._tell(self._on_end, span)
        bundle.close(span)
        leave(span)

    def keep(self, node: SpanRecord) -> None:
        """Keep what is known of a node, as something comes that may take long."""
        bundle = node.bundle
        if bundle is not None and bundle.is_here:
            self._recording.spool.start(STREAM_BUNDLES, node.span_id, bundle.start())

    def end(self, span: SpanRecord, result: Result, error: BaseException | None) -> None:
        """Close a node, a load or a save, however it ended."""
        bundle, node = span.bundle, span.parent
        assert bundle is not None
        span.result = result
        span.error = error
        span.end_attributes[_RESULT] = result
        span.ended_ns = self._now_ns()
        try:
            self._tell(self._on_end, span)
        finally:
            if node is not None:
                bundle.close(span)
                self.keep(node)
            elif bundle.is_here:
                self._recording.spool.end(STREAM_BUNDLES, span.span_id, bundle.end())
            leave(span)

    def _tell(self, functions: list[_Function], span: SpanRecord) -> None:
        for part, function in functions:
            try:
                function(span)
            except (KeyboardInterrupt, RunTerminated):
                raise
            except BaseException as error:
                self._guard.caught(part, error)
