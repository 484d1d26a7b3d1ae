"""The little of HTTP/1.1 that serving one page takes: requests out of bytes, answers into bytes (RFC 9110, 9112)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Answer", "Refusal", "Request", "encoded", "taken", "takes_gzip"]

_END = re.compile(rb"\r?\n\r?\n")
_REQUEST_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) (\S+) HTTP/1\.([01])")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        method: as sent.
        path: of the target, without its query.
        fields: of the header, by names in lower case; repeated ones are joined by commas.
        is_last: the connection is closed after the answer.
    """

    method: str
    path: str
    fields: Mapping[str, str]
    is_last: bool


@dataclass(frozen=True)
class Refusal:
    """Bytes that are no request; the connection is closed after the answer."""

    status: HTTPStatus


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    fields: Mapping[str, str] = field(default_factory=dict)


def taken(received: bytearray, most_bytes: int) -> Request | Refusal | None:
    """Take the first request out of ``received``; None while its header is not complete.

    Args:
        received: bytes of a connection; those of the request are removed.
        most_bytes: how long a header may be.
    """
    while received.startswith((b"\r", b"\n")):  # section 2.2 of RFC 9112
        del received[0]
    found = _END.search(received, 0, most_bytes)
    if found is None:
        return Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) if len(received) >= most_bytes else None
    lines = re.split(r"\r?\n", received[: found.start()].decode("latin-1"))
    del received[: found.end()]
    line = _REQUEST_LINE.fullmatch(lines[0])
    fields = _fields(lines[1:])
    if line is None or fields is None:
        return Refusal(HTTPStatus.BAD_REQUEST)
    method, target, minor = line.groups()
    # A body is not read: what follows the header would be taken for the next request.
    has_body = "transfer-encoding" in fields or fields.get("content-length", "0") != "0"
    is_last = minor == "0" or has_body or "close" in _words(fields.get("connection", ""))
    return Request(method, target.partition("?")[0], fields, is_last)


def _fields(lines: list[str]) -> dict[str, str] | None:
    fields: dict[str, str] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            return None
        name, value = found[1].lower(), found[2]
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def _words(value: str) -> set[str]:
    return {word.strip().lower() for word in value.split(",")}


def takes_gzip(accept_encoding: str) -> bool:
    """Tell whether gzip may be used for one who sent this ``Accept-Encoding`` (RFC 9110, section 12.5.3)."""
    for choice in accept_encoding.lower().split(","):
        name, _, weight = choice.partition(";")
        if name.strip() in {"gzip", "x-gzip"}:
            return re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight) is None
    return False


def encoded(answer: Answer, *, is_last: bool, head_only: bool) -> list[bytes]:
    """Return the bytes of an answer: its header, and its body where one is wanted."""
    fields = {
        "Content-Type": answer.content_type,
        "Content-Length": str(len(answer.body)),
        "Date": formatdate(usegmt=True),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **answer.fields,
        **({"Connection": "close"} if is_last else {}),
    }
    lines = [
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        *(f"{n}: {v}" for n, v in fields.items()),
        "",
        "",
    ]
    header = "\r\n".join(lines).encode("latin-1", "replace")
    return [header] if head_only or not answer.body else [header, answer.body]
