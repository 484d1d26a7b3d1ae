"""What was recorded, with the questions that a test asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pellucid.observability.semconv import EVENTS, METRICS, PREFIX
from pellucid.observability.semconv import metric as metric_of
from pellucid.testing._errors import NotRecordedError, choice
from pellucid.testing._spans import outline_of, trees_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pellucid.observability.metrics import Totals
    from pellucid.observability.semconv import Metric
    from pellucid.testing._spans import CapturedSpan, Tree

_T = TypeVar("_T")
_CLOSED_LABELS = ("result", "operation", "state")


@dataclass(frozen=True)
class Recorded:
    """Everything that was recorded up to a moment.

    Attributes:
        spans: by start.
        totals: what was counted.
        logs: the log lines, in the order in which they were written.
        sessions: how many were made.
        open_sessions: how many of these are not closed.
    """

    spans: tuple[CapturedSpan, ...]
    totals: Totals
    logs: tuple[dict[str, Any], ...]
    sessions: int
    open_sessions: int


class Telemetry:
    """What the sessions of a block recorded; complete for each session that is closed, in all its processes.

    It may be asked inside of the block and after it. Whoever asks for a name that is not there is told the nearest.

    Args:
        read: returns what is recorded by now.
    """

    def __init__(self, read: Callable[[], Recorded]) -> None:
        self._read = read

    # ------------------------------------------------------------------------------------------------ spans

    @property
    def spans(self) -> tuple[CapturedSpan, ...]:
        """All spans, by start.

        Raises:
            NotRecordedError: nothing was recorded at all.
        """
        return self._recorded().spans

    def span(self, name: str, **fields: str) -> CapturedSpan:
        """Return the one span of a name.

        Args:
            name: of the span.
            fields: what else it has, where several are called so: ``kind="load"``, ``result="failure"`` and so on.

        Raises:
            NotRecordedError: there is none, or there are several.
        """
        named = self.spans_of(name)
        found = [each for each in named if all(getattr(each, field) == value for field, value in fields.items())]
        if len(found) == 1:
            return found[0]
        wanted = "".join(f", {field}={value!r}" for field, value in fields.items())
        if found:
            raise NotRecordedError(f"There are {len(found)} spans {name!r}{wanted}; spans_of({name!r}) returns all.")
        raise NotRecordedError(f"There is no span {name!r}{wanted}; of that name there are {_listed(named)}.")

    def spans_of(self, name: str) -> tuple[CapturedSpan, ...]:
        """Return the spans of a name, by start.

        Raises:
            NotRecordedError: there is none.
        """
        spans = self.spans
        found = tuple(each for each in spans if each.name == name)
        if not found:
            raise NotRecordedError(f"There is no span {name!r}.{choice(name, (each.name for each in spans))}")
        return found

    def children(self, span: CapturedSpan) -> tuple[CapturedSpan, ...]:
        """Return the spans directly in one, by start."""
        return tuple(e for e in self.spans if (e.trace_id, e.parent_id) == (span.trace_id, span.span_id))

    def tree(self, *, by_name: bool = False) -> tuple[Tree, ...]:
        """Return the names of all spans as nested tuples: of each the name, and those in it.

        Args:
            by_name: order what is in one span by name; the default is by start, which varies where nodes run at once.
        """
        return trees_of(self.spans, by_name=by_name)

    def outline(self, *, by_name: bool = False) -> str:
        """Return the tree as text: a line for each span, what is in it indented.

        Args:
            by_name: as for ``tree``.
        """
        return outline_of(self.tree(by_name=by_name))

    # ------------------------------------------------------------------------------------------------ metrics

    def metric(self, name: str, **labels: str) -> float:
        """Return the value of a counter or gauge, or how many observations a histogram has.

        Args:
            name: of the metric; the prefix ``pellucid_`` may be left out.
            labels: of the series; what is left out is added up.

        Returns:
            the value; 0 for a counter whose labels were seen, but not together, or never with this result.

        Raises:
            NotRecordedError: there is no such metric or label, or no node, dataset or pipeline of this name was seen.
        """
        metric, totals = self._metric(name, labels)
        if metric.kind == "histogram":
            return totals.count(metric.name, **labels)
        return _asked(lambda: totals.value(metric.name, **labels))

    def metric_sum(self, name: str, **labels: str) -> float:
        """Return the sum of what a histogram observed, in its unit: seconds for a duration.

        Raises:
            NotRecordedError: as ``metric``; also if it is no histogram.
        """
        metric, totals = self._metric(name, labels)
        if metric.kind != "histogram":
            raise NotRecordedError(f"{metric.name} is a {metric.kind}: metric() returns its value.")
        return totals.sum(metric.name, **labels)

    def series(self, name: str) -> list[dict[str, str]]:
        """Return the labels of all series of a metric, sorted.

        Raises:
            NotRecordedError: there is no such metric.
        """
        metric, totals = self._metric(name, {})
        return totals.labels(metric.name)

    def _metric(self, name: str, labels: dict[str, str]) -> tuple[Metric, Totals]:
        known = [each.name for each in METRICS]
        full = name if name.startswith(PREFIX) else f"{PREFIX}{name}"
        if full not in known:
            shown = known if full is name else [each.removeprefix(PREFIX) for each in known]
            raise NotRecordedError(f"There is no metric {name!r}.{choice(name, shown)}")
        metric, totals = metric_of(full), self._recorded().totals
        for label, value in labels.items():
            if label not in metric.labels:
                raise NotRecordedError(f"{full} has no label {label!r}.{choice(label, metric.labels)}")
            seen = totals.values_of(metric, label)
            if label not in _CLOSED_LABELS and value not in seen:
                raise NotRecordedError(f"{full} has no series with {label}={value!r}.{choice(value, seen)}")
        return metric, totals

    # ------------------------------------------------------------------------------------------------ logs

    @property
    def logs(self) -> tuple[dict[str, Any], ...]:
        """All log lines as dictionaries: the built-in events, and what the pipeline's own code and libraries logged.

        Raises:
            NotRecordedError: nothing was recorded at all.
        """
        return self._recorded().logs

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the log lines of one event or text.

        Args:
            name: such as ``node.failed``, or what somebody logged.

        Raises:
            NotRecordedError: it is no built-in event, and nobody logged it.
        """
        logs = self.logs
        found = [each for each in logs if each["event"] == name]
        known = [each.name for each in EVENTS]
        if not found and name not in known:
            texts = [str(each["event"]) for each in logs]
            raise NotRecordedError(f"There is no event {name!r}.{choice(name, [*texts, *known])}")
        return found

    # ------------------------------------------------------------------------------------------------

    def _recorded(self) -> Recorded:
        recorded = self._read()
        if not recorded.spans:
            raise NotRecordedError(_why_nothing(recorded))
        return recorded

    def __repr__(self) -> str:
        recorded = self._read()
        counts = f"{len(recorded.spans)} spans, {len(recorded.logs)} log lines, {recorded.sessions} sessions"
        return f"<{type(self).__name__}: {counts}>"


def _why_nothing(recorded: Recorded) -> str:
    if recorded.open_sessions:
        return "Nothing is recorded yet: the session is still open. Ask when its 'with' block has ended."
    if recorded.sessions:
        return "Nothing was recorded, though a session was made: telemetry failed, and has logged why."
    return (
        "Nothing was recorded: no session was made in the block. One that was made before it, in a thread that was "
        "started in it, or with the plugin 'pellucid' in DISABLE_HOOKS_FOR_PLUGINS is not recorded here."
    )


def _asked(question: Callable[[], _T]) -> _T:
    try:
        return question()
    except ValueError as error:
        raise NotRecordedError(f"{error}; give more labels, as series() has them.") from None


def _listed(spans: Sequence[CapturedSpan] | Iterable[CapturedSpan]) -> str:
    return ", ".join(f"{each.kind or 'own'} ({each.result or 'no result'})" for each in spans)
