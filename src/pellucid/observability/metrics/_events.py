"""The events that are counted, as compact JSON: written by the hooks in the run's time, read afterwards.

Each is an array: the version, a letter, and the rest in a fixed order. Times are nanoseconds since the epoch, ids are
in hex, null is what is not known.

=========  =================================================================================================
``R``      a run started: pipeline, trace, span, started
``N``      a node started: pipeline, trace, span, started, node
``r``      a run ended: pipeline, trace, span, started, ended, result
``n``      a node ended: as a run; node, seconds it waited, seconds of processor time, bytes of memory, datasets
``s``      a session, context or catalog was made: kind, trace, span, started, ended, result
``d``      datasets of a node that has too many for one event: trace, datasets
``f``      a fault of telemetry: part, time
=========  =================================================================================================

A dataset is: operation, label, result, span, started, ended, bytes, rows.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pellucid.observability.metrics._series import MOST_AMOUNT, clean
from pellucid.observability.semconv import OPERATIONS, RESULTS, Attr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pellucid.observability.records import SpanRecord

VERSION = 1
_LOST = "ProcessLost"

RUN_STARTED, NODE_STARTED, RUN_ENDED, NODE_ENDED, STEP_ENDED, DATASETS_ENDED, FAULT = "RNrnsdf"

STEPS = ("session.create", "context.load", "catalog.create")


class BadEventError(ValueError):
    """A payload that is no event of this version."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When something was, and how it ended.

    Attributes:
        trace_id: in hex.
        span_id: in hex.
        started_ns: since the epoch.
        ended_ns: since the epoch, not before the start.
        result: one of ``semconv.RESULTS``.
    """

    trace_id: str
    span_id: str
    started_ns: int
    ended_ns: int = 0
    result: str = "success"


@dataclass(frozen=True, slots=True)
class DatasetEnd:
    """A load or save that ended.

    Attributes:
        operation: "load" or "save".
        label: what metrics call the dataset.
        timing: of it.
        size: bytes of the file, if that is known.
        rows: of the table, if that is known.
    """

    operation: str
    label: str
    timing: Timing
    size: int | None
    rows: int | None


@dataclass(frozen=True, slots=True)
class NodeUse:
    """What a node took beside time.

    Attributes:
        waited_seconds: from when it could run to when it did.
        cpu_seconds: of the processor.
        memory_bytes: the most that its process ever used.
    """

    waited_seconds: float | None = None
    cpu_seconds: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class MetricEvent:
    """An event that was read.

    Attributes:
        letter: which.
        timing: of it; None for ``d``.
        pipeline: its name, for runs and nodes.
        node: its name, for nodes.
        step: the kind of span, for ``s``.
        use: of a node that ended.
        datasets: that were loaded and saved.
        part: of telemetry, for ``f``.
        bad_values: how many numbers in it make no sense; they are left out.
    """

    letter: str
    timing: Timing | None = None
    pipeline: str = ""
    node: str = ""
    step: str = ""
    use: NodeUse = NodeUse()
    datasets: tuple[DatasetEnd, ...] = ()
    part: str = ""
    bad_values: int = 0


def seal(start_payload: bytes, time_ns: int, result: str = "error") -> bytes:
    """Return what counts for something that started and whose process died: it ended with a result.

    Args:
        start_payload: of the frame of the start.
        time_ns: of the last sign of life, since the epoch.
        result: how it ended.
    """
    try:
        data = json.loads(start_payload)
        letter = {RUN_STARTED: RUN_ENDED, NODE_STARTED: NODE_ENDED}[data[1]]
        started_ns, node = data[5], data[6:7]
        ended_ns = max(started_ns, time_ns)
        rest = [*node, None, None, None, []] if letter == NODE_ENDED else []
        return _dumped([data[0], letter, *data[2:6], ended_ns, result, *rest])
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return start_payload  # it is counted as malformed, or as a start, where it is read


def event_of_node(node: SpanRecord, datasets: Sequence[SpanRecord], *, is_start: bool) -> bytes:
    """Return the event that a node and its datasets are counted by, made of their spans.

    Args:
        node: its span.
        datasets: its loads and saves; those of a node that was lost are not counted.
        is_start: whether the node has only begun.
    """
    about = [node.scope.pipeline, node.scope.trace_id.hex(), node.span_id.hex(), node.started_ns]
    if is_start:
        return _dumped([VERSION, NODE_STARTED, *about, node.node])
    facts = node.end_attributes.get
    is_lost = facts(Attr.ERROR_TYPE) == _LOST
    use = [facts(Attr.QUEUE_WAIT), facts(Attr.CPU), facts(Attr.MEMORY_PEAK)]
    ended = [] if is_lost else [_counted(each) for each in datasets if each.ended_ns]
    return _dumped([VERSION, NODE_ENDED, *about, node.ended_ns, node.result, node.node, *use, ended])


def _counted(span: SpanRecord) -> list[Any]:
    facts, ids = span.end_attributes.get, span.span_id.hex()
    sizes = facts(Attr.DATASET_BYTES), facts(Attr.DATASET_ROWS)
    return [span.kind, span.label or span.dataset, span.result, ids, span.started_ns, span.ended_ns, *sizes]


def run_started(payload: bytes) -> str | None:
    """Return the pipeline of a run that started; None for any other event."""
    try:
        event = read(payload)
    except BadEventError:
        return None
    return event.pipeline if event.letter == RUN_STARTED else None


def read(payload: bytes) -> MetricEvent:
    """Return the event of a payload.

    Raises:
        BadEventError: it is none, whatever it is.
    """
    try:
        return _Reader().event(*json.loads(payload))
    except BadEventError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise BadEventError(type(error).__name__) from error


class _Reader:
    """Reads one event, and counts the numbers that make no sense."""

    def __init__(self) -> None:
        self.bad_values = 0

    def event(self, version: int, letter: str, *rest: Any) -> MetricEvent:
        if version != VERSION:
            raise BadEventError("another version")
        if letter in {DATASETS_ENDED, FAULT}:
            return self._untimed(letter, *rest)
        name, trace_id, span_id, started_ns, *more = rest
        if letter == RUN_STARTED:
            () = more
            return MetricEvent(letter, _timing(trace_id, span_id, started_ns), _name(name))
        if letter == NODE_STARTED:
            (node,) = more
            return MetricEvent(letter, _timing(trace_id, span_id, started_ns), _name(name), _name(node))
        ended_ns, result, *more = more
        timing = _timing(trace_id, span_id, started_ns, ended_ns, result)
        if letter == RUN_ENDED:
            () = more
            return MetricEvent(letter, timing, _name(name))
        if letter == STEP_ENDED:
            () = more
            return MetricEvent(letter, timing, step=STEPS[STEPS.index(name)])
        if letter != NODE_ENDED:
            raise BadEventError("unknown letter")
        node, waited, cpu, memory, datasets = more
        use = NodeUse(self._seconds(waited), self._seconds(cpu), self._whole(memory))
        ended = self._datasets(trace_id, datasets)
        return MetricEvent(letter, timing, _name(name), _name(node), "", use, ended, bad_values=self.bad_values)

    def _untimed(self, letter: str, what: Any, more: Any) -> MetricEvent:
        if letter == DATASETS_ENDED:
            return MetricEvent(letter, datasets=self._datasets(what, more), bad_values=self.bad_values)
        if not _is_time(more):
            raise BadEventError("times")
        return MetricEvent(letter, part=_name(what))

    def _datasets(self, trace_id: str, data: list[Any]) -> tuple[DatasetEnd, ...]:
        return tuple([self._dataset(trace_id, *each) for each in data])

    def _dataset(self, trace_id: str, operation: str, label: str, result: str, span_id: str, *rest: Any) -> DatasetEnd:
        started_ns, ended_ns, size, rows = rest
        if operation not in OPERATIONS:
            raise BadEventError("unknown operation")
        timing = _timing(trace_id, span_id, started_ns, ended_ns, result)
        return DatasetEnd(operation, _name(label), timing, self._whole(size), self._whole(rows))

    def _seconds(self, value: Any) -> float | None:
        if value is None:
            return None
        if type(value) in {int, float} and math.isfinite(value) and 0 <= value <= MOST_AMOUNT / 1e9:
            return float(value)
        self.bad_values += 1
        return None

    def _whole(self, value: Any) -> int | None:
        if value is None:
            return None
        if type(value) is int and 0 <= value <= MOST_AMOUNT:
            return value
        self.bad_values += 1
        return None


def _name(value: Any) -> str:
    if type(value) is not str:
        raise BadEventError("a name that is no text")
    return clean(value)


def _timing(trace_id: Any, span_id: Any, started_ns: Any, ended_ns: Any = 0, result: Any = "success") -> Timing:
    if not (_is_hex(trace_id, 32) and _is_hex(span_id, 16)):
        raise BadEventError("ids")
    if not (_is_time(started_ns) and _is_time(ended_ns)):
        raise BadEventError("times")
    if result not in RESULTS:
        raise BadEventError("unknown result")
    return Timing(trace_id, span_id, started_ns, max(started_ns, ended_ns), result)


def _is_time(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST_AMOUNT


def _is_hex(value: Any, length: int) -> bool:
    return type(value) is str and len(value) == length and set(value) <= _HEX


_HEX = frozenset("0123456789abcdef")


def _dumped(data: list[Any]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()
