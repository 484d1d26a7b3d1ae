"""Totals as they were at one moment, to be read."""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pellucid.observability.metrics._series import Distribution, Exemplar, Key, Last, State, Sum, scale_of
from pellucid.observability.semconv import METRICS, RESULTS, SPAN_STATES, Metric
from pellucid.observability.semconv import metric as metric_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_INITIALISED = (("result", RESULTS), ("state", SPAN_STATES))


@dataclass(frozen=True)
class Totals:
    """A snapshot of all series; names of metrics may lack the prefix.

    A counter with a label ``result`` or ``state`` has a series for each of its values once there is one of them, so
    that what never happened is a 0 and not an absence.

    Attributes:
        series: by key, without what is a 0 for that reason.
    """

    series: Mapping[Key, State] = field(default_factory=dict)

    def value(self, name: str, **labels: str) -> float:
        """Return the value of a counter or gauge, in the metric's unit.

        Args:
            name: of the metric.
            labels: the series; where some are left out, counters are added up.

        Returns:
            the value; 0 for a counter and NaN for a gauge that does not exist.

        Raises:
            KeyError: there is no such metric or label.
            ValueError: several gauges fit, or it is a histogram.
        """
        metric = metric_of(name)
        states = [state for _, state in self._matching(metric, labels)]
        if metric.kind == "histogram":
            raise ValueError(f"{metric.name} is a histogram: it has count(), sum() and buckets()")
        if metric.kind == "counter":
            return sum(each.amount for each in states if isinstance(each, Sum)) / scale_of(metric)
        if len(states) > 1:
            raise ValueError(f"{len(states)} series of {metric.name} fit")
        return next((each.value for each in states if isinstance(each, Last)), math.nan)

    def count(self, name: str, **labels: str) -> int:
        """Return how many observations a histogram has, of all series that fit."""
        return self.distribution(name, **labels).count

    def sum(self, name: str, **labels: str) -> float:
        """Return the sum of a histogram's observations, in its unit, of all series that fit."""
        return self.distribution(name, **labels).sum / scale_of(metric_of(name))

    def buckets(self, name: str, **labels: str) -> dict[float, int]:
        """Return how many observations are at most each upper bound, of all series that fit."""
        return cumulated(metric_of(name), self.distribution(name, **labels))

    def exemplars(self, name: str, **labels: str) -> list[Exemplar]:
        """Return the exemplars of a histogram, from the smallest bucket to the largest."""
        return [each for _, each in sorted(self.distribution(name, **labels).exemplars.items())]

    def distribution(self, name: str, **labels: str) -> Distribution:
        """Return a histogram: the sum of all series that fit."""
        merged = Distribution()
        for _, state in self._matching(metric_of(name), labels):
            if isinstance(state, Distribution):
                merged.merge(state)
        return merged

    def labels(self, name: str) -> list[dict[str, str]]:
        """Return the labels of all series of a metric, sorted."""
        metric = metric_of(name)
        return [dict(zip(metric.labels, values, strict=True)) for values, _ in self.of(metric)]

    def values_of(self, metric: Metric, label: str) -> list[str]:
        """Return the values that a label has in the series of a metric, sorted."""
        at = metric.labels.index(label)
        return sorted({values[at] for values, _ in self.of(metric)})

    def of(self, metric: Metric) -> list[tuple[tuple[str, ...], State]]:
        """Return the label values and states of all series of a metric, sorted."""
        found = dict(self._by_metric.get(metric.name, {}))
        if metric.kind == "counter":
            for values in _initialised(metric, found):
                found.setdefault(values, Sum())
        return sorted(found.items(), key=lambda each: each[0])

    @functools.cached_property
    def _by_metric(self) -> dict[str, dict[tuple[str, ...], State]]:
        found: dict[str, dict[tuple[str, ...], State]] = {}
        for key, state in self.series.items():
            found.setdefault(key.metric, {})[key.labels] = state
        return found

    def _matching(self, metric: Metric, labels: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], State]]:
        unknown = set(labels) - set(metric.labels)
        if unknown:
            raise KeyError(f"{metric.name} has no label {', '.join(sorted(unknown))}")
        for values, state in self.of(metric):
            if all(labels.get(label, value) == value for label, value in zip(metric.labels, values, strict=True)):
                yield values, state


def cumulated(metric: Metric, state: Distribution) -> dict[float, int]:
    """Return the counts of a histogram as they are exposed: of all that is at most each upper bound."""
    bounds = (*metric.buckets, math.inf)
    return dict(zip(bounds, itertools.accumulate(state.counts.get(bound, 0) for bound in bounds), strict=True))


def metrics() -> tuple[Metric, ...]:
    """Return all metrics, sorted by name."""
    return tuple(sorted(METRICS, key=lambda each: each.name))


def _initialised(metric: Metric, found: Mapping[tuple[str, ...], State]) -> Iterator[tuple[str, ...]]:
    for label, words in _INITIALISED:
        if label in metric.labels:
            at = metric.labels.index(label)
            known = list(found) or ([("",)] if len(metric.labels) == 1 else [])
            for values in known:
                for word in words:
                    yield (*values[:at], word, *values[at + 1 :])
