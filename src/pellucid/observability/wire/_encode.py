"""Protocol buffers as OTLP uses them, written: the pieces that every message is made of."""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from typing import Any

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_MASK64 = (1 << 64) - 1
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
_MOST_DEPTH = 16
_MOST_BITS = 2048  # their decimal text is shorter than the lowest limit that CPython can be set to

_pack_fixed64 = Struct("<Q").pack
_pack_fixed32 = Struct("<I").pack
_pack_double = Struct("<d").pack

_EMPTY = b""
_BYTES = tuple(bytes((each,)) for each in range(0x80))
_LENGTH_TAGS = tuple(bytes((each << 3 | _LENGTH,)) for each in range(16))


def varint(number: int) -> bytes:
    """Return a base 128 varint; a negative number is one of 64 bits, in two's complement."""
    if 0 <= number < 0x10000000:
        # What numbers mostly are: sizes, counts.
        if number < 0x80:
            return _BYTES[number]
        if number < 0x4000:
            return bytes((number & 0x7F | 0x80, number >> 7))
        if number < 0x200000:
            return bytes((number & 0x7F | 0x80, number >> 7 & 0x7F | 0x80, number >> 14))
        return bytes((number & 0x7F | 0x80, number >> 7 & 0x7F | 0x80, number >> 14 & 0x7F | 0x80, number >> 21))
    rest = number & _MASK64
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def varint_field(number: int, value: int) -> bytes:
    """Return a field of type int32, int64, uint32, uint64, bool or enum."""
    return varint(number << 3 | _VARINT) + varint(value)


def bytes_field(number: int, value: bytes) -> bytes:
    """Return a field of type bytes, or of an encoded message."""
    size = len(value)
    if number < 16 and size < 0x80:
        return _LENGTH_TAGS[number] + _BYTES[size] + value
    return varint(number << 3 | _LENGTH) + varint(size) + value


def text_field(number: int, value: str) -> bytes:
    """Return a field of type string; lone surrogates become question marks."""
    encoded = utf8(value)
    size = len(encoded)
    if number < 16 and size < 0x80:
        return _LENGTH_TAGS[number] + _BYTES[size] + encoded
    return bytes_field(number, encoded)


def fixed64_field(number: int, value: int) -> bytes:
    """Return a field of type fixed64; what does not fit is cut to 64 bits."""
    return varint(number << 3 | _FIXED64) + _pack_fixed64(value & _MASK64)


def fixed32_field(number: int, value: int) -> bytes:
    """Return a field of type fixed32; what does not fit is cut to 32 bits."""
    return varint(number << 3 | _FIXED32) + _pack_fixed32(value & 0xFFFFFFFF)


def any_value(value: Any) -> bytes:
    """Return an ``AnyValue`` message.

    Integers of more than 64 bits become text, None an empty value, and objects of other types the name of their type;
    nesting of more than 16 levels is cut.
    """
    return _any(value, 0)


def key_values(number: int, attributes: Mapping[str, Any]) -> bytes:
    """Return one field of type ``KeyValue`` for each attribute, in their order."""
    return b"".join([key_value(number, key, value) for key, value in attributes.items()])


def key_value(number: int, key: str, value: Any) -> bytes:
    """Return a field of type ``KeyValue``."""
    return _pair(number, key, _any(value, 0))


def _pair(number: int, key: str, encoded: bytes) -> bytes:
    return bytes_field(number, text_field(1, key) + bytes_field(2, encoded))


def _any(value: Any, depth: int) -> bytes:
    if isinstance(value, str):
        return bytes_field(1, utf8(value))
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return _integer(int.__index__(value))
    if isinstance(value, float):
        return b"\x21" + _pack_double(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes_field(7, bytes(value))
    return _EMPTY if value is None else _nested(value, depth)


def _nested(value: Any, depth: int) -> bytes:
    if isinstance(value, (list, tuple, Mapping)):
        if depth >= _MOST_DEPTH:
            return _EMPTY
        if isinstance(value, Mapping):
            pairs = [_pair(1, _key(key), _any(item, depth + 1)) for key, item in value.items()]
            return bytes_field(6, b"".join(pairs))
        return bytes_field(5, b"".join([bytes_field(1, _any(item, depth + 1)) for item in value]))
    return text_field(1, f"<{type(value).__qualname__}>")


def _key(key: object) -> str:
    return key if isinstance(key, str) else f"<{type(key).__qualname__}>"


def _integer(number: int) -> bytes:
    if _LOWEST <= number <= _HIGHEST:
        return b"\x18" + varint(number)
    bits = number.bit_length()
    return text_field(1, str(number) if bits <= _MOST_BITS else f"<int of {bits} bits>")


def utf8(text: str) -> bytes:
    """Return a text as UTF-8; lone surrogates become question marks."""
    try:
        return str.encode(text)
    except UnicodeEncodeError:
        return str.encode(text, "utf-8", "replace")
