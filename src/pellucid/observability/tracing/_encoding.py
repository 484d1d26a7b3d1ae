"""Spans of the runtime as OTLP: what is known at the start, and the rest that makes it whole at the end.

Fields of a message may stand in any order, and repeated ones add up (protocol buffers, "Encoding"), so that the whole
span is the bytes of its start with others after them.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, get_args

from pellucid.observability.records import Kind
from pellucid.observability.semconv import Attr
from pellucid.observability.tracing._shared import ATTRIBUTES, IS_REMOTE, KNOWS_REMOTE, SPAN_ID, Shared, cut
from pellucid.observability.wire import (
    WireError,
    bytes_field,
    decode_span,
    fixed32_field,
    fixed64_field,
    key_value,
    key_values,
    text_field,
    varint_field,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pellucid.observability.options import TracingOptions
    from pellucid.observability.records import Result, SpanRecord
    from pellucid.observability.tracing._shared import Redacts

ERROR = 2
LOST = "ProcessLost"
"""The ``error.type`` of what was open when its process died."""

_RESULTS = {"run": Attr.PIPELINE_RESULT, "node": Attr.TASK_RESULT}
_AT_END = frozenset({Attr.RESULT, Attr.PIPELINE_RESULT, Attr.TASK_RESULT, Attr.ERROR_TYPE})

# What the kind of a span, its run and what it is about say, whatever its attributes are.
_OWN: dict[Kind, frozenset[str]] = {
    **dict.fromkeys(get_args(Kind), frozenset({Attr.KIND, Attr.SESSION_ID})),
    "run": frozenset({Attr.KIND, Attr.SESSION_ID, Attr.PIPELINE_NAME, Attr.PIPELINE_RUN_ID}),
    "node": frozenset({Attr.KIND, Attr.SESSION_ID, Attr.TASK_NAME}),
    "load": frozenset({Attr.KIND, Attr.SESSION_ID, Attr.DATASET_NAME, Attr.OPERATION}),
    "save": frozenset({Attr.KIND, Attr.SESSION_ID, Attr.DATASET_NAME, Attr.OPERATION}),
}

_pack_time = Struct("<BQ").pack  # a tag and a fixed64
_pack_double = Struct("<d").pack
_START_TIME, _END_TIME = 0x39, 0x41
_LINK = b"\x6a\x1c\x0a\x10"  # to sixteen bytes, and eight
_PARENT_ID = b'"\x08'


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
        self._shared = Shared(redactor, self._longest)
        self._ends: dict[tuple[Kind, Result], bytes] = {}

    def start(self, span: SpanRecord) -> bytes:
        """Return a ``Span`` message without an end."""
        shared = self._shared
        if shared.version != self._redactor.version:
            shared = self._shared = Shared(self._redactor, self._longest)
        kind, scope, parent = span.kind, span.scope, span.parent_id
        heads = shared.heads.get(id(scope))
        parts = [
            (heads[1].get(kind) if heads is not None else None) or shared.head(scope, kind),
            span.span_id,
            _PARENT_ID if parent else b"",
            parent,
            shared.name(kind, span.name, span.node if kind == "node" else span.dataset),
            _pack_time(_START_TIME, span.started_ns),
        ]
        attributes = span.attributes
        if len(attributes) > self._most:
            attributes, dropped = self._limited(kind, attributes)
            parts.append(varint_field(10, dropped))
        own, texts = _OWN[kind], shared.texts
        for key, value in attributes.items():
            if key not in own:
                given = type(value)
                if given is str or given is bool:
                    parts.append(texts.get((key, value)) or shared.text(key, value))
                else:
                    parts.append(shared.other(key, value))
        if parent and kind == "session":
            # The only one whose parent is in another process; of a field that occurs twice the last one counts.
            parts.append(fixed32_field(16, int(scope.sampled) | KNOWS_REMOTE | IS_REMOTE))
        return b"".join(parts)

    def end(self, span: SpanRecord, start: bytes) -> bytes:
        """Return the whole ``Span`` message.

        Args:
            span: that has ended.
            start: what ``start`` returned for it.
        """
        shared = self._shared
        if shared.version != self._redactor.version:
            shared = self._shared = Shared(self._redactor, self._longest)
        kind, result, at_start = span.kind, span.result, span.attributes
        texts, reals, counts = shared.texts, shared.reals, shared.counts
        parts = [
            start,
            _pack_time(_END_TIME, max(span.started_ns, span.ended_ns)),
            self._ends.get((kind, result)) or self._ending(kind, result),
        ]
        before = len(parts)
        for key, value in span.end_attributes.items():
            if key in _AT_END or key in at_start:
                continue  # keys are unique
            given = type(value)
            if given is float and key in reals and value - value == 0:
                parts.append(reals[key] + _pack_double(value))
            elif given is int:
                parts.append(counts.get((key, value)) or shared.count(key, value))
            elif given is str or given is bool:
                parts.append(texts.get((key, value)) or shared.text(key, value))
            else:
                parts.append(shared.other(key, value))
        if len(parts) - before + len(at_start) > self._most:
            kept, dropped = self._limited(kind, at_start)
            room = before + self._most - len(kept)
            dropped += len(parts[room:])
            parts[room:] = [varint_field(10, dropped)] if dropped else []
        if result != "success":
            parts.extend(self._failure(span))
        if span.links:
            parts.extend([self._link(*link) for link in span.links])
        return b"".join(parts)

    def _ending(self, kind: Kind, result: Result) -> bytes:
        encoded = self._ends[kind, result] = _ending(kind, result)
        return encoded

    def _limited(self, kind: Kind, attributes: Mapping[str, Any]) -> tuple[Mapping[str, Any], int]:
        """Return the attributes that are kept, and how many are not."""
        own = _OWN[kind]
        given = [(key, value) for key, value in attributes.items() if key not in own]
        return dict(given[: self._most]), max(0, len(given) - self._most)

    def _failure(self, span: SpanRecord) -> Iterator[bytes]:
        given = span.end_attributes.get(Attr.ERROR_TYPE)
        if span.error is None:
            yield key_value(ATTRIBUTES, Attr.ERROR_TYPE, given or span.result)
            yield _status("")
            return
        kind, message, traceback = self._redactor.exception(span.error)
        yield key_value(ATTRIBUTES, Attr.ERROR_TYPE, given or kind)
        told = {Attr.EXCEPTION_TYPE: kind, Attr.EXCEPTION_MESSAGE: message, Attr.EXCEPTION_STACKTRACE: traceback}
        event = fixed64_field(1, max(span.ended_ns, span.started_ns)) + text_field(2, "exception") + key_values(3, told)
        yield bytes_field(11, event)
        yield _status(f"{kind}: {message}"[: self._longest] if message else kind)

    def _link(self, trace_id: bytes, span_id: bytes, attributes: Mapping[str, Any]) -> bytes:
        if not attributes:
            return _LINK + trace_id + SPAN_ID + span_id
        encoded = bytes_field(1, trace_id) + bytes_field(2, span_id)
        for key, value in attributes.items():
            encoded += key_value(4, key, cut(self._redactor.attribute(key, value), self._longest))
        return bytes_field(13, encoded)


def _ending(kind: str, result: str) -> bytes:
    encoded = key_value(ATTRIBUTES, Attr.RESULT, result)
    return encoded + key_value(ATTRIBUTES, _RESULTS[kind], result) if kind in _RESULTS else encoded


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
        return start + fixed64_field(8, time_ns) + key_value(ATTRIBUTES, Attr.ERROR_TYPE, error_type) + _status("")
    kind = span.attributes.get(Attr.KIND)
    encoded = start + fixed64_field(8, max(time_ns, span.start_ns))
    if isinstance(kind, str):
        encoded += _ending(kind, result)
    return encoded + key_value(ATTRIBUTES, Attr.ERROR_TYPE, error_type) + _status("")
