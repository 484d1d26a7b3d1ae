"""Values of anybody, as plain data: bounded, without secrets, and without running code of theirs."""

from __future__ import annotations

import json
import sys
from collections import deque
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from pellucid._util.redaction import REDACTED
from pellucid.exceptions import RunTerminated

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN_MARK = "__pellucid_secret__"
"""The name of a class attribute that, being true, says that its instances are secrets."""

_MARKS_OF_SECRETS = ("get_secret_value", HIDDEN_MARK)
_MOST_DEPTH = 8
_TIMES_ITEMS, _TIMES_LENGTH = 10, 4
_KEY_LENGTH = 256
_MOST_BITS = 63
_MOST_SHOWN_BITS = 1000
_MORE = "…"
# No classes derived from them: those have texts of their own.
_TEXTUAL = frozenset({PurePosixPath, PureWindowsPath, PosixPath, WindowsPath, datetime, date, time, timedelta})
_TEXTUAL |= {UUID, complex}
_TEXTUAL_ELSEWHERE = (("decimal", "Decimal"), ("fractions", "Fraction"))  # there, if there is a value of them
_SERIES = (list, tuple, set, frozenset, deque)


class Texts(Protocol):
    """What a redactor knows of texts and keys."""

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        ...

    def hides(self, key: str, value: Any) -> bool:
        """Tell whether a value is secret for its key."""
        ...


class Described:
    """Describes one value, within one bound for all that is in it.

    Args:
        texts: hides secrets.
        items: the most in one collection.
        length: the most characters of one text.
    """

    def __init__(self, texts: Texts, *, items: int, length: int) -> None:
        self._texts = texts
        self._items = items
        self._items_left = items * _TIMES_ITEMS
        self._length_left = length * _TIMES_LENGTH

    def value(self, key: str, value: Any, depth: int = 0) -> Any:
        """Return what stands for a value; never raises."""
        try:
            shown = REDACTED if self._texts.hides(key, value) else self._plain(key, value, depth)
        except (KeyboardInterrupt, RunTerminated):
            raise
        except BaseException:  # of a hostile object: anything
            shown = _name_of(value)
        return self._charged(shown) if type(shown) is str else shown

    def _charged(self, shown: str) -> str:
        """Take a text from what may be shown, whatever it says: so what was shown stays the same, shown again."""
        if self._length_left <= 0:
            shown = _MORE
        self._length_left -= len(shown)
        return shown

    def _plain(self, key: str, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is not str and any(getattr(kind, mark, None) for mark in _MARKS_OF_SECRETS):
            return REDACTED
        if issubclass(kind, (str, int, float)):
            return self._text(value) if issubclass(kind, str) else self._number(value)
        return self._composed(key, value, kind, depth)

    def _composed(self, key: str, value: Any, kind: type, depth: int) -> Any:
        # The methods are those of the built-in types, whatever a class derived from them has made of them.
        if kind is MappingProxyType:
            value, kind = dict(islice(value.items(), self._items + 1)), dict
        if issubclass(kind, dict):
            return self._mapping(dict.__len__(value), dict.items(value), depth)
        for series in _SERIES:
            if issubclass(kind, series):
                return self._series(key, series.__len__(value), series.__iter__(value), depth)
        if kind in _TEXTUAL or _is_textual_elsewhere(kind):
            return self._text(str(value))
        numpy = sys.modules.get("numpy")
        if numpy is not None and issubclass(kind, numpy.generic) and kind.__module__ == "numpy":
            return self._plain(key, numpy.generic.item(value), depth)
        return _name_of(value)

    def _text(self, text: str) -> str:
        return _MORE if self._length_left <= 0 else self._texts.text(text)

    def _number(self, value: Any) -> float | str:
        # Of a derived class, the number that it holds.
        if issubclass(type(value), float):
            real = float.__add__(value, 0.0)
            return real if real - real == 0 else str(real)  # JSON has neither infinity nor NaN
        number = int.__add__(value, 0)
        bits = number.bit_length()
        if bits <= _MOST_BITS:
            return self._checked(number)
        return self._text(str(number)) if bits <= _MOST_SHOWN_BITS else f"<int of {bits} bits>"

    def _checked(self, number: int) -> int | str:
        # The number may be a secret of the credentials.
        return number if self._texts.text(str(number)) == str(number) else REDACTED

    def _mapping(self, size: int, pairs: Iterable[tuple[Any, Any]], depth: int) -> Any:
        if depth >= _MOST_DEPTH:
            return _MORE
        shown: dict[str, Any] = {}
        count = self._room(size)
        for name, value in islice(pairs, count):
            key = self._key(name)
            shown[key] = self.value(name if type(name) is str else key, value, depth + 1)
        if count < size:
            shown[self._charged(_MORE)] = self._charged(f"{size - count:,} more")
        return shown

    def _series(self, key: str, size: int, values: Iterable[Any], depth: int) -> Any:
        if depth >= _MOST_DEPTH:
            return _MORE
        count = self._room(size)
        shown = [self.value(key, each, depth + 1) for each in islice(values, count)]
        if count < size:
            shown.append(self._charged(f"{_MORE} {size - count:,} more"))
        return shown

    def _room(self, size: int) -> int:
        """Take as many items as are wanted, or as there is room for, from what is left."""
        count = size if size <= self._items else self._items - 1
        count = max(0, min(count, self._items_left))
        self._items_left -= count
        return count

    def _key(self, name: Any) -> str:
        if type(name) is str:
            return self._charged(self._text(name)[:_KEY_LENGTH])  # in this order: no part of a secret is left
        shown = self.value("", name, _MOST_DEPTH)
        if isinstance(shown, str):
            self._length_left += len(shown)  # what is left of it counts
        return self._charged(shown[:_KEY_LENGTH] if isinstance(shown, str) else json.dumps(shown))


def as_attribute(
    value: Any, length: int
) -> str | bool | int | float | list[str] | list[bool] | list[int] | list[float]:
    """Return plain data as OTLP has attributes: a primitive, a list of one kind of them, or JSON text.

    Args:
        value: plain data, without secrets.
        length: the most characters of a text.
    """
    if isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, list) and value:
        kind = type(value[0])
        if kind in (str, bool, int, float) and all(type(each) is kind for each in value):
            return value
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if len(text) <= length else f"{text[: length - 1]}{_MORE}"


def name_of_type(kind: type) -> str:
    """Return ``module.Type``, without the module for what is built in."""
    try:
        module, name = type.__getattribute__(kind, "__module__"), type.__getattribute__(kind, "__qualname__")
    except Exception:
        module, name = "", "object"
    if not isinstance(name, str) or not isinstance(module, str):
        return "object"
    return name[:_KEY_LENGTH] if module in ("builtins", "") else f"{module[:_KEY_LENGTH]}.{name[:_KEY_LENGTH]}"


def _is_textual_elsewhere(kind: type) -> bool:
    return any(kind is getattr(sys.modules.get(module), name, None) for module, name in _TEXTUAL_ELSEWHERE)


def _name_of(value: Any) -> str:
    return f"<{name_of_type(type(value))}>"
