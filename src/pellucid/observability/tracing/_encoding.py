"""Spans of the runtime as OTLP: what is known at the start, and the rest that makes it whole at the end.

Fields of a message may stand in any order, and repeated ones add up (protocol buffers, "Encoding"), so that the whole
span is the bytes of its start with others after them.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pellucid.observability.semconv import Attr
from pellucid.observability.wire import (
    WireError,
    bytes_field,
    decode_span,
    fixed32_field,
    fixed64_field,
    key_value,
    key_values,
    text_field,
    varint,
    varint_field,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pellucid.observability.options import TracingOptions
    from pellucid.observability.records import Result, RunScope, SpanRecord

SAMPLED = 0x01
KNOWS_REMOTE = 0x100
IS_REMOTE = 0x200

INTERNAL, SERVER = 1, 2
ERROR = 2
LOST = "ProcessLost"
"""The ``error.type`` of what was open when its process died."""

_MOST_CACHED = 4096
_LONGEST_KEPT = 1024
_RESULTS = {"run": Attr.PIPELINE_RESULT, "node": Attr.TASK_RESULT}
_AT_END = frozenset({Attr.RESULT, Attr.PIPELINE_RESULT, Attr.TASK_RESULT, Attr.ERROR_TYPE})

# Each occurs in few spans, so that its encoding is not worth keeping.
_NAMES = frozenset({Attr.TASK_NAME, Attr.DATASET_NAME})

_pack_start = Struct("<BQ").pack  # a tag and a fixed64
_START_TIME, _END_TIME = 0x39, 0x41
_TOO_LARGE = 1 << 63
_LONGEST_NAME = 0x80 - 14  # so that all lengths fit in one byte
_pack_double = Struct("<d").pack
_KIND_RUN, _KIND_OTHER = varint_field(6, SERVER), varint_field(6, INTERNAL)
_BYTES = tuple(bytes((each,)) for each in range(0x80))


class Redacts(Protocol):
    """Hides secrets, and bounds what is left."""

    @property
    def version(self) -> int:
        """Changes with what is hidden."""
        ...

    def text(self, text: str, /) -> str:
        """Return a text that may be shown."""
        ...

    def attribute(self, key: str, value: Any, /) -> Any:
        """Return a value that may be shown, of a type that OTLP has."""
        ...

    def exception(self, error: BaseException, /) -> tuple[str, str, str]:
        """Return type, message and traceback."""
        ...


class _Constants(NamedTuple):
    attributes: Mapping[str, Any]  # held, so that its id stays its own
    name: str
    session_id: str
    encoded: bytes
    kept: int
    dropped: int


class _Numbers:
    """Encodes numeric attributes of one name.

    Args:
        name: as field of a ``KeyValue``, of at most 113 bytes.
    """

    __slots__ = ("_integer", "_real")

    def __init__(self, name: bytes) -> None:
        self._real = b"\x4a" + _BYTES[len(name) + 11] + name + b"\x12\x09\x21"
        self._integer = tuple(
            b"\x4a" + _BYTES[len(name) + size + 3] + name + b"\x12" + _BYTES[size + 1] + b"\x18" for size in range(11)
        )

    def __call__(self, value: float) -> bytes:
        """Return a field of type ``KeyValue``."""
        if type(value) is float:
            return self._real + _pack_double(value)
        encoded = varint(int(value))
        return self._integer[len(encoded)] + encoded


class SpanEncoder:
    """Encodes spans of the runtime; what they share is encoded once.

    Args:
        redactor: hides secrets.
        options: limits of attributes. The few attributes that say what a span is and how it ended are beyond them.
    """

    def __init__(self, redactor: Redacts, options: TracingOptions) -> None:
        self._redactor = redactor
        self._most = max(0, options.attribute_count_limit)
        self._longest = max(0, options.attribute_value_length_limit)
        self._scopes: dict[int, tuple[RunScope, bytes]] = {}
        self._constants: dict[int, _Constants] = {}
        self._version = redactor.version
        self._pairs: dict[tuple[str, Any], bytes] = {}
        self._numbers: dict[str, _Numbers] = {}
        self._ends: dict[tuple[str, str], bytes] = {}

    def start(self, span: SpanRecord) -> bytes:
        """Return a ``Span`` message without an end."""
        if self._version != self._redactor.version:
            self._forget()
        scope = self._scopes.get(id(span.scope))
        prefix = self._prefix(span.scope) if scope is None else scope[1]
        constants = self._constants_of(span)
        parent = span.parent_id
        parts = [
            prefix,
            b"\x12\x08",
            span.span_id,
            b'"\x08' + parent if parent else b"",
            constants.encoded,
            _pack_start(_START_TIME, span.started_ns),
        ]
        if parent and span.kind == "session":
            # The only one whose parent is in another process; of a field that occurs twice the last one counts.
            parts.append(fixed32_field(16, int(span.scope.sampled) | KNOWS_REMOTE | IS_REMOTE))
        return b"".join(parts)

    def end(self, span: SpanRecord, start: bytes) -> bytes:
        """Return the whole ``Span`` message.

        Args:
            span: that has ended.
            start: what ``start`` returned for it.
        """
        if self._version != self._redactor.version:
            self._forget()
        key = (span.kind, span.result)
        ending = self._ends.get(key)
        if ending is None:
            ending = self._ends[key] = _ending(*key)
        parts = [start, _pack_start(_END_TIME, max(span.ended_ns, span.started_ns)), ending]
        if span.end_attributes:
            parts.extend(self._end_attributes(span))
        if span.result != "success":
            parts.extend(self._failure(span))
        parts.extend(self._link(*link) for link in span.links)
        return b"".join(parts)

    def _forget(self) -> None:
        """Redact anew what was kept: there is more to be hidden now."""
        self._version = self._redactor.version
        self._constants.clear()
        self._pairs.clear()

    def _prefix(self, scope: RunScope) -> bytes:
        encoded = bytes_field(1, scope.trace_id) + fixed32_field(16, int(scope.sampled) | KNOWS_REMOTE)
        if scope.trace_state:
            encoded += text_field(3, scope.trace_state)
        if len(self._scopes) >= _MOST_CACHED:
            self._scopes.clear()
        self._scopes[id(scope)] = scope, encoded
        return encoded

    def _constants_of(self, span: SpanRecord) -> _Constants:
        known = self._constants.get(id(span.attributes))
        if (
            known is None
            or known.attributes is not span.attributes
            or known.name != span.name
            or known.session_id != span.scope.session_id
        ):
            known = self._encode_constants(span)
            if len(self._constants) >= _MOST_CACHED:
                self._constants.clear()
            self._constants[id(span.attributes)] = known
        return known

    def _encode_constants(self, span: SpanRecord) -> _Constants:
        given = span.attributes
        kept = given if len(given) <= self._most else dict(list(given.items())[: self._most])
        own = [(key, value) for key, value in _own_attributes(span) if key not in kept]
        encoded = [text_field(5, self._redactor.text(span.name)), _KIND_RUN if span.kind == "run" else _KIND_OTHER]
        encoded.extend([self._pair(key, value) for key, value in own])
        encoded.extend([self._pair(key, value) for key, value in kept.items()])
        dropped = len(given) - len(kept)
        if dropped:
            encoded.append(varint_field(10, dropped))
        return _Constants(span.attributes, span.name, span.scope.session_id, b"".join(encoded), len(kept), dropped)

    def _end_attributes(self, span: SpanRecord) -> list[bytes]:
        given, at_start, numbers = span.end_attributes, span.attributes, self._numbers
        found: list[bytes] = []
        for key, value in given.items():
            if key in _AT_END or key in at_start:
                continue  # keys are unique
            kind = type(value)
            if kind is str:
                found.append(self._pair(key, value))
            elif key in numbers and (
                (kind is float and value - value == 0) or (kind is int and -_TOO_LARGE <= value < _TOO_LARGE)
            ):
                found.append(numbers[key](value))
            else:
                found.append(self._other(key, value))
        if len(found) + len(at_start) <= self._most:
            return found
        constants = self._constants_of(span)
        room = max(0, self._most - constants.kept)
        return [*found[:room], varint_field(10, constants.dropped + len(found[room:]))]

    def _other(self, key: str, value: Any) -> bytes:
        # A number under a name that hides none is encoded without asking again.
        name = text_field(1, key)
        if type(value) in (int, float) and len(name) < _LONGEST_NAME and self._redactor.attribute(key, 1) == 1:
            self._numbers[key] = _Numbers(name)
        return self._attribute(key, value)

    def _pair(self, key: str, value: Any) -> bytes:
        """Return an attribute; texts and truth values that occur again are encoded once."""
        kind = type(value)
        if (kind is not str and kind is not bool) or key in _NAMES:
            return self._attribute(key, value)
        known = self._pairs.get((key, value))
        if known is None:
            known = self._attribute(key, value)
            if kind is bool or len(value) <= _LONGEST_KEPT:
                if len(self._pairs) >= _MOST_CACHED:
                    self._pairs.clear()
                self._pairs[key, value] = known
        return known

    def _attribute(self, key: str, value: Any) -> bytes:
        return key_value(9, key, self._bounded(self._redactor.attribute(key, value)))

    def _bounded(self, value: Any) -> Any:
        if isinstance(value, str):
            return value[: self._longest]
        if isinstance(value, (list, tuple)):
            return [self._bounded(each) for each in value]
        return value

    def _failure(self, span: SpanRecord) -> Iterator[bytes]:
        given = span.end_attributes.get(Attr.ERROR_TYPE)
        if span.error is None:
            yield key_value(9, Attr.ERROR_TYPE, given or span.result)
            yield _status("")
            return
        kind, message, traceback = self._redactor.exception(span.error)
        yield key_value(9, Attr.ERROR_TYPE, given or kind)
        told = {Attr.EXCEPTION_TYPE: kind, Attr.EXCEPTION_MESSAGE: message, Attr.EXCEPTION_STACKTRACE: traceback}
        event = fixed64_field(1, max(span.ended_ns, span.started_ns)) + text_field(2, "exception") + key_values(3, told)
        yield bytes_field(11, event)
        yield _status(f"{kind}: {message}"[: self._longest] if message else kind)

    def _link(self, trace_id: bytes, span_id: bytes, attributes: Mapping[str, Any]) -> bytes:
        clean = {key: self._bounded(self._redactor.attribute(key, value)) for key, value in attributes.items()}
        return bytes_field(13, bytes_field(1, trace_id) + bytes_field(2, span_id) + key_values(4, clean))


def _own_attributes(span: SpanRecord) -> Iterator[tuple[str, Any]]:
    yield Attr.KIND, span.kind
    yield Attr.SESSION_ID, span.scope.session_id
    if span.kind == "run":
        yield Attr.PIPELINE_NAME, span.scope.pipeline
        yield Attr.PIPELINE_RUN_ID, span.scope.run_id
    elif span.kind == "node":
        yield Attr.TASK_NAME, span.node
    elif span.kind in ("load", "save"):
        yield Attr.DATASET_NAME, span.dataset
        yield Attr.OPERATION, span.kind


def _ending(kind: str, result: str) -> bytes:
    encoded = key_value(9, Attr.RESULT, result)
    return encoded + key_value(9, _RESULTS[kind], result) if kind in _RESULTS else encoded


def _status(message: str) -> bytes:
    return bytes_field(15, (text_field(2, message) if message else b"") + varint_field(3, ERROR))


def seal(start: bytes, time_ns: int, error_type: str = LOST, result: Result = "error") -> bytes:
    """Return the whole ``Span`` message of one whose process died.

    Args:
        start: the payload of its start.
        time_ns: when it was last heard of, in nanoseconds since the epoch.
        error_type: what became of it.
        result: how it ended.
    """
    try:
        span = decode_span(start)
    except WireError:
        return start + fixed64_field(8, time_ns) + key_value(9, Attr.ERROR_TYPE, error_type) + _status("")
    kind = span.attributes.get(Attr.KIND)
    encoded = start + fixed64_field(8, max(time_ns, span.start_ns))
    if isinstance(kind, str):
        encoded += _ending(kind, result)
    return encoded + key_value(9, Attr.ERROR_TYPE, error_type) + _status("")
