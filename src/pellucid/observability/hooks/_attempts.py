"""Nodes and their datasets: what is recorded most often, and so has to cost least."""

from __future__ import annotations

import sys
import time
from inspect import CO_GENERATOR
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import RunTerminated
from pellucid.observability.current import current_span
from pellucid.observability.hooks._datasets import DatasetFacts, is_parameter
from pellucid.observability.hooks._describing import node_attributes, result_of
from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    from collections.abc import Callable

    from pellucid.observability.guard import Guard
    from pellucid.observability.hooks._ordinary import OrdinaryNodes
    from pellucid.observability.hooks._table import OpenRun, SpanTable
    from pellucid.observability.records import SpanRecord

__all__ = ["Attempts"]

# Looked up once: these are set for every node.
_QUEUE_WAIT, _TASK_RESULT, _CPU, _MEMORY_PEAK = Attr.QUEUE_WAIT, Attr.TASK_RESULT, Attr.CPU, Attr.MEMORY_PEAK
_KIND, _NAME, _OPERATION = Attr.KIND, Attr.DATASET_NAME, Attr.OPERATION

_processor_seconds = time.thread_time
_PEAK_EVERY_NS = 1_000_000
_FACTS = "dataset facts"


class Attempts:
    """Opens and closes the spans of nodes, loads and saves.

    What is to be kept is held back, to be kept by one write with what follows, where nothing that may take long, or
    never return, comes between.

    Args:
        table: of the open spans.
        guard: counts faults of what is told of a dataset.
        ordinary: records nodes that are like nearly all; None if there is nothing that can.

    Attributes:
        is_alone: whether no other plugin is called between what the recorder hears of a node and its datasets.
    """

    def __init__(self, table: SpanTable, guard: Guard, ordinary: OrdinaryNodes | None = None) -> None:
        self._table = table
        self._ordinary = ordinary
        self._guard = guard
        self._read_peak = _peak_reader()
        self._peak_bytes, self._peak_ns = 0, 0
        self.is_alone = False

    def open_node(self, run: OpenRun, node: Any, catalog: Any, *, is_async: bool, waited_seconds: float) -> None:
        """Open a node."""
        if run.facts is None:
            run.facts = DatasetFacts(catalog)
        name = node.name
        parent_id = run.span.span_id if run.span is not None else run.parent_id
        attributes = node_attributes(run.scope, node, name, is_async)
        is_held = self.is_alone and not is_async
        holds_saves = is_held and not node.confirms and not _may_yield(node.func)
        if self._ordinary is not None and holds_saves:
            span = self._ordinary.begin(run, node, name, attributes, parent_id)
            if span is not None:
                span.end_attributes[_QUEUE_WAIT] = waited_seconds
                span.processor_seconds = _processor_seconds()
                return
        span = self._table.start(run, "node", name, attributes, parent_id, node=name, is_held=is_held)
        span.holds_loads, span.holds_saves = is_held, holds_saves
        span.end_attributes[_QUEUE_WAIT] = waited_seconds
        span.processor_seconds = _processor_seconds()
        span.run = run
        run.nodes[name] = span

    def close_node(self, run: OpenRun, name: str, error: BaseException | None) -> None:
        """Close a node, and what somebody's hook has kept from being closed in it."""
        span = run.nodes.pop(name, None)
        if span is None:
            return
        result = result_of(error)
        facts = span.end_attributes
        facts[_TASK_RESULT] = result
        facts[_CPU] = max(0.0, _processor_seconds() - span.processor_seconds)
        facts[_MEMORY_PEAK] = self._memory_peak_bytes()
        if span.open_children:
            for child in [*span.open_children.values()]:
                self._end_child(run, span, child, error)
        self._table.end(run, span, result, error)

    def _memory_peak_bytes(self) -> int:
        """Return the most memory that this process has ever used, as it was at most a millisecond ago."""
        now_ns = time.perf_counter_ns()
        if now_ns - self._peak_ns > _PEAK_EVERY_NS:
            self._peak_bytes, self._peak_ns = self._read_peak(), now_ns
        return self._peak_bytes

    def begin_work(self, run: OpenRun, name: str) -> None:
        """Have all that is known of a node kept, as its function is about to be called."""
        span = run.nodes.get(name)
        if span is None:
            return
        if span.bundle is not None:
            assert self._ordinary is not None
            self._ordinary.keep(span)
        elif span.held:
            self._table.flush(span)

    def open_dataset(self, name: str, operation: Any, *data: Any) -> None:
        """Open a load, or a save of some data, of the node that is at work here."""
        parent = current_span.get()
        if parent is None or parent.kind != "node" or is_parameter(name):
            return
        run: OpenRun | None = parent.run
        if run is None or run.facts is None:
            return
        bundle = parent.bundle
        # What a fork begins is its own, also in a node that its parent goes on with.
        if bundle is not None and bundle.is_here:
            assert self._ordinary is not None
            facts = run.facts
            is_brief = facts.is_brief(name, *data)
            self._ordinary.begin_dataset(parent, name, operation, facts.label(name), is_brief=is_brief)
            return
        span = self._table.start(
            run,
            operation,
            f"{operation} {name}",
            {_KIND: operation, _NAME: name, _OPERATION: operation},
            parent.span_id,
            node=parent.node,
            dataset=name,
            label=run.facts.label(name),
            parent=parent,
            holder=parent if parent.holds_loads and bundle is None else None,
        )
        parent.open_children[span.span_id] = span

    def close_dataset(self, name: str, operation: str, data: Any, error: BaseException | None) -> None:
        """Close the load or save that is open here."""
        span = current_span.get()
        if span is None:
            return
        if span.bundle is not None:
            span = span.bundle.brief or span
        if span.kind != operation or span.dataset != name:
            return
        parent = span.parent
        run: OpenRun | None = parent.run if parent is not None else None
        if run is None or parent is None:
            return
        if error is None and run.facts is not None:
            self._note_facts(run.facts, span, data)
        self._end_child(run, parent, span, error)

    def _note_facts(self, facts: DatasetFacts, span: SpanRecord, data: Any) -> None:
        guard = self._guard
        if guard.faults and guard.is_off(_FACTS):
            return
        try:
            span.end_attributes = facts.after(span.dataset, span.kind, data)
        except (KeyboardInterrupt, RunTerminated):
            raise
        except BaseException as error:
            guard.caught(_FACTS, error)

    def _end_child(self, run: OpenRun, parent: SpanRecord, span: SpanRecord, error: BaseException | None) -> None:
        parent.open_children.pop(span.span_id, None)
        if error is None and span.bundle is not None and run.open.pop(span.span_id, None) is not None:
            assert self._ordinary is not None
            self._ordinary.end_dataset(span)
            return
        if parent.holds_loads and parent.bundle is None:
            is_held = error is None and (span.kind == "load" or parent.holds_saves)
            self._table.end(run, span, result_of(error), error, holder=parent, is_held=is_held)
        else:
            self._table.end(run, span, result_of(error), error)


def _may_yield(function: Any) -> bool:
    """Tell whether a function may be one that yields, whose work goes on between its saves."""
    return bool(getattr(getattr(function, "__code__", None), "co_flags", CO_GENERATOR) & CO_GENERATOR)


def _peak_reader() -> Callable[[], int]:
    """Return what tells the most memory, in bytes, that this process has ever used; 0 where the system does not."""
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:
        return lambda: 0
    unit = 1 if sys.platform == "darwin" else 1024
    return lambda: int(getrusage(RUSAGE_SELF).ru_maxrss * unit)
