"""Texts about a backend that can be shown: short, printable, without what was sent to prove who we are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid._util.texts import text_of
from pellucid.observability.export.otlp._answers import Accepted
from pellucid.observability.wire import WireError, decode_partial_success

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 200
_HIDDEN = "***"


def shown(text: str, headers: Mapping[str, str]) -> str:
    """Return a text of the other side, cut, on one line, and without the values of our headers."""
    for value in headers.values():
        for part in {value, *value.split()}:
            if len(part) > 3:
                text = text.replace(part, _HIDDEN)
    return "".join(each if each.isprintable() else " " for each in text[:_LONGEST]).strip()


def reason_of(error: BaseException) -> str:
    """Return what a fault of the network says, without its number."""
    for name in ("verify_message", "reason", "strerror"):
        text = getattr(error, name, None)
        if isinstance(text, str) and text:
            return f"{type(error).__name__}: {text}"
    return f"{type(error).__name__}: {text_of(error, _LONGEST)}" if isinstance(error, OSError) else type(error).__name__


def accepted(response: bytes, headers: Mapping[str, str]) -> Accepted:
    """Return the answer of a backend that took the request; what cannot be read in it rejects nothing."""
    try:
        rejected, message = decode_partial_success(response)
    except WireError:
        return Accepted()
    return Accepted(max(0, rejected), shown(message, headers))
