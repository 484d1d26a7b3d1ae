"""What is counted: series of three kinds, each with an addition whose order does not matter.

Amounts are integers: seconds are counted in nanoseconds, everything else in its own unit. So any order and any
grouping of additions gives the same total, to the last digit. They stop at ``MOST_AMOUNT`` instead of overflowing.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, TypeAlias

from pellucid._util.rows import Row
from pellucid.observability.redaction import INVISIBLE
from pellucid.observability.semconv import metric as metric_of

if TYPE_CHECKING:
    from pellucid.observability.semconv import Metric

_MOST_CHARACTERS = 256

MOST_AMOUNT = 2**63 - 1
"""The largest amount of one series: 292 years in nanoseconds."""


class Key(Row):
    """One series: the full name of a metric, and values of its labels in their order."""

    metric: str
    labels: tuple[str, ...]


class Exemplar(Row):
    """An observation that stands for a bucket; the latest wins.

    Attributes:
        time_ns: since the epoch.
        amount: what was observed.
        trace_id: in hex.
        span_id: in hex.
    """

    time_ns: int
    amount: int
    trace_id: str
    span_id: str


def scale_of(metric: Metric) -> int:
    """Return how many units of an amount make one unit of the metric."""
    return 1_000_000_000 if "seconds" in metric.name.split("_") else 1


class _Slotted:
    """Is equal to another one of its class with the same values in its slots."""

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return self._state() == other._state() if isinstance(other, _Slotted) else NotImplemented

    def __hash__(self) -> int:
        raise TypeError(f"{type(self).__name__} can change, and has no hash")

    def __repr__(self) -> str:
        return "{}({})".format(*self._state())

    def _state(self) -> tuple[str, dict[str, Any]]:
        return type(self).__name__, {each: getattr(self, each) for each in self.__slots__}


class Sum(_Slotted):
    """A counter.

    Attributes:
        amount: so far.
    """

    __slots__ = ("amount",)

    def __init__(self, amount: int = 0) -> None:
        self.amount = amount

    def merge(self, other: State) -> None:
        """Add another."""
        assert isinstance(other, Sum)
        self.amount = min(MOST_AMOUNT, self.amount + other.amount)

    def dump(self) -> Any:
        """Return it as JSON has it."""
        return self.amount

    @classmethod
    def load(cls, data: Any, _bounds: tuple[float, ...]) -> Sum:
        """Return what was dumped; raises ValueError or TypeError for anything else."""
        return cls(_amount(data))


class Last(_Slotted):
    """A gauge: the value of the latest time; of two at the same time, the larger.

    Attributes:
        time_ns: when it was so, since the epoch.
        value: in the metric's unit.
    """

    __slots__ = ("time_ns", "value")

    def __init__(self, time_ns: int = -1, value: float = 0.0) -> None:
        self.time_ns = time_ns
        self.value = value

    def merge(self, other: State) -> None:
        """Keep the later one."""
        assert isinstance(other, Last)
        self.time_ns, self.value = max((self.time_ns, self.value), (other.time_ns, other.value))

    def dump(self) -> Any:
        """Return it as JSON has it."""
        return [self.time_ns, self.value]

    @classmethod
    def load(cls, data: Any, _bounds: tuple[float, ...]) -> Last:
        """Return what was dumped; raises ValueError or TypeError for anything else."""
        time_ns, value = data
        if not math.isfinite(value):
            raise ValueError(value)
        return cls(_amount(time_ns), float(value))


class Distribution(_Slotted):
    """A histogram.

    Attributes:
        sum: of all amounts.
        counts: how many fell into each bucket alone, by its upper bound.
        exemplars: the latest of each bucket, by its upper bound.
    """

    __slots__ = ("counts", "exemplars", "sum")

    def __init__(
        self,
        total: int = 0,
        counts: dict[float, int] | None = None,
        exemplars: dict[float, Exemplar] | None = None,
    ) -> None:
        self.sum = total
        self.counts = {} if counts is None else counts
        self.exemplars = {} if exemplars is None else exemplars

    @property
    def count(self) -> int:
        """How many observations there are."""
        return sum(self.counts.values())

    def add(self, bound: float, exemplar: Exemplar) -> None:
        """Add one observation to the bucket of an upper bound."""
        self.sum = min(MOST_AMOUNT, self.sum + exemplar.amount)
        self.counts[bound] = self.counts.get(bound, 0) + 1
        self._keep(bound, exemplar)

    def merge(self, other: State) -> None:
        """Add another."""
        assert isinstance(other, Distribution)
        self.sum = min(MOST_AMOUNT, self.sum + other.sum)
        for bound, count in other.counts.items():
            self.counts[bound] = min(MOST_AMOUNT, self.counts.get(bound, 0) + count)
        for bound, exemplar in other.exemplars.items():
            self._keep(bound, exemplar)

    def dump(self) -> Any:
        """Return it as JSON has it; the last bucket's bound is null."""
        counts = [[_finite(bound), count] for bound, count in sorted(self.counts.items())]
        return [self.sum, counts, [[_finite(bound), *each] for bound, each in sorted(self.exemplars.items())]]

    @classmethod
    def load(cls, data: Any, bounds: tuple[float, ...]) -> Distribution:
        """Return what was dumped, with what was in buckets that are no more in the next larger ones.

        Raises:
            ValueError: it was not dumped here.
            TypeError: likewise.
        """
        total, counts, exemplars = data
        made = cls(_amount(total))
        for bound, count in counts:
            place = bound_of(bounds, math.inf if bound is None else bound)
            made.counts[place] = made.counts.get(place, 0) + _amount(count)
        for bound, time_ns, amount, trace_id, span_id in exemplars:
            place = bound_of(bounds, math.inf if bound is None else bound)
            made._keep(place, Exemplar(_amount(time_ns), _amount(amount), str(trace_id), str(span_id)))
        return made

    def _keep(self, bound: float, exemplar: Exemplar) -> None:
        kept = self.exemplars.get(bound)
        if kept is None or exemplar > kept:
            self.exemplars[bound] = exemplar


State: TypeAlias = Sum | Last | Distribution

_STATES: tuple[tuple[str, type[State]], ...] = (
    ("counter", Sum),
    ("gauge", Last),
    ("histogram", Distribution),
)


def bound_of(bounds: tuple[float, ...], value: float) -> float:
    """Return the upper bound of the bucket that a value falls into."""
    index = bisect_left(bounds, value)
    return bounds[index] if index < len(bounds) else math.inf


def dump(state: State) -> str:
    """Return a state as compact JSON."""
    return json.dumps(state.dump(), separators=(",", ":"))


def load(metric: Metric, text: str) -> State | None:
    """Return the state of a series of a metric from its JSON; None if it is damaged."""
    try:
        data = json.loads(text)
        return dict(_STATES)[metric.kind].load(data, metric.buckets)
    except (ValueError, TypeError, RecursionError):
        return None


class Entry(_Slotted):
    """What is to be added to one series.

    Attributes:
        state: to be added.
        observations: how many things that is; 0 only makes the series known.
        seen_ns: the time of the latest of them, since the epoch.
    """

    __slots__ = ("observations", "seen_ns", "state")

    def __init__(self, state: State, observations: int = 0, seen_ns: int = 0) -> None:
        self.state = state
        self.observations = observations
        self.seen_ns = seen_ns


class Deltas:
    """What is to be added to totals."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: dict[Key, Entry] = {}

    def count(self, name: str, amount: float = 1, *, time_ns: int = 0, **labels: str) -> None:
        """Add to a counter.

        Args:
            name: of the metric; the prefix may be missing.
            amount: in the metric's unit; nothing below 0 is added.
            time_ns: when, since the epoch.
            labels: all that the metric has.

        Raises:
            KeyError: there is no such metric, or a label is missing.
        """
        metric = metric_of(name)
        values = tuple(clean(labels[each]) for each in metric.labels)
        self.add(metric, values, max(0, round(amount * scale_of(metric))), time_ns)

    def add(self, metric: Metric, labels: tuple[str, ...], amount: int, time_ns: int, observations: int = 1) -> None:
        """Add to a counter; without observations, only make it known."""
        self.merge(Key(metric.name, labels), Entry(Sum(amount), observations, time_ns))

    def set(self, metric: Metric, labels: tuple[str, ...], value: float, time_ns: int) -> None:
        """Set a gauge."""
        self.merge(Key(metric.name, labels), Entry(Last(time_ns, value), 1, time_ns))

    def observe(self, metric: Metric, labels: tuple[str, ...], exemplar: Exemplar) -> None:
        """Add an observation to a histogram."""
        key = Key(metric.name, labels)
        entry = self.entries.get(key)
        if entry is None:
            entry = self.entries[key] = Entry(Distribution())
        assert isinstance(entry.state, Distribution)
        entry.state.add(bound_of(metric.buckets, exemplar.amount / scale_of(metric)), exemplar)
        entry.observations += 1
        entry.seen_ns = max(entry.seen_ns, exemplar.time_ns)

    def merge(self, key: Key, entry: Entry) -> None:
        """Add to any series; the entry may be kept, and changed."""
        kept = self.entries.get(key)
        if kept is None:
            self.entries[key] = entry
            return
        kept.state.merge(entry.state)
        kept.observations += entry.observations
        kept.seen_ns = max(kept.seen_ns, entry.seen_ns)


def clean(text: str) -> str:
    """Return a text that can be the value of a label: bounded, and with nothing that the parser of a page minds."""
    if text.isascii() and text.isprintable() and len(text) <= _MOST_CHARACTERS:
        return text
    return INVISIBLE.sub("\ufffd", text[:_MOST_CHARACTERS])


def _amount(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(value)
    return min(MOST_AMOUNT, value)


def _finite(bound: float) -> float | None:
    return None if math.isinf(bound) else bound
