"""Spans of OpenTelemetry's SDK that take anything: what they are given is made plain data before the SDK looks at it.

The SDK asks foreign objects for their text, cuts texts before secrets can be found in them, and warns of each attribute
that is too long, too many or of another type.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry import trace
from opentelemetry.sdk.trace import Span
from opentelemetry.util._decorator import _agnosticcontextmanager

from pellucid.exceptions import RunTerminated
from pellucid.observability.semconv import Attr
from pellucid.observability.tracing._shared import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from opentelemetry.context import Context

    from pellucid.observability.tracing._open import Scene

_T = TypeVar("_T")

_SHORT = 256
_MOST_READ = 10_000
_NUMBERS = (bool, int, float)
_EVENT = "exception"
_ESCAPED = "exception.escaped"


class Plain:
    """Makes plain data of what spans are given, without secrets where it is cut; never raises.

    Args:
        scene: of the recording.
    """

    def __init__(self, scene: Scene) -> None:
        options = scene.recording.options.tracing
        self._scene = scene
        self.most = max(0, options.attribute_count_limit)
        self._longest = max(0, options.attribute_value_length_limit)

    def value(self, key: str, value: Any) -> Any:
        """Return the value of an attribute."""
        kind = type(value)
        if value is None or kind in _NUMBERS or (kind is str and len(value) <= min(_SHORT, self._longest)):
            return value
        redactor = self._scene.redactor
        if key == Attr.EXCEPTION_STACKTRACE and kind is str:
            return cut(redactor.lines(value, self._longest), self._longest)
        return cut(redactor.attribute(key, value), self._longest)

    def attributes(self, given: Any) -> tuple[dict[str, Any], int]:
        """Return attributes, the last ones if there are too many, and how many were dropped."""
        nothing: tuple[dict[str, Any], int] = {}, 0
        return nothing if given is None else _or_else(nothing, lambda: self.pairs(given.items()))

    def pairs(self, given: Iterable[tuple[Any, Any]]) -> tuple[dict[str, Any], int]:
        """Return the same of pairs of key and value."""
        found: dict[str, Any] = {}
        size = 0
        for key, value in islice(given, _MOST_READ):
            size += 1
            name = _name(key)
            if name:
                found.pop(name, None)
                found[name] = self.value(name, value)
                if len(found) > self.most:
                    del found[next(iter(found))]
        return found, size - len(found)

    def links(self, given: Any) -> list[trace.Link]:
        """Return links with plain attributes."""
        return [] if given is None else _or_else([], lambda: [*self._links(given)])

    def told(self, error: BaseException) -> tuple[str, str, str]:
        """Return type, message and traceback of an exception."""
        return self._scene.redactor.exception(error)

    def _links(self, given: Iterable[Any]) -> Iterator[trace.Link]:
        for each in islice(given, _MOST_READ):
            if issubclass(type(each), trace.Link):
                yield trace.Link(each.context, self.attributes(each.attributes)[0])


class KeptSpan(Span):
    """A span whose methods take anything."""

    _plain: Plain

    def take(self, plain: Plain, dropped: int) -> None:
        """Take what makes plain data, and how many attributes of the start were dropped."""
        self._plain = plain
        kept: Any = self._attributes
        kept.dropped += dropped

    def set_attribute(self, key: Any, value: Any) -> None:
        """See ``opentelemetry.trace.Span``."""
        self._add(*self._plain.pairs([(key, value)]))

    def set_attributes(self, attributes: Any) -> None:
        """See ``opentelemetry.trace.Span``."""
        self._add(*self._plain.attributes(attributes))

    def _add(self, plain: dict[str, Any], dropped: int) -> None:
        if not self.is_recording():
            return
        with self._lock:
            kept: Any = self._attributes
            kept.dropped += dropped
            for key, value in plain.items():
                if key not in kept and len(kept) >= self._plain.most:
                    del kept[next(iter(kept))]
                    kept.dropped += 1
                kept[key] = value

    def add_event(self, name: Any, attributes: Any = None, timestamp: Any = None) -> None:
        """See ``opentelemetry.trace.Span``."""
        if self.is_recording():
            super().add_event(name, self._plain.attributes(attributes)[0], time_of(timestamp))

    def add_link(self, context: Any, attributes: Any = None) -> None:
        """See ``opentelemetry.trace.Span``."""
        if self.is_recording():
            super().add_link(context, self._plain.attributes(attributes)[0])

    def record_exception(
        self, exception: BaseException, attributes: Any = None, timestamp: Any = None, escaped: bool = False
    ) -> None:
        """See ``opentelemetry.trace.Span``."""
        self._record(self._plain.told(exception), attributes, timestamp, escaped=escaped)

    def end(self, end_time: Any = None) -> None:
        """See ``opentelemetry.trace.Span``."""
        if self.is_recording():
            super().end(time_of(end_time))

    def fail(self, error: BaseException, *, records: bool, sets_status: bool, escaped: bool = False) -> None:
        """Take an exception that ended what the span is about."""
        if not self.is_recording() or not (records or sets_status):
            return
        told = self._plain.told(error)
        if records:
            self._record(told, None, None, escaped=escaped)
        if sets_status:
            self.set_status(trace.Status(trace.StatusCode.ERROR, f"{told[0].rpartition('.')[2]}: {told[1]}"))

    def _record(self, told: tuple[str, str, str], attributes: Any, timestamp: Any, *, escaped: bool) -> None:
        kind, message, traceback = told
        found = {Attr.EXCEPTION_TYPE: kind, Attr.EXCEPTION_MESSAGE: message, Attr.EXCEPTION_STACKTRACE: traceback}
        given = self._plain.attributes(attributes)[0]
        if self.is_recording():
            # Bounded as those of nodes are, whose end says most: it is not to be cut off.
            super().add_event(_EVENT, {**found, _ESCAPED: str(escaped is True), **given}, time_of(timestamp))

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        if exc_val is not None:
            self.fail(exc_val, records=self._record_exception, sets_status=self._set_status_on_exception, escaped=True)
        self.end()


class KeptTracer(trace.Tracer):
    """Opens such spans.

    Args:
        tracer: of the SDK.
        plain: makes plain data.
    """

    def __init__(self, tracer: trace.Tracer, plain: Plain) -> None:
        self._tracer = tracer
        self._plain = plain

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: Any = trace.SpanKind.INTERNAL,
        attributes: Any = None,
        links: Any = None,
        start_time: Any = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> trace.Span:
        """See ``opentelemetry.trace.Tracer``."""
        given, dropped = self._plain.attributes(attributes)
        span = self._tracer.start_span(
            name,
            context,
            kind if isinstance(kind, trace.SpanKind) else trace.SpanKind.INTERNAL,
            given,
            self._plain.links(links),
            time_of(start_time),
            record_exception,
            set_status_on_exception,
        )
        if isinstance(span, Span):
            # The SDK makes its spans itself, of a class that it does not let choose.
            kept: Any = span
            kept.__class__ = KeptSpan
            kept.take(self._plain, dropped)
        return span

    @_agnosticcontextmanager
    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: Any = trace.SpanKind.INTERNAL,
        attributes: Any = None,
        links: Any = None,
        start_time: Any = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Iterator[trace.Span]:
        """See ``opentelemetry.trace.Tracer``."""
        span = self.start_span(
            name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
        )
        with trace.use_span(span, end_on_exit, record_exception=False, set_status_on_exception=False) as current:
            try:
                yield current
            except Exception as error:
                if isinstance(span, KeptSpan):
                    span.fail(error, records=record_exception, sets_status=set_status_on_exception)
                raise


def time_of(given: Any) -> int | None:
    """Return nanoseconds since the epoch; None of what is none."""
    return given if type(given) is int and given >= 0 else None


def _or_else(default: _T, read: Callable[[], _T]) -> _T:
    """Return what is read of somebody's object; the default where it raises. It is no fault of telemetry."""
    try:
        return read()
    except (KeyboardInterrupt, RunTerminated):
        raise
    except BaseException:  # of a hostile object: anything
        return default


def _name(key: Any) -> str:
    if issubclass(type(key), str):
        return str.__getitem__(key, slice(0, _SHORT))
    return str(key) if type(key) in _NUMBERS else ""
