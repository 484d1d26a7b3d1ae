"""Attributes of one name, encoded with as little work as possible: for names that occur in every span."""

from __future__ import annotations

from struct import Struct

from pellucid.observability.wire._encode import bytes_field, text_field, utf8, varint

_BYTES = tuple(bytes((each,)) for each in range(0x80))
_SHORT = 0x80  # the first length that needs two bytes

_pack_double = Struct("<d").pack


class AttributeEncoder:
    """Encodes attributes of one name, as fields of type ``KeyValue``.

    Args:
        number: of the field.
        name: of the attributes.
    """

    __slots__ = ("_integers", "_key", "_number", "_texts", "real")

    def __init__(self, number: int, name: str) -> None:
        self._number = number
        self._key = text_field(1, name)
        # By the size of a text, as long as all lengths fit in one byte.
        self._texts = [b""] * max(0, _SHORT - len(self._key) - 4)
        self._integers = tuple(self._head(b"\x18", size) for size in range(11))
        self.real = self._head(b"\x21", 8)
        """What stands before the eight bytes of a float."""

    def text(self, text: str) -> bytes:
        """Return the attribute with a text; lone surrogates become question marks."""
        encoded = utf8(text)
        size = len(encoded)
        if size < len(self._texts):
            return (self._texts[size] or self._text_head(size)) + encoded
        return bytes_field(self._number, self._key + bytes_field(2, bytes_field(1, encoded)))

    def integer(self, number: int) -> bytes:
        """Return the attribute with a number of at most 64 bits."""
        encoded = varint(number)
        return self._integers[len(encoded)] + encoded

    def double(self, number: float) -> bytes:
        """Return the attribute with a float."""
        return self.real + _pack_double(number)

    def _text_head(self, size: int) -> bytes:
        key = self._key + b"\x12" + _BYTES[size + 2] + b"\x0a" + _BYTES[size]
        head = self._texts[size] = bytes_field(self._number, key + bytes(size))[: -size or None]
        return head

    def _head(self, tag: bytes, size: int) -> bytes:
        """Return what stands before a value of so many bytes."""
        value = b"\x12" + _BYTES[size + 1] + tag
        return bytes_field(self._number, self._key + value + bytes(size))[: -size or None]
