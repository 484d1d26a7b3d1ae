"""Reads ``google.rpc.Status``: what a backend says about a request that it does not take."""

from __future__ import annotations

from pellucid.observability.wire import WireError, fields

_RETRY_INFO = b"type.googleapis.com/google.rpc.RetryInfo"


def message_of(status: bytes) -> str:
    """Return the message of a status; empty if there is none, or if the bytes are no status."""
    try:
        return b"".join(_all(status, 2)).decode("utf-8", "replace")
    except WireError:
        return ""


def retry_seconds(status: bytes) -> float | None:
    """Return the delay of the status's ``RetryInfo``; None if there is none, or if the bytes are no status."""
    try:
        for detail in _all(status, 3):
            if _all(detail, 1) == [_RETRY_INFO]:
                return _delay(b"".join(_all(detail, 2)))
    except WireError:
        pass
    return None


def _delay(info: bytes) -> float:
    seconds = 0.0
    for number, _, value in fields(b"".join(_all(info, 1))):
        # A negative number is one of 64 bits, with the first one set.
        if isinstance(value, int) and value < 1 << 63:
            seconds += value if number == 1 else value / 1e9
    return seconds


def _all(message: bytes, wanted: int) -> list[bytes]:
    return [value for number, _, value in fields(message) if number == wanted and isinstance(value, bytes)]
