"""Totals as a page that Prometheus reads."""

from __future__ import annotations

import math
import platform
from collections import Counter
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from pellucid._version import __version__
from pellucid.observability.metrics._accept import is_openmetrics_wanted
from pellucid.observability.metrics._series import Distribution, Last, Sum, clean, scale_of
from pellucid.observability.metrics._view import cumulated, metrics
from pellucid.observability.semconv import metric as metric_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric as Family

    from pellucid.observability.metrics._series import State
    from pellucid.observability.metrics._view import Totals
    from pellucid.observability.semconv import Metric

TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_EOF = b"# EOF\n"


@dataclass(frozen=True)
class LiveState:
    """What is no total: how things are now.

    Attributes:
        active: how many runs are going on, by pipeline.
        spool_spans: that are kept until they are delivered; None if that is not known.
        spool_bytes: of what is kept until it is delivered; None if that is not known.
        expected_interval_seconds: how often a pipeline is expected to run, by its name.
    """

    active: Mapping[str, int] = field(default_factory=dict)
    spool_spans: int | None = None
    spool_bytes: int | None = None
    expected_interval_seconds: Mapping[str, float] = field(default_factory=dict)


_BUILD = metric_of("build_info")
_FAULTS = metric_of("telemetry_faults_total")
_RUNS = metric_of("pipeline_runs_total")


def render(totals: Totals, live: LiveState | None, accept: str) -> tuple[bytes, str]:
    """Return a page with all metrics, sorted by name, and its content type.

    A metric that cannot be collected or written is left out, and counted in ``telemetry_faults_total``.

    Args:
        totals: what was counted.
        live: how things are now; None leaves that out.
        accept: the ``Accept`` header of the request; OpenMetrics 1.0 if it prefers that, else Prometheus text 0.0.4.
    """
    from prometheus_client import CollectorRegistry, exposition
    from prometheus_client.openmetrics import exposition as openmetrics

    wanted = is_openmetrics_wanted(accept)
    encode: Callable[[CollectorRegistry], bytes] = openmetrics.generate_latest if wanted else exposition.generate_latest
    faults: Counter[str] = Counter()
    chunks: dict[str, bytes] = {}
    for collector in _collectors(totals, live, faults):
        one = CollectorRegistry(auto_describe=False)
        one.register(collector)
        try:
            chunks[collector.metric.name] = encode(one).removesuffix(_EOF)
        except Exception:
            faults["render"] += 1
    page = b"".join(chunks[name] for name in sorted(chunks))
    return (page + _EOF, OPENMETRICS_TYPE) if wanted else (page, TEXT_TYPE)


def registry(totals: Totals, live: LiveState | None = None, into: CollectorRegistry | None = None) -> CollectorRegistry:
    """Return a registry of prometheus_client with all metrics, for a page of one's own.

    Args:
        totals: what was counted.
        live: how things are now.
        into: a registry to add them to; None makes one.
    """
    from prometheus_client import CollectorRegistry

    made = CollectorRegistry(auto_describe=False) if into is None else into
    for collector in _collectors(totals, live, Counter()):
        made.register(collector)
    return made


class _Collector:
    """Collects one metric; what fails is left out and counted.

    Args:
        metric: to be collected.
        totals: what was counted.
        live: how things are now.
        faults: where faults are counted, by part of telemetry.
    """

    def __init__(self, metric: Metric, totals: Totals, live: LiveState | None, faults: Counter[str]) -> None:
        self.metric = metric
        self._totals = totals
        self._live = live
        self._faults = faults

    def describe(self) -> Iterable[Family]:
        """Return the metric without samples: a registry looks here for its name."""
        return [_family(self.metric)]

    def collect(self) -> Iterable[Family]:
        """Return the metric with its samples, or nothing where there are none."""
        try:
            family = _family(self.metric)
            self._fill(family)
        except Exception:
            self._faults["render"] += 1
            return []
        return [family] if family.samples else []

    def _fill(self, family: Family) -> None:
        metric = self.metric
        live = _live_values(metric, self._live, self._totals)
        for values, number in live.items():
            family.add_sample(metric.name, _labels(metric, values), number)
        for values, state in self._totals.of(metric):
            if isinstance(state, Distribution):
                _add_histogram(family, metric, _labels(metric, values), state)
            elif values not in live:
                own = self._faults[values[0]] if metric.name == _FAULTS.name else 0
                family.add_sample(metric.name, _labels(metric, values), _number(metric, state) + own)
        if metric.name == _FAULTS.name:
            known = {values for values, _ in self._totals.of(metric)}
            for part in sorted(part for part in self._faults if (part,) not in known):
                family.add_sample(metric.name, {"part": part}, float(self._faults[part]))


def _collectors(totals: Totals, live: LiveState | None, faults: Counter[str]) -> Iterator[_Collector]:
    """Make one for each metric; the one of faults is last, to know those of the others."""
    for metric in (*(each for each in metrics() if each is not _FAULTS), _FAULTS):
        yield _Collector(metric, totals, live, faults)


def _family(metric: Metric) -> Family:
    from prometheus_client.core import Metric as Family

    # prometheus_client wants a counter without its suffix, and puts it back where the format has it.
    name = metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name
    return Family(name, metric.text, metric.kind)


def _labels(metric: Metric, values: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(metric.labels, values, strict=True))


def _number(metric: Metric, state: State) -> float:
    if isinstance(state, Sum):
        return state.amount / scale_of(metric)
    return state.value if isinstance(state, Last) else math.nan


def _add_histogram(family: Family, metric: Metric, labels: dict[str, str], state: Distribution) -> None:
    from prometheus_client.core import Exemplar, Timestamp

    scale = scale_of(metric)
    count = 0
    for bound, count in cumulated(metric, state).items():
        kept = state.exemplars.get(bound)
        exemplar = None
        if kept is not None:
            ids = {"trace_id": kept.trace_id, "span_id": kept.span_id}
            exemplar = Exemplar(ids, kept.amount / scale, Timestamp(*divmod(kept.time_ns, 1_000_000_000)))
        place = {**labels, "le": "+Inf" if math.isinf(bound) else repr(bound)}
        family.add_sample(f"{metric.name}_bucket", place, count, exemplar=exemplar)
    family.add_sample(f"{metric.name}_count", labels, count)
    family.add_sample(f"{metric.name}_sum", labels, state.sum / scale)


def _live_values(metric: Metric, live: LiveState | None, totals: Totals) -> dict[tuple[str, ...], float]:
    """Return what is known of a gauge that is no total, by values of its labels, sorted."""
    if metric is _BUILD:
        return {(__version__, platform.python_version()): 1.0}
    look = _LIVE.get(metric.name)
    return look(live, totals) if look is not None and live is not None else {}


def _active(live: LiveState, totals: Totals) -> dict[tuple[str, ...], float]:
    """Return the runs that are going on; of a pipeline that ran before there are 0, not none."""
    return _by_pipeline({**dict.fromkeys(totals.values_of(_RUNS, "pipeline"), 0), **live.active})


def _by_pipeline(values: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    return {(clean(name),): float(value) for name, value in sorted(values.items())}


def _alone(value: float | None) -> dict[tuple[str, ...], float]:
    return {} if value is None else {(): float(value)}


_LIVE: Mapping[str, Callable[[LiveState, Totals], dict[tuple[str, ...], float]]] = MappingProxyType(
    {
        metric_of("pipeline_runs_active").name: _active,
        metric_of("pipeline_expected_interval_seconds").name: lambda live, _: _by_pipeline(
            live.expected_interval_seconds
        ),
        metric_of("telemetry_spool_spans").name: lambda live, _: _alone(live.spool_spans),
        metric_of("telemetry_spool_bytes").name: lambda live, _: _alone(live.spool_bytes),
    }
)
