"""One event as one line of JSON, whatever is in it."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii as _quoted
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LONGEST_LINE", "json_line"]

LONGEST_LINE = 64 * 1024
"""Bytes of a line; what is longer is cut, field by field, and says so in ``is_cut``."""

_DEEPEST = 8
_MOST_ITEMS = 1000
_LONGEST_CUT = 2048
_LARGEST_BITS = 1024


def _stand_in(value: object) -> str:
    return f"<{type(value).__qualname__}>"


# ASCII alone: control characters, U+2028/9, bidi marks and lone surrogates are all escaped.
_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"), default=_stand_in).encode


def json_line(event: Mapping[str, Any]) -> bytes:
    """Return an event as a line that any JSON parser reads; objects that are no JSON stand as ``<class>``.

    Never calls ``str`` or ``repr`` of an object that is not a plain value, and never raises for what is in the event.
    """
    try:
        text = _flat(event)
    except Exception:
        text = _encode(_plain(event, 0))
    if len(text) > LONGEST_LINE:
        text = _encode(_cut(event))
    return f"{text}\n".encode("ascii")


def _flat(event: Mapping[str, Any]) -> str:
    """Return the JSON of an event; texts and small numbers, which nearly all fields are, without the encoder."""
    parts = []
    for key, value in event.items():
        kind = type(value)
        if kind is str:
            shown = _quoted(value)
        elif kind is int:
            shown = str(value)
        elif kind is float and isfinite(value):
            shown = repr(value)
        else:
            shown = _encode(value)
        parts.append(f"{_quoted(key)}:{shown}")
    return f"{{{','.join(parts)}}}"


def _plain(value: object, depth: int) -> Any:
    """Return a value as JSON has it: names for NaN, texts for keys, placeholders for the rest."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (int, float)):
        return _plain_number(value)
    if depth < _DEEPEST:
        return _plain_items(value, depth)
    return _stand_in(value)


def _plain_number(value: Any) -> int | float | str:
    if isinstance(value, float):
        return value if isfinite(value) else float.__repr__(value)
    bits = int.bit_length(value)
    return int(value) if bits <= _LARGEST_BITS else f"<int of {bits} bits>"


def _plain_items(value: object, depth: int) -> Any:
    if isinstance(value, dict):
        items = list(dict.items(value))[:_MOST_ITEMS]
        return {_key(key): _plain(each, depth + 1) for key, each in items}
    if isinstance(value, (list, tuple)):
        return [_plain(each, depth + 1) for each in tuple(value)[:_MOST_ITEMS]]
    return _stand_in(value)


def _key(key: object) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    plain = _plain(key, _DEEPEST)
    return plain if isinstance(plain, str) else _encode(plain)


def _cut(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return as many fields as fit, in order, long texts shortened."""
    kept: dict[str, Any] = {}
    left = LONGEST_LINE // 2
    for key, value in event.items():
        name = _key(key)[:_LONGEST_CUT]
        plain = _plain(value, 0)
        if isinstance(plain, str) and len(plain) > _LONGEST_CUT:
            plain = f"{plain[:_LONGEST_CUT]}…"
        size = len(_encode({name: plain}))
        if size <= left:
            kept[name] = plain
            left -= size
    return {**kept, "is_cut": True}
