"""What the run history knows of a run, and of one span."""

from __future__ import annotations

from dataclasses import field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pellucid._util.rows import Row
from pellucid._util.values import values
from pellucid.observability.history._reading import Opened, attribute, opened
from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNNING = "running"
"""Stands where there is a result later on."""

NO_SUCCESS = ("failure", "error", "timeout", "cancellation")
"""The results that make a run count as failed."""


class NodeCounts(Row):
    """How many nodes a run has, and what became of them."""

    total: int = 0
    done: int = 0
    failed: int = 0


class Selection(Row):
    """Which part of its pipeline a run was about.

    Attributes:
        chosen: what nodes were chosen by, such as ``tags`` or ``from_nodes``, and the names; empty if all were.
        pipeline_nodes: how many nodes the whole pipeline has; 0 where that is not known, or all were chosen.
    """

    chosen: Mapping[str, Any] = MappingProxyType({})
    pipeline_nodes: int = 0


@values(frozen=True)
class RunSummary:
    """One run.

    Attributes:
        run_id: of the run; that of the session where the session failed before it had a run.
        session_id: of the session.
        pipeline: its name; empty where there was no run.
        result: one of success, failure, error, timeout, cancellation, skip; or running.
        started_ns: nanoseconds since the epoch.
        ended_ns: nanoseconds since the epoch; of one that is running, when it was looked at.
        trace_id: 16 bytes.
        span_id: of the run's span, 8 bytes.
        env: the configuration environment.
        runner: the runner's class.
        commit: of the project; empty where it is not known.
        parameters: all of them, redacted.
        selection: the part of the pipeline that it was about.
        nodes: how many.
        error_type: the class of the error; empty on success.
        error_message: its message, redacted.
        failed_nodes: the nodes that failed, or were at work when the process died, in the order of their ends.
        resource: what is known of the process.
    """

    run_id: str
    session_id: str
    pipeline: str
    result: str
    started_ns: int
    ended_ns: int
    trace_id: bytes
    span_id: bytes
    env: str = ""
    runner: str = ""
    commit: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    selection: Selection = field(default_factory=Selection)
    nodes: NodeCounts = field(default_factory=NodeCounts)
    error_type: str = ""
    error_message: str = ""
    failed_nodes: tuple[str, ...] = ()
    resource: Mapping[str, Any] = field(default_factory=dict)

    @property
    def duration_seconds(self) -> float:
        """How long it took."""
        return max(0, self.ended_ns - self.started_ns) / 1e9

    @property
    def is_running(self) -> bool:
        """Whether it is going on."""
        return self.result == RUNNING


@values(frozen=True, eq=False)
class StoredSpan:
    """One span; what is not a field here is read from the encoded span when it is asked for.

    Attributes:
        trace_id: 16 bytes.
        span_id: 8 bytes.
        parent_id: 8 bytes, or empty.
        kind: as in ``records.Kind``; empty for spans of the project's own code and of libraries.
        name: of the span.
        started_ns: nanoseconds since the epoch.
        ended_ns: nanoseconds since the epoch; of one that is open, when it was looked at.
        result: how it ended; empty where nobody said; or running.
        error_type: empty on success, and for spans of others.
        body: an OTLP ``Span``, encoded.
        resource: what is known of the process that made it.
    """

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    kind: str
    name: str
    started_ns: int
    ended_ns: int
    result: str
    error_type: str
    body: bytes
    resource: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def _opened(self) -> Opened:
        return opened(self.body)

    @property
    def attributes(self) -> Mapping[str, Any]:
        """All attributes, by name."""
        return self._opened.attributes

    def attribute(self, name: str) -> Any:
        """Return one attribute, or None; the others are not read for it."""
        return attribute(self.body, name)

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet."""
        return self.result == RUNNING

    @property
    def has_failed(self) -> bool:
        """Whether it ended otherwise than it should; of a span of others its status tells."""
        if self.kind:
            return self.result in NO_SUCCESS or bool(self.error_type)
        return bool(self.error_type) or self._opened.has_failed

    @property
    def error_name(self) -> str:
        """The class of the error of a span that failed; its result where that is not known."""
        return self.error_type or self._opened.error_type or self.result or "error"

    @property
    def error_message(self) -> str:
        """What was said of the error; empty if nothing was."""
        return self._opened.error_message

    @property
    def traceback(self) -> str:
        """Of the error; empty if there is none."""
        return self._opened.traceback

    @property
    def duration_ns(self) -> int:
        """How long it took, in nanoseconds."""
        return max(0, self.ended_ns - self.started_ns)

    @property
    def node(self) -> str:
        """The node's name, for a node; for others, empty."""
        return str(self.attribute(Attr.TASK_NAME) or self.name) if self.kind == "node" else ""

    @property
    def dataset(self) -> str:
        """The dataset's name, for a load or a save; for others, empty."""
        if self.kind not in {"load", "save"}:
            return ""
        return self.name.partition(" ")[2] or str(self.attribute(Attr.DATASET_NAME) or "")
