"""What the history takes from an encoded span: a few things at once, the others when they are asked for."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pellucid.observability.semconv import Attr
from pellucid.observability.wire import WireError, decode_any, decode_span, fields

if TYPE_CHECKING:
    from collections.abc import Mapping

_LENGTH, _FIXED64, _FIXED32, _VARINT = 2, 1, 5, 0
_TRACE_ID, _SPAN_ID, _PARENT_ID, _NAME, _START, _END, _ATTRIBUTES = 1, 2, 4, 5, 7, 8, 9
_PAIR_VALUE, _ANY_TEXT = 0x12, 0x0A
_MOST_NS = (1 << 63) - 1

_KIND, _RESULT, _ERROR = (each.encode() for each in (Attr.KIND, Attr.RESULT, Attr.ERROR_TYPE))
_WANTED = frozenset({_KIND, _RESULT, _ERROR})
_SIZES = frozenset(map(len, _WANTED))

KINDS = frozenset({"session", "session.create", "context.load", "catalog.create", "run", "node", "load", "save"})
RESULTS = frozenset({"success", "failure", "error", "timeout", "cancellation", "skip"})


class SpanRow(NamedTuple):
    """The columns of a span."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    kind: str
    name: str
    started_ns: int
    ended_ns: int
    result: str
    error_type: str
    body: bytes


class Opened(NamedTuple):
    """What is inside of a span.

    Attributes:
        attributes: by name.
        has_failed: whether its status is that of an error.
        error_type: of its last exception; empty if there is none.
        error_message: what was said of the error; empty if nothing was.
        traceback: of its last exception; empty if there is none.
    """

    attributes: Mapping[str, Any]
    has_failed: bool = False
    error_type: str = ""
    error_message: str = ""
    traceback: str = ""

    def text(self, name: str) -> str:
        """Return an attribute that is a text; empty if there is none."""
        value = self.attributes.get(name, "")
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> int:
        """Return an attribute that counts something; 0 if there is none."""
        value = self.attributes.get(name)
        return value if isinstance(value, int) and 0 <= value < 1 << 63 else 0

    def mapping(self, name: str) -> dict[str, Any]:
        """Return an attribute that is an object as JSON; what is none stands under an empty name."""
        text = self.text(name)
        try:
            found = json.loads(text) if text else {}
        except (ValueError, RecursionError):
            return {"": text}  # cut off by a limit on lengths
        return found if isinstance(found, dict) else {"": found}


_NOTHING = Opened(MappingProxyType({}))
_ERROR_STATUS = 2


def opened(body: bytes) -> Opened:
    """Return what is inside of an encoded span; nothing if it is malformed."""
    try:
        span = decode_span(body)
    except WireError:
        return _NOTHING
    last: Mapping[str, Any] = next((each.attributes for each in reversed(span.events) if each.name == "exception"), {})
    return Opened(
        span.attributes,
        span.status_code == _ERROR_STATUS,
        str(last.get(Attr.EXCEPTION_TYPE) or ""),
        str(last.get(Attr.EXCEPTION_MESSAGE, "") if last else span.status_message),
        str(last.get(Attr.EXCEPTION_STACKTRACE) or ""),
    )


def attribute(body: bytes, name: str) -> Any:
    """Return one attribute of an encoded span; None if it has none of that name, or is malformed.

    The others are skipped: of a run of very many nodes that is a small part of what reading all of them takes.
    """
    key = name.encode()
    pairs: dict[bytes, bytes] = {}
    if key not in body:
        return None
    try:
        _scan(body, {}, pairs, frozenset({key}), frozenset({len(key)}))
        found = [value for number, _, value in fields(pairs.get(key, b"")) if number == 2]
        return decode_any(found[-1]) if found and isinstance(found[-1], bytes) else None
    except (IndexError, WireError):
        return None


def span_row(body: bytes) -> SpanRow | None:
    """Return the columns of an encoded span; None if it is no span, or has no proper ids.

    It reads each field's tag and length alone, and skips what it does not need: this is most of what a span costs here.
    """
    found: dict[int, bytes | int] = {}
    pairs: dict[bytes, bytes] = {}
    try:
        _scan(body, found, pairs, _WANTED, _SIZES)
        wanted = {key: _text_of(pair, len(key)) for key, pair in pairs.items()}
    except (IndexError, WireError):
        return None
    return _row(found, wanted, body)


def _scan(
    body: bytes,
    found: dict[int, bytes | int],
    pairs: dict[bytes, bytes],
    keys: frozenset[bytes],
    sizes: frozenset[int],
) -> None:
    """Find the plain fields, by number, and the encoded attributes that have one of some keys."""
    at, end = 0, len(body)
    while at < end:
        tag = body[at]
        at += 1
        if tag > 0x7F:
            _, at = _varint(body, at)
            tag &= 7  # a field with a number above 15 is not needed
        kind = tag & 7
        if kind == _LENGTH:
            size = body[at]
            at += 1
            if size > 0x7F:
                high, at = _varint(body, at)
                size = size & 0x7F | high << 7
            if tag >> 3 != _ATTRIBUTES:
                found[tag >> 3] = body[at : at + size]
            elif body[at + 1] in sizes:  # most keys are of another size than those that are wanted
                key = body[at + 2 : at + 2 + body[at + 1]]
                if key in keys:
                    pairs[key] = body[at : at + size]
            at += size
        elif kind == _FIXED64:
            found[tag >> 3] = int.from_bytes(body[at : at + 8], "little")
            at += 8
        else:
            at = _skipped(body, at, kind)
    if at > end:
        raise WireError("it is cut off")


def _skipped(body: bytes, at: int, kind: int) -> int:
    if kind == _VARINT:
        return _varint(body, at)[1]
    if kind == _FIXED32:
        return at + 4
    raise WireError(f"wire type {kind}")


def _row(found: dict[int, bytes | int], wanted: dict[bytes, str], body: bytes) -> SpanRow | None:
    get = found.get
    trace_id, span_id, parent_id, name = get(_TRACE_ID), get(_SPAN_ID), get(_PARENT_ID, b""), get(_NAME, b"")
    start, end = get(_START, 0), get(_END, 0)
    if not (isinstance(trace_id, bytes) and isinstance(span_id, bytes) and len(trace_id) == 16 and len(span_id) == 8):
        return None
    if not (isinstance(parent_id, bytes) and isinstance(name, bytes)):
        return None
    if not (isinstance(start, int) and isinstance(end, int)):
        return None
    kind, result = wanted.get(_KIND, ""), wanted.get(_RESULT, "")
    return SpanRow(
        trace_id,
        span_id,
        parent_id,
        kind if kind in KINDS else "",
        name.decode("utf-8", "replace"),
        min(start, _MOST_NS),
        min(end or start, _MOST_NS),
        result if result in RESULTS else "",
        wanted.get(_ERROR, ""),
        body,
    )


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """Return a number of several bytes, and where it ends.

    Raises:
        IndexError: it is cut off.
        WireError: it is too long.
    """
    number = shift = 0
    while True:
        byte = body[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
        if shift > 63:
            raise WireError("a number of more than ten bytes")


def _text_of(pair: bytes, key_size: int) -> str:
    value = 2 + key_size  # where the value's tag is, in the one way in which a short text is usually encoded
    if pair[value] == _PAIR_VALUE and pair[value + 2] == _ANY_TEXT and value + 4 + pair[value + 3] == len(pair):
        return pair[value + 4 :].decode("utf-8", "replace")
    for number, _, each in fields(pair):
        if number == 2 and isinstance(each, bytes):
            found = decode_any(each)
            return found if isinstance(found, str) else ""
    return ""
