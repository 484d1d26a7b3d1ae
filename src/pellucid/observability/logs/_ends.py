"""The events that there are most of: nodes, loads and saves that succeeded; made without a mapping of their fields.

What is the same for all events of a run, a node or a dataset is made once. Each is, byte for byte, what is made of the
fields of any event.
"""

from __future__ import annotations

import logging
from json.encoder import encode_basestring_ascii as _quoted
from struct import Struct
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from pellucid.observability.logs._entry import EVENTS_LOGGER, timestamp
from pellucid.observability.logs._events import LEVELS, SIZES
from pellucid.observability.logs._json import LONGEST_LINE
from pellucid.observability.logs._record import attributes_of, name_of_event, place_of, severity_of
from pellucid.observability.wire import bytes_field, fixed64_field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pellucid.observability.recording import Recording
    from pellucid.observability.records import RunScope, SpanRecord
    from pellucid.observability.redaction import Redactor

__all__ = ["EndLines", "EndRecords", "is_common"]

_T = TypeVar("_T")

# By kind of span: the event, and what is always in it after its duration.
_ENDS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "node": ("node.finished", "result", "success"),
        "load": ("dataset.loaded", "operation", "load"),
        "save": ("dataset.saved", "operation", "save"),
    }
)
_MOST_NAMES = 1024
_LARGEST_SIZE = 1 << 62
_BYTES, _ROWS = (key for key, _ in SIZES)

_pack_double = Struct("<d").pack
_DURATION = attributes_of({"duration_seconds": 0.0})[:-8]


def is_common(span: SpanRecord) -> bool:
    """Tell whether the end of a span is such an event."""
    return span.result == "success" and span.kind in _ENDS


class EndLines:
    """Makes lines of JSON of ends; several threads may use it.

    Args:
        recording: of the session.
    """

    def __init__(self, recording: Recording) -> None:
        self._redactor = recording.redactor
        self._known: _KnownLines | None = None
        self._second = ("-", "")

    def of(self, span: SpanRecord, node: str = "", dataset: str = "") -> bytes | None:
        """Return the line of the end of a span; None where there is something strange about it.

        Args:
            span: a node, load or save.
            node: its name, as JSON has it and not to be hidden, if that is known.
            dataset: its dataset's name, likewise.
        """
        known = self._known
        if known is None or known.scope is not span.scope or known.version != self._redactor.version:
            known = self._known = _KnownLines(span.scope, self._redactor)
        kind, ended_ns = span.kind, span.ended_ns
        head, tail = known.ends[kind]
        if kind != "node":
            facts = span.end_attributes
            if _BYTES in facts or _ROWS in facts:
                sizes = _sizes(span)
                if sizes is None:
                    return None
                for name, size in sizes:
                    tail = f'{tail},"{name}":{size}'
        if not node:
            names = known.nodes[span.node] + known.datasets[span.dataset]
        else:
            names = f',"node":{node},"dataset":{dataset}' if dataset else f',"node":{node}'
        digits = str(ended_ns)
        second, date = self._second
        if second != digits[:-9]:
            if not digits[:-9].isdigit():  # before, or hardly after, the epoch
                return None
            second, date = self._second = digits[:-9], timestamp(ended_ns)[:-7]
        taken_ns = ended_ns - span.started_ns
        # Rounded to a microsecond as any float is, but for less.
        seconds = (taken_ns + 500) // 1000 / 1e6 if taken_ns > 0 and taken_ns % 1000 != 500 else _seconds(span)
        line = (
            f'{{"timestamp":"{date}{digits[-9:-3]}Z{head}{span.span_id.hex()}{known.ids}{names}'
            f',"duration_seconds":{seconds!r}{tail}}}\n'
        )
        return line.encode("ascii") if len(line) <= LONGEST_LINE else None


class EndRecords:
    """Makes log records of OTLP of ends; several threads may use it.

    Args:
        recording: of the session.
    """

    def __init__(self, recording: Recording) -> None:
        self._clock, self._redactor = recording.clock, recording.redactor
        self._known: _KnownRecords | None = None

    def of(self, span: SpanRecord) -> bytes | None:
        """Return the record of the end of a span; None where there is something strange about it."""
        known = self._known
        if known is None or known.scope is not span.scope or known.version != self._redactor.version:
            known = self._known = _KnownRecords(span.scope, self._redactor)
        head, middle, tail = known.ends[span.kind]
        if span.kind != "node":
            sizes = _sizes(span)
            if sizes is None:
                return None
            if sizes:
                middle += attributes_of(dict(sizes))
        return b"".join(
            (
                fixed64_field(1, span.ended_ns),
                head,
                known.nodes[span.node],
                known.datasets[span.dataset],
                _DURATION,
                _pack_double(_seconds(span)),
                middle,
                known.trace,
                bytes_field(10, span.span_id),
                fixed64_field(11, self._clock.now_ns()),
                tail,
            )
        )


class _Names(dict[str, _T]):
    """What is made of names, each once."""

    def __init__(self, make: Callable[[str], _T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> _T:
        if len(self) >= _MOST_NAMES:
            self.clear()
        made = self[name] = self._make(name)
        return made


class _KnownLines:
    """What lines of one run have in common, for as long as what is secret does not change."""

    __slots__ = ("datasets", "ends", "ids", "nodes", "scope", "version")

    def __init__(self, scope: RunScope, redactor: Redactor) -> None:
        self.scope, self.version = scope, redactor.version

        def pair(key: str, text: str) -> str:
            return f',"{key}":{_quoted(redactor.text(text))}' if text else ""

        self.ends = {kind: (_head(name, scope), f',"{key}":"{value}"') for kind, (name, key, value) in _ENDS.items()}
        session_id, run_id = _quoted(scope.session_id), _quoted(scope.run_id)
        self.ids = f'","session_id":{session_id},"run_id":{run_id}{pair("pipeline", scope.pipeline)}'
        self.nodes = _Names(lambda name: pair("node", name))
        self.datasets = _Names(lambda name: pair("dataset", name))


class _KnownRecords:
    """What records of one run have in common, for as long as what is secret does not change."""

    __slots__ = ("datasets", "ends", "nodes", "scope", "trace", "version")

    def __init__(self, scope: RunScope, redactor: Redactor) -> None:
        self.scope, self.version = scope, redactor.version

        def pair(key: str, text: str) -> bytes:
            return attributes_of({key: redactor.text(text)}) if text else b""

        ids = attributes_of({"logger": EVENTS_LOGGER, "session_id": scope.session_id, "run_id": scope.run_id})
        ids += pair("pipeline", scope.pipeline)
        self.ends = {
            kind: (
                severity_of(LEVELS[name], logging.getLevelName(LEVELS[name]), name) + ids,
                attributes_of({key: value}),
                name_of_event(name),
            )
            for kind, (name, key, value) in _ENDS.items()
        }
        self.trace = place_of(scope)
        self.nodes = _Names(lambda name: pair("node", name))
        self.datasets = _Names(lambda name: pair("dataset", name))


def _head(name: str, scope: RunScope) -> str:
    level = _quoted(logging.getLevelName(LEVELS[name]))
    return (
        f'","level":{level},"event":"{name}","logger":"{EVENTS_LOGGER}","trace_id":"{scope.trace_id.hex()}","span_id":"'
    )


def _seconds(span: SpanRecord) -> float:
    """Return how long a span took, rounded to a microsecond as any float is, but for less."""
    taken_ns = span.ended_ns - span.started_ns
    if taken_ns > 0 and taken_ns % 1000 != 500:
        return (taken_ns + 500) // 1000 / 1e6
    return round(span.duration_seconds, 6)


def _sizes(span: SpanRecord) -> list[tuple[str, int]] | None:
    """Return how large a dataset is, by the fields' names; None if that is no plain number."""
    known: dict[str, Any] = span.end_attributes
    found = []
    for key, name in SIZES:
        if key in known:
            size = known[key]
            if type(size) is not int or not 0 <= size < _LARGEST_SIZE:
                return None
            found.append((name, size))
    return found
