"""What is different between two runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pellucid.observability.history._model import RunSummary, StoredSpan

_FIELDS = ("pipeline", "result", "env", "runner", "commit", "error_type", "error_message")
_NO_VALUE = None

_Nodes = dict[str, tuple[float, str]]
"""Seconds and result, by name."""
_Datasets = dict[tuple[str, str], tuple[int | None, int | None]]
"""Rows and bytes, by name and operation."""


class Change(NamedTuple):
    """Something that has two values; None stands for there being none."""

    name: str
    before: Any
    after: Any


class NodeChange(NamedTuple):
    """A node that is in one of the runs, or in both; None for seconds and result where it is not."""

    name: str
    before_seconds: float | None
    after_seconds: float | None
    before_result: str | None
    after_result: str | None


class DatasetChange(NamedTuple):
    """A dataset whose rows or bytes are not the same; None where they are not known."""

    name: str
    operation: str
    before_rows: int | None
    after_rows: int | None
    before_bytes: int | None
    after_bytes: int | None


@dataclass(frozen=True)
class RunDiff:
    """What is different.

    Attributes:
        before_seconds: the duration of the first run.
        after_seconds: that of the second.
        fields: what is said of the runs themselves.
        parameters: by their dotted names.
        nodes: all of both, in the order of the second run, then those that it does not have.
        datasets: those with other rows or bytes.
    """

    before_seconds: float
    after_seconds: float
    fields: tuple[Change, ...]
    parameters: tuple[Change, ...]
    nodes: tuple[NodeChange, ...]
    datasets: tuple[DatasetChange, ...]

    @property
    def added(self) -> list[str]:
        """Names of nodes that only the second run has."""
        return [each.name for each in self.nodes if each.before_seconds is None]

    @property
    def removed(self) -> list[str]:
        """Names of nodes that only the first run has."""
        return [each.name for each in self.nodes if each.after_seconds is None]


def diff_runs(
    before: RunSummary, after: RunSummary, before_spans: Iterable[StoredSpan], after_spans: Iterable[StoredSpan]
) -> RunDiff:
    """Compare two runs; of a node that ran several times, the last time counts, and its seconds are added up.

    The spans of the first are done with before those of the second are asked for, so that generators need not keep
    both in memory.
    """
    nodes_before, datasets_before = _used(before_spans)
    nodes_after, datasets_after = _used(after_spans)
    fields = [Change(name, getattr(before, name), getattr(after, name)) for name in _FIELDS]
    fields.append(Change("selection", dict(before.selection.chosen) or None, dict(after.selection.chosen) or None))
    return RunDiff(
        before.duration_seconds,
        after.duration_seconds,
        tuple(each for each in fields if each.before != each.after),
        tuple(changes(dict(flattened(before.parameters)), dict(flattened(after.parameters)))),
        tuple(_node_changes(nodes_before, nodes_after)),
        tuple(_dataset_changes(datasets_before, datasets_after)),
    )


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Yield what is not the same in two mappings, by name."""
    for name in sorted({*before, *after}):
        here, there = before.get(name, _NO_VALUE), after.get(name, _NO_VALUE)
        if here != there or type(here) is not type(there):
            yield Change(name, here, there)


def flattened(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what is in nested mappings by dotted names."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            yield from flattened(value, f"{name}.")
        else:
            yield name, value


def _used(spans: Iterable[StoredSpan]) -> tuple[_Nodes, _Datasets]:
    nodes: _Nodes = {}
    datasets: _Datasets = {}
    for span in spans:
        if span.kind == "node":
            name = span.node
            seconds = nodes[name][0] if name in nodes else 0.0
            nodes[name] = seconds + span.duration_ns / 1e9, span.result
        elif span.kind in {"load", "save"}:
            sizes = _count(span, Attr.DATASET_ROWS), _count(span, Attr.DATASET_BYTES)
            datasets[span.dataset, span.kind] = sizes
    return nodes, datasets


def _node_changes(before: _Nodes, after: _Nodes) -> Iterator[NodeChange]:
    for name in dict.fromkeys([*after, *before]):
        was, now = before.get(name, (None, None)), after.get(name, (None, None))
        yield NodeChange(name, was[0], now[0], was[1], now[1])


def _count(span: StoredSpan, name: str) -> int | None:
    value = span.attribute(name)
    return value if isinstance(value, int) else None


def _dataset_changes(before: _Datasets, after: _Datasets) -> Iterator[DatasetChange]:
    for key in sorted({*before, *after}):
        was, now = before.get(key, (None, None)), after.get(key, (None, None))
        if was != now:
            yield DatasetChange(*key, was[0], now[0], was[1], now[1])
