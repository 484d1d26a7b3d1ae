"""Segments and spans for the run history, without a spool."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pellucid.observability.spool import FrameKind
from pellucid.observability.wire import bytes_field, fixed32_field, fixed64_field, key_values, text_field, varint_field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SECOND = 1_000_000_000
START = 1_763_800_000 * SECOND
"""When made-up runs start: in nanoseconds since the epoch."""


@dataclass(frozen=True)
class Frame:
    """As in the spool."""

    kind: FrameKind
    stream: int
    payload: bytes


@dataclass(frozen=True)
class FakeSegment:
    """A segment that is in memory alone."""

    name: str
    bodies: Sequence[bytes]
    header: Mapping[str, Any] = field(default_factory=lambda: {"v": 1, "resource": {"service.name": "demo"}})

    def frames(self) -> Iterator[Frame]:
        """Yield a start and an end for each span, and other streams' frames between."""
        for body in self.bodies:
            yield Frame(FrameKind.START, 1, body)
            yield Frame(FrameKind.END, 2, b"{}")
            yield Frame(FrameKind.END, 1, body)


def span_body(
    trace_id: bytes,
    span_id: bytes,
    parent_id: bytes,
    name: str,
    started_ns: int,
    ended_ns: int,
    attributes: Mapping[str, Any] | None = None,
    error_message: str = "",
    traceback: str = "",
) -> bytes:
    """Return an encoded OTLP ``Span``."""
    body = bytes_field(1, trace_id) + bytes_field(2, span_id)
    if parent_id:
        body += bytes_field(4, parent_id)
    body += text_field(5, name) + varint_field(6, 1) + fixed64_field(7, started_ns) + fixed64_field(8, ended_ns)
    body += key_values(9, attributes or {})
    if error_message:
        event = fixed64_field(1, ended_ns) + text_field(2, "exception")
        event += key_values(3, {"exception.type": "ValueError", "exception.message": error_message})
        if traceback:
            event += key_values(3, {"exception.stacktrace": traceback})
        body += bytes_field(11, event) + bytes_field(15, varint_field(3, 2))
    return body + fixed32_field(16, 0x101)


def id_of(number: int, size: int = 8) -> bytes:
    """Return an id."""
    return number.to_bytes(size, "big")


@dataclass
class RunMaker:
    """Makes the encoded spans of a made-up run, with ids that are counted.

    Attributes:
        number: tells it from others.
        pipeline: its name.
        started: seconds after ``START``.
    """

    number: int = 1
    pipeline: str = "__default__"
    started: float = 0.0
    result: str = "success"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    commit: str = "4f2a9c01d7"
    bodies: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.trace_id = id_of(0xABC000 + self.number, 16)
        self.session_id = f"2025-11-22T08.26.{self.number:02d}.000Z"
        self._next = self.number * 10_000
        self.session_span, self.run_span = self._id(), self._id()

    def _id(self) -> bytes:
        self._next += 1
        return id_of(self._next)

    def at(self, seconds: float) -> int:
        """Return a time of this run, in nanoseconds since the epoch."""
        return START + round((self.started + seconds) * SECOND)

    def add(
        self,
        kind: str,
        name: str,
        begin: float,
        end: float,
        *,
        parent: bytes = b"",
        span_id: bytes | None = None,
        result: str = "success",
        error: tuple[str, str] = ("", ""),
        traceback: str = "",
        **attributes: Any,
    ) -> bytes:
        """Add a span, and return its id; a name of an attribute is written with ``__`` for a dot."""
        own = span_id or self._id()
        common: dict[str, Any] = {"session.id": self.session_id}
        if kind:
            common |= {"pellucid.kind": kind, "pellucid.result": result}
        if error[0]:
            common["error.type"] = error[0]
        given = {key.replace("__", "."): value for key, value in attributes.items()}
        begin_ns, end_ns = self.at(begin), self.at(end)
        body = span_body(self.trace_id, own, parent, name, begin_ns, end_ns, {**common, **given}, error[1], traceback)
        self.bodies.append(body)
        return own

    def node(self, name: str, begin: float, end: float, *, wait: float = 0.0, **more: Any) -> bytes:
        """Add a node."""
        return self.add(
            "node",
            name,
            begin,
            end,
            parent=self.run_span,
            cicd__pipeline__task__name=name,
            pellucid__node__queue_wait_seconds=wait,
            **more,
        )

    def io(self, kind: str, dataset: str, begin: float, end: float, node: bytes, **more: Any) -> bytes:
        """Add a load or a save."""
        return self.add(kind, f"{kind} {dataset}", begin, end, parent=node, pellucid__dataset__name=dataset, **more)

    def run(self, end: float, *, error: tuple[str, str] = ("", ""), nodes: int = 0, **more: Any) -> RunMaker:
        """Add the run's own span and that of its session."""
        self.add(
            "run",
            f"RUN {self.pipeline}",
            0.1,
            end,
            parent=self.session_span,
            span_id=self.run_span,
            result=self.result,
            error=error,
            cicd__pipeline__name=self.pipeline,
            cicd__pipeline__run__id=self.session_id,
            pellucid__env="local",
            pellucid__runner="SequentialRunner",
            pellucid__parameters=json.dumps(dict(self.parameters)),
            pellucid__run__nodes=nodes,
            **more,
        )
        self.add(
            "session",
            "session demo",
            0.0,
            end + 0.1,
            span_id=self.session_span,
            result=self.result,
            error=error,
            vcs__ref__head__revision=self.commit,
        )
        return self

    def segment(self, name: str | None = None) -> FakeSegment:
        """Return all that was added so far, and begin anew."""
        taken, self.bodies = self.bodies, []
        return FakeSegment(name or f"segment-{self.number}-{len(taken)}", taken)


def failed_run(number: int = 1, **more: Any) -> RunMaker:
    """Make a run of four nodes, two of them at once, of which the last one fails, with a span of its own code."""
    run = RunMaker(number, "train", result="failure", **{"parameters": {"model": {"depth": 3}, "seed": 7}, **more})
    run.add("session.create", "session.create", 0.0, 0.05, parent=run.session_span)
    companies = run.node("clean_companies", 0.2, 2.2)
    run.io("load", "companies", 0.2, 0.7, companies, pellucid__dataset__rows=100, pellucid__dataset__bytes=2048)
    run.io("save", "clean_companies", 2.0, 2.2, companies)
    reviews = run.node("clean_reviews", 0.2, 1.2, wait=0.05)
    run.io("load", "reviews", 0.2, 0.3, reviews)
    run.io("save", "clean_reviews", 1.1, 1.2, reviews)
    joined = run.node("join", 2.3, 4.3)
    run.io("load", "clean_companies", 2.3, 2.4, joined)
    run.io("load", "clean_reviews", 2.4, 2.5, joined)
    run.add("", "GET /weights", 2.6, 3.1, parent=joined)
    run.io("save", "table", 4.0, 4.3, joined)
    error = ("ValueError", "the table has no rows\nof 2025")
    fit = run.node("fit", 4.4, 9.0, result="failure", error=error)
    run.io("load", "table", 4.4, 4.6, fit)
    return run.run(9.1, error=error, nodes=5)
