"""Nodes that are like nearly all: recorded with as little work as there can be.

Such a node loads, works and saves, one after the other, in one thread; nobody but the built-in plugins hears of it; and
nothing in its names is to be hidden. It is kept as one record together with its loads and saves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid._util.rows import Row
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
    from collections.abc import Mapping

    from pellucid.observability.hooks._listeners import Listeners
    from pellucid.observability.hooks._table import OpenRun, SpanTable
    from pellucid.observability.logs import NodeLines
    from pellucid.observability.recording import Bundles, Recording
    from pellucid.observability.records import Bundle, Result
    from pellucid.observability.tracing import Tracing

__all__ = ["OrdinaryNodes", "ordinary_nodes"]

_KIND, _NAME, _OPERATION, _RESULT = Attr.KIND, Attr.DATASET_NAME, Attr.OPERATION, Attr.RESULT


class Plugins(Row):
    """What the plugins that are built in have for such nodes.

    Attributes:
        tracing: the spans.
        lines: the log lines; None where there are none.
        is_counted: whether there are metrics.
    """

    tracing: Tracing
    lines: NodeLines | None
    is_counted: bool


def ordinary_nodes(recording: Recording, listeners: Listeners, table: SpanTable) -> OrdinaryNodes | None:
    """Return what records ordinary nodes in this process; None if others hear of them, too, or there are no spans."""
    plugins = listeners.plugins()
    of_type = {type(each): each for each in plugins}
    tracing, logging = of_type.pop(TracingHooks, None), of_type.pop(LoggingHooks, None)
    is_counted = of_type.pop(MetricsHooks, None) is not None
    if recording.bundles is None or of_type or len(plugins) != len({type(each) for each in plugins}):
        return None
    if not isinstance(tracing, TracingHooks) or tracing.tracing is None:
        return None
    lines = logging.node_lines() if isinstance(logging, LoggingHooks) else None
    found = OrdinaryNodes(recording, recording.bundles, Plugins(tracing.tracing, lines, is_counted))
    table.end_ordinary = found.end
    return found


class OrdinaryNodes:
    """Begins and ends the spans of ordinary nodes, and of their loads and saves.

    Args:
        recording: in this process.
        bundles: makes the records.
        plugins: what those that are built in have for it.
    """

    def __init__(self, recording: Recording, bundles: Bundles, plugins: Plugins) -> None:
        self._recording = recording
        self._guard = recording.guard
        self._bundles = bundles
        self._now_ns = recording.clock.now_ns
        self._span_id = recording.ids.span_id
        self._is_counted = plugins.is_counted and recording.options.metrics.enabled
        self._tracing = plugins.tracing
        self._lines = plugins.lines

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
        part = "tracing"
        try:
            self._tracing.begun(span)
            if self._lines is not None:
                part = "logging"
                self._lines.node_started(span)
        except (KeyboardInterrupt, RunTerminated):
            raise
        except BaseException as error:
            self._guard.caught(part, error)
        return span

    def begin_dataset(self, node: SpanRecord, name: str, operation: Any, label: str, *, is_brief: bool) -> None:
        """Open a load or save.

        It may take long: so what is known is kept before. Of a brief one, in the middle of which nobody's code is
        called, nothing is done before it has ended, and it is kept with what follows: the function of the node, another
        load or save, or the end.
        """
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
        if is_brief:
            # Whoever takes it out of the open ones closes it: the end of a run may come in another thread.
            node.run.open[span_id] = bundle.brief = span
            return
        node.run.open[span_id] = node.open_children[span_id] = span
        span.token = current_span.set(span)
        self._take_in(span, node, bundle)

    def _take_in(self, span: SpanRecord, node: SpanRecord, bundle: Bundle) -> None:
        """Have a load or save be one of those that are known of a node, and keep that."""
        part = "tracing"
        try:
            self._tracing.begun(span)
            if node.lines and self._lines is not None:
                part = "logging"
                self._lines.let_go(node)
        except (KeyboardInterrupt, RunTerminated):
            raise
        except BaseException as error:
            self._guard.caught(part, error)
        bundle.add(span)
        if bundle.is_here:
            self._recording.spool.start(STREAM_BUNDLES, node.span_id, bundle.start())

    def end_dataset(self, span: SpanRecord) -> None:
        """Close a load or save that succeeded."""
        bundle = span.bundle
        assert bundle is not None
        is_brief = bundle.brief is span
        span.end_attributes[_RESULT] = "success"
        span.ended_ns = self._now_ns()
        try:
            if is_brief:
                self._tracing.passed(span)
            else:
                self._tracing.done(span)
        except (KeyboardInterrupt, RunTerminated):
            raise
        except BaseException as error:
            self._guard.caught("tracing", error)
        if is_brief:
            bundle.add(span)
            bundle.brief = None
        try:
            if self._lines is not None:
                self._lines.ended(span, bundle.name, bundle.dataset)
        except (KeyboardInterrupt, RunTerminated):
            raise
        except BaseException as error:
            self._guard.caught("logging", error)
        bundle.close(span)
        span.bundle = None
        if not is_brief:
            leave(span)

    def keep(self, node: SpanRecord) -> None:
        """Keep what is known of a node, as something comes that may take long."""
        bundle = node.bundle
        if bundle is not None and bundle.is_here:
            self._recording.spool.start(STREAM_BUNDLES, node.span_id, bundle.start())
        if node.lines and self._lines is not None:
            try:
                self._lines.let_go(node)
            except (KeyboardInterrupt, RunTerminated):
                raise
            except BaseException as error:
                self._guard.caught("logging", error)

    def end(self, span: SpanRecord, result: Result, error: BaseException | None) -> None:
        """Close a node, a load or a save, however it ended."""
        bundle, node = span.bundle, span.parent
        assert bundle is not None
        brief = bundle.brief
        if brief is span and node is not None:
            bundle.brief = None
            self._take_in(span, node, bundle)
        elif brief is not None and span.run.open.pop(brief.span_id, None) is not None:
            # The node ends in the middle of it.
            self.end(brief, result, error)
        span.result = result
        span.error = error
        span.end_attributes[_RESULT] = result
        span.ended_ns = self._now_ns()
        part = "tracing"
        try:
            self._tracing.done(span)
            if self._lines is not None:
                part = "logging"
                self._log_end(self._lines, span, bundle)
        except (KeyboardInterrupt, RunTerminated):
            raise
        except BaseException as fault:
            self._guard.caught(part, fault)
        finally:
            if node is not None:
                bundle.close(span)
                self.keep(node)
            elif bundle.is_here:
                self._recording.spool.end(STREAM_BUNDLES, span.span_id, bundle.end())
            # It knows its spans: without this they would wait for the garbage collector.
            span.bundle = None
            leave(span)

    @staticmethod
    def _log_end(lines: NodeLines, span: SpanRecord, bundle: Bundle) -> None:
        if span.kind != "node":
            lines.failed(span)
        elif span.result == "success":
            lines.node_ended(span, bundle.name)
        else:
            lines.node_failed(span)
