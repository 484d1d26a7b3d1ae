"""Protocol buffers as OTLP uses them, read; what is malformed raises one kind of error."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, NoReturn

from pellucid.observability.wire._data import EventData, LinkData, SpanData, SpanHead, WireError

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_MOST_DEPTH = 64
_KEY, _VALUE, _TEXT = 0x0A, 0x12, 0x0A
"""The tags of the key and the value of an attribute, and of a value that is a text."""

_fixed64 = Struct("<Q").unpack_from
_fixed32 = Struct("<I").unpack_from
_double = Struct("<d").unpack


def wire_error(what: str) -> NoReturn:
    """Raise a ``WireError``."""
    raise WireError(f"not a message of OTLP: {what}")


def fields(message: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Yield number, wire type and value of each field: bytes for length-delimited ones, else the unsigned number.

    Raises:
        WireError: it is cut off, or has a field that protocol buffers of today do not.
    """
    at, end = 0, len(message)
    while at < end:
        tag = message[at]
        if tag < 0x80:
            at += 1
        else:
            tag, at = _read_varint(message, at, end)
        number, kind = tag >> 3, tag & 7
        value: int | bytes
        if kind == _LENGTH:
            if at < end and message[at] < 0x80:
                size = message[at]
                at += 1
            else:
                size, at = _read_varint(message, at, end)
            if size > end - at:
                wire_error("it is cut off")
            value = message[at : at + size]
            at += size
        elif kind == _VARINT:
            value, at = _read_varint(message, at, end)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
            if size > end - at:
                wire_error("it is cut off")
            (value,) = _fixed64(message, at) if kind == _FIXED64 else _fixed32(message, at)
            at += size
        else:
            wire_error(f"wire type {kind}")
        if not 0 < number < 1 << 29:
            wire_error(f"field {number}")
        yield number, kind, value


def _read_varint(message: bytes, at: int, end: int) -> tuple[int, int]:
    result = shift = 0
    while at < end:
        byte = message[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift >= 70:
            wire_error("a number of more than ten bytes")
    wire_error("it is cut off")


def signed(number: int) -> int:
    """Return a number of 64 bits, read as two's complement."""
    return number - (1 << 64) if number >> 63 else number


def text(value: int | bytes) -> str:
    """Return the value of a field of type string; what is not UTF-8 in it is replaced.

    Raises:
        WireError: it is a number.
    """
    return data(value).decode("utf-8", "replace")


def data(value: int | bytes) -> bytes:
    """Return the value of a field of type bytes.

    Raises:
        WireError: it is a number.
    """
    return value if isinstance(value, bytes) else wire_error("a number instead of bytes")


def integer(value: int | bytes) -> int:
    """Return the value of a field of an unsigned type.

    Raises:
        WireError: it is not a number.
    """
    return value if isinstance(value, int) else wire_error("bytes instead of a number")


def decode_attributes(message: bytes) -> dict[str, Any]:
    """Return the attributes of an encoded ``Resource`` (or of a ``KeyValueList``).

    Raises:
        WireError: it is malformed.
    """
    found: dict[str, Any] = {}
    for number, _, value in fields(message):
        if number == 1:
            _add_pair(found, data(value), 0)
    return found


def decode_span(message: bytes) -> SpanData:
    """Return all that a ``Span`` message says; of fields that occur twice the last one, as protocol buffers have it.

    Raises:
        WireError: it is malformed.
    """
    plain: dict[int, int | bytes] = {}
    attributes: dict[str, Any] = {}
    events: list[EventData] = []
    links: list[LinkData] = []
    status_code, status_message = 0, ""
    for number, _, value in fields(message):
        if number == 9:
            _add_pair(attributes, data(value), 0)
        elif number == 11:
            events.append(_event(data(value)))
        elif number == 13:
            links.append(_link(data(value)))
        elif number == 15:
            status_code, status_message = _status(data(value), status_code, status_message)
        else:
            plain[number] = value
    return SpanData(
        trace_id=data(plain.get(1, b"")),
        span_id=data(plain.get(2, b"")),
        parent_span_id=data(plain.get(4, b"")),
        trace_state=text(plain.get(3, b"")),
        flags=integer(plain.get(16, 0)),
        name=text(plain.get(5, b"")),
        kind=integer(plain.get(6, 0)),
        start_ns=integer(plain.get(7, 0)),
        end_ns=integer(plain.get(8, 0)),
        attributes=attributes,
        events=tuple(events),
        links=tuple(links),
        status_code=status_code,
        status_message=status_message,
        dropped_attributes=integer(plain.get(10, 0)),
        dropped_events=integer(plain.get(12, 0)),
        dropped_links=integer(plain.get(14, 0)),
    )


def span_head(message: bytes) -> SpanHead:
    """Return what is needed to file a ``Span`` message, without looking into attributes, events and links.

    Raises:
        WireError: it is malformed.
    """
    plain: dict[int, int | bytes] = {}
    status = 0
    for number, _, value in fields(message):
        if number == 15:
            status = _status(data(value), status, "")[0]
        else:
            plain[number] = value
    return SpanHead(
        trace_id=data(plain.get(1, b"")),
        span_id=data(plain.get(2, b"")),
        parent_span_id=data(plain.get(4, b"")),
        name=text(plain.get(5, b"")),
        kind=integer(plain.get(6, 0)),
        start_ns=integer(plain.get(7, 0)),
        end_ns=integer(plain.get(8, 0)),
        status_code=status,
        flags=integer(plain.get(16, 0)),
    )


def _status(message: bytes, code: int, says: str) -> tuple[int, str]:
    for number, _, value in fields(message):
        if number == 2:
            says = text(value)
        elif number == 3:
            code = integer(value)
    return code, says


def _event(message: bytes) -> EventData:
    time_ns, name, dropped = 0, "", 0
    attributes: dict[str, Any] = {}
    for number, _, value in fields(message):
        if number == 1:
            time_ns = integer(value)
        elif number == 2:
            name = text(value)
        elif number == 3:
            _add_pair(attributes, data(value), 0)
        elif number == 4:
            dropped = integer(value)
    return EventData(time_ns, name, attributes, dropped)


def _link(message: bytes) -> LinkData:
    plain: dict[int, int | bytes] = {}
    attributes: dict[str, Any] = {}
    for number, _, value in fields(message):
        if number == 4:
            _add_pair(attributes, data(value), 0)
        else:
            plain[number] = value
    return LinkData(
        trace_id=data(plain.get(1, b"")),
        span_id=data(plain.get(2, b"")),
        trace_state=text(plain.get(3, b"")),
        attributes=attributes,
        flags=integer(plain.get(6, 0)),
        dropped_attributes=integer(plain.get(5, 0)),
    )


def _add_pair(found: dict[str, Any], message: bytes, depth: int) -> None:
    short = _short_text(message)
    if short is not None:
        found[short[0]] = short[1]
        return
    key: str = ""
    item: Any = None
    for number, _, value in fields(message):
        if number == 1:
            key = text(value)
        elif number == 2:
            item = decode_any(data(value), depth)
    found[key] = item


def _short_text(message: bytes) -> tuple[str, str] | None:
    """Return key and value of an attribute that is a short text, encoded as nearly all are; None of any other."""
    end = len(message)
    if end < 2 or message[0] != _KEY:
        return None
    at = 2 + message[1]
    # Sizes below 128 are one byte each; that they are follows from what is left.
    if message[1] > 0x7F or not 4 <= end - at < 0x80 or message[at] != _VALUE or message[at + 1] != end - at - 2:
        return None
    if message[at + 2] != _TEXT or message[at + 3] != end - at - 4:
        return None
    return message[2:at].decode("utf-8", "replace"), message[at + 4 :].decode("utf-8", "replace")


def decode_any(message: bytes, depth: int = 0) -> Any:
    """Return the value of an ``AnyValue`` message; None for an empty one.

    Args:
        message: the bytes.
        depth: how deep it is nested in others.

    Raises:
        WireError: it is malformed, or nested more than 64 levels deep.
    """
    if depth > _MOST_DEPTH:
        wire_error("it is nested too deeply")
    found: Any = None
    for number, kind, value in fields(message):
        if number in (1, 5, 6, 7):
            found = _composite(number, data(value), depth)
        elif number in (2, 3):
            found = bool(integer(value)) if number == 2 else signed(integer(value))
        elif number == 4:
            if kind != _FIXED64:
                wire_error("a double of another size")
            (found,) = _double(integer(value).to_bytes(8, "little"))
    return found


def _composite(number: int, message: bytes, depth: int) -> Any:
    if number == 1:
        return text(message)
    if number == 7:
        return message
    if number == 5:
        return [decode_any(data(value), depth + 1) for each, _, value in fields(message) if each == 1]
    found: dict[str, Any] = {}
    for each, _, value in fields(message):
        if each == 1:
            _add_pair(found, data(value), depth + 1)
    return found
