"""Spans, as a test looks at them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pellucid.observability.history import StoredSpan

Tree = tuple[str, tuple[Any, ...]]
"""A span's name, and the trees of the spans in it."""


@dataclass(frozen=True)
class CapturedSpan:
    """One span.

    Attributes:
        name: such as ``RUN __default__``, a node's name, or ``load companies``.
        kind: session, session.create, context.load, catalog.create, run, node, load or save; empty for spans that
            the pipeline's own code or a library opened.
        result: success, failure, error, timeout, cancellation or skip; empty where nobody said.
        attributes: by name.
        error_type: the class of the error; empty on success.
        error_message: what the error said, without secrets; empty on success.
        started_ns: nanoseconds since the epoch.
        ended_ns: nanoseconds since the epoch.
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        parent_id: 16 hexadecimal digits, or empty.
        node: the node's name, for a node.
        dataset: the dataset's name, for a load or a save.
        resource: what is known of the process that made it.
    """

    name: str
    kind: str
    result: str
    attributes: Mapping[str, Any] = field(repr=False)
    error_type: str = ""
    error_message: str = ""
    started_ns: int = field(default=0, repr=False)
    ended_ns: int = field(default=0, repr=False)
    trace_id: str = field(default="", repr=False)
    span_id: str = field(default="", repr=False)
    parent_id: str = field(default="", repr=False)
    node: str = ""
    dataset: str = ""
    resource: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def duration_seconds(self) -> float:
        """How long it took."""
        return (self.ended_ns - self.started_ns) / 1e9


def captured_span(span: StoredSpan) -> CapturedSpan:
    """Return a span of the history as a test looks at it."""
    return CapturedSpan(
        span.name,
        span.kind,
        span.result,
        dict(span.attributes),
        span.error_type,
        span.error_message,
        span.started_ns,
        span.ended_ns,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_id.hex(),
        span.node,
        span.dataset,
        dict(span.resource),
    )


def trees_of(spans: Iterable[CapturedSpan], *, by_name: bool) -> tuple[Tree, ...]:
    """Return the trees of some spans.

    Args:
        spans: by start.
        by_name: order what is in a span by name and not by start.
    """
    inside: dict[tuple[str, str], list[CapturedSpan]] = {}
    known = {(each.trace_id, each.span_id) for each in spans}
    roots: list[CapturedSpan] = []
    for span in spans:
        parent = (span.trace_id, span.parent_id)
        (inside.setdefault(parent, []) if parent in known else roots).append(span)

    def tree(span: CapturedSpan) -> Tree:
        return span.name, ordered(inside.get((span.trace_id, span.span_id), []))

    def ordered(found: list[CapturedSpan]) -> tuple[Tree, ...]:
        trees = [tree(each) for each in found]
        return tuple(sorted(trees) if by_name else trees)

    return ordered(roots)


def outline_of(trees: Iterable[Tree], indent: str = "") -> str:
    """Return trees as text, a line for each span, what is in it indented by two blanks."""
    return "".join(f"{indent}{name}\n{outline_of(inner, indent + '  ')}" for name, inner in trees)
