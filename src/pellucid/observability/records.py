"""What the built-in hooks record: one span of the runtime, and the run that it belongs to."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextvars import Token

__all__ = ["Bundle", "Clock", "Ids", "Kind", "Result", "RunScope", "SpanRecord"]

Kind = Literal["session", "session.create", "context.load", "catalog.create", "run", "node", "load", "save"]
Result = Literal["success", "failure", "error", "timeout", "cancellation", "skip"]


class Clock:
    """Nanoseconds since the epoch that never go back: the wall clock is looked at once, and then only counted on.

    A copy of it in another process of the same machine counts the same time.

    Args:
        offset_ns: of another clock; None looks at the wall clock.
    """

    __slots__ = ("offset_ns",)

    def __init__(self, offset_ns: int | None = None) -> None:
        self.offset_ns = time.time_ns() - time.perf_counter_ns() if offset_ns is None else offset_ns

    def now_ns(self) -> int:
        """Return the time, in nanoseconds since the epoch."""
        return time.perf_counter_ns() + self.offset_ns

    def ago_ns(self, seconds: float) -> int:
        """Return the time of what was so long ago, in nanoseconds since the epoch."""
        return self.now_ns() - int(seconds * 1e9)


class Ids:
    """Makes ids, from one seed a process; a fork makes others than its parent."""

    __slots__ = ("_pid", "_random")

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._random = random.Random(os.urandom(16))  # noqa: S311 - ids, not secrets

    def trace_id(self) -> bytes:
        """Return 16 bytes that are not all zero."""
        return self._bits(128).to_bytes(16, "big")

    def span_id(self) -> bytes:
        """Return 8 bytes that are not all zero."""
        return self._bits(64).to_bytes(8, "big")

    def _bits(self, count: int) -> int:
        if os.getpid() != self._pid:
            self._pid = os.getpid()
            self._random.seed(os.urandom(16))
        return self._random.getrandbits(count) or 1

    def __reduce__(self) -> tuple[type[Ids], tuple[()]]:
        return Ids, ()


@dataclass(frozen=True)
class RunScope:
    """What all records of one run have in common.

    Attributes:
        session_id: of the session.
        run_id: of the run; that of the session for what belongs to no run.
        pipeline: its name; several names are joined by ``+``; empty outside a run.
        trace_id: 16 bytes.
        sampled: whether the trace is to be delivered; the local history has it in any case.
        trace_state: what came with the parent's TRACESTATE.
    """

    session_id: str
    run_id: str
    pipeline: str
    trace_id: bytes
    sampled: bool = True
    trace_state: str = ""


class Bundle(Protocol):
    """A node with its loads and saves, kept as one.

    Attributes:
        is_counted: whether metrics count what is in it.
        name: that of the node, as JSON has it.
        dataset: that of the last load or save, likewise; empty if there is something to hide in it.
        brief: a load or save that goes on, and is taken in when it has ended.
    """

    is_counted: bool
    name: str
    dataset: str
    brief: SpanRecord | None

    @property
    def is_here(self) -> bool:
        """Whether it began in this process."""
        ...

    def start(self) -> bytes:
        """Return what is known by now, as it is kept until there is more."""
        ...

    def end(self) -> bytes:
        """Return the whole."""
        ...

    def add(self, span: SpanRecord) -> None:
        """Take in a load or save that begins."""
        ...

    def close(self, span: SpanRecord) -> None:
        """Take note that one of them has ended."""
        ...


@dataclass(slots=True, eq=False)
class SpanRecord:
    """One operation of the runtime, from its start to its end.

    Attributes:
        kind: what it is.
        name: the span's name, such as ``load companies``.
        scope: the run.
        span_id: 8 bytes.
        parent_id: 8 bytes, or empty for a root.
        started_ns: nanoseconds since the epoch.
        attributes: what is known at the start, by names of ``semconv``; shared between records and never changed.
        ended_ns: nanoseconds since the epoch; 0 while it is open.
        end_attributes: what is known at the end.
        result: how it ended.
        error: what it ended with; None on success.
        node: the node's name, for kinds node, load and save.
        dataset: the dataset's name, for load and save.
        label: what metrics call the dataset: the pattern, if it was made by one.
        parent: for a load or save, the node.
        links: trace id and span id of spans elsewhere, with attributes.
        attached: what each listener keeps with the span, by a name of its own.
        open_children: for a node, its loads and saves that have not ended, by their ids.
        run: the run in the recorder's table.
        token: undoes that it is the current span.
        processor_seconds: of the thread, when it started.
        held: for a node, what is to be kept before anything that may take long.
        holds_loads: for a node, whether nothing comes between its loads, and between the last of them and its work.
        holds_saves: for a node, whether nothing comes between its saves, and between the last of them and its end.
        lines: for a node, log lines that are to be written before anything that may take long.
        bundle: what it is kept in together with others, if it is.
    """

    kind: Kind
    name: str
    scope: RunScope
    span_id: bytes
    parent_id: bytes
    started_ns: int
    attributes: Mapping[str, Any]
    node: str = ""
    dataset: str = ""
    label: str = ""
    ended_ns: int = 0
    end_attributes: dict[str, Any] = field(default_factory=dict)
    result: Result = "success"
    error: BaseException | None = None
    parent: SpanRecord | None = None
    links: list[tuple[bytes, bytes, Mapping[str, Any]]] = field(default_factory=list)
    attached: dict[str, Any] = field(default_factory=dict)
    open_children: dict[bytes, SpanRecord] = field(default_factory=dict, repr=False)
    run: Any = field(default=None, repr=False)
    token: Token[SpanRecord | None] | None = field(default=None, repr=False)
    processor_seconds: float = field(default=0.0, repr=False)
    held: list[tuple[int, int, bytes, bytes]] = field(default_factory=list, repr=False)
    holds_loads: bool = field(default=False, repr=False)
    holds_saves: bool = field(default=False, repr=False)
    lines: bytes = field(default=b"", repr=False)
    bundle: Bundle | None = field(default=None, repr=False)

    @property
    def duration_seconds(self) -> float:
        """How long it took; 0 while it is open."""
        return max(0, self.ended_ns - self.started_ns) / 1e9
