"""The lines of nodes that are kept as one record, with as little work as there can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.observability.logs._events import LEVELS

if TYPE_CHECKING:
    from pellucid.observability.logs._log import EventLog
    from pellucid.observability.logs._steps import StepLines
    from pellucid.observability.records import SpanRecord

__all__ = ["NodeLines"]

_ENDS = ("node.finished", "dataset.loaded", "dataset.saved")


class NodeLines:
    """Logs the starts and ends of such nodes, of their loads and of their saves.

    The lines of loads and saves are held back with the node, until something comes that may take long.

    Args:
        log: where lines go.
        steps: keeps plain lines that say the same from being made.
    """

    def __init__(self, log: EventLog, steps: StepLines) -> None:
        self._log = log
        self._steps = steps
        self._tells_start = LEVELS["node.started"] >= log.level
        self._tells_ends = any(LEVELS[each] >= log.level for each in _ENDS)

    def node_started(self, node: SpanRecord) -> None:
        """Log the start of a node, if that is wanted."""
        self._steps.started(node)
        if self._tells_start:
            self._log.started(node)
        else:
            self._log.opened(node)

    def ended(self, span: SpanRecord, name: str, dataset: str) -> None:
        """Log the end of a load or save that succeeded, soon.

        Args:
            span: the load or save.
            name: that of the node, as JSON has it.
            dataset: that of the dataset, likewise.
        """
        if not self._tells_ends:
            return
        node = span.parent
        line = self._log.line_of(span, name if dataset else "", dataset)
        if line is None or node is None:
            self._log.ended(span)
        else:
            node.lines += line

    def node_ended(self, node: SpanRecord, name: str) -> None:
        """Log the end of a node that succeeded, after what is held back.

        Args:
            node: its span.
            name: as JSON has it.
        """
        log = self._log
        self._steps.ended(node)
        if not self._tells_ends:
            log.closed(node)
            return
        line = log.line_of(node, name, "")
        if line is None:
            log.ended(node)
            return
        log.closed(node)
        if node.lines:
            line, node.lines = node.lines + line, b""
        log.take(line)

    def failed(self, span: SpanRecord) -> None:
        """Log the end of a load or save however it ended."""
        self._log.ended(span)

    def node_failed(self, node: SpanRecord) -> None:
        """Log the end of a node that did not succeed."""
        self._steps.ended(node)
        self._log.ended(node)

    def let_go(self, node: SpanRecord) -> None:
        """Write what is held back with a node."""
        lines, node.lines = node.lines, b""
        if lines:
            self._log.take(lines)
