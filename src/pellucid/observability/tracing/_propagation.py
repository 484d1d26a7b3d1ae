"""The trace that a process is part of, as it comes with the environment and is handed on in it.

Source: W3C Trace Context; OpenTelemetry, "Environment variables as context propagation carriers".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pellucid._util.rows import Row

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

TRACEPARENT = "TRACEPARENT"
TRACESTATE = "TRACESTATE"

_LENGTH = 55
_MOST_MEMBERS = 32
_MOST_CHARACTERS = 512
_LARGE_MEMBER = 128

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.ASCII | re.DOTALL)
_KEY = re.compile(r"[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}", re.ASCII)
_VALUE = re.compile(r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]", re.ASCII)


class RemoteParent(Row):
    """A span of another process.

    Attributes:
        trace_id: 16 bytes.
        span_id: 8 bytes.
        sampled: whether its trace is recorded over there.
        trace_state: what vendors keep with it; empty if there is none or it is malformed.
    """

    trace_id: bytes
    span_id: bytes
    sampled: bool = True
    trace_state: str = ""


def propagates(propagators: Collection[str]) -> bool:
    """Tell whether the context of traces is taken from, and put into, the environment.

    Args:
        propagators: the formats in which the context travels, by OpenTelemetry's names.
    """
    return "tracecontext" in propagators and "none" not in propagators


def remote_parent(environ: Mapping[str, str], propagators: Collection[str]) -> RemoteParent | None:
    """Return the parent that the environment names; None if there is none, it is malformed, or it is not wanted.

    Args:
        environ: of the process.
        propagators: the formats in which the context travels.
    """
    given = environ.get(TRACEPARENT)
    if not given or not propagates(propagators):
        return None
    return parse_parent(given, environ.get(TRACESTATE, ""))


def parse_parent(traceparent: str, tracestate: str = "") -> RemoteParent | None:
    """Return what the two values say; None if the first one is malformed.

    A malformed second one is ignored. Of versions after 00 the part that is known is read.
    """
    given = traceparent.strip(" \t")
    found = _PARENT.fullmatch(given)
    if found is None:
        return None
    version, trace_id, span_id, flags = found.groups()
    if version == "ff" or (version == "00" and len(given) != _LENGTH):
        return None
    if not int(trace_id, 16) or not int(span_id, 16):
        return None
    return RemoteParent(
        bytes.fromhex(trace_id), bytes.fromhex(span_id), bool(int(flags, 16) & 1), parse_state(tracestate)
    )


def parse_state(tracestate: str) -> str:
    """Return a TRACESTATE as it is to be handed on; empty if it is malformed.

    One of more than 512 characters is made shorter by whole members: those of more than 128 characters first, then
    from the end.
    """
    members = [each for each in (part.strip(" \t") for part in tracestate.split(",")) if each]
    keys = set()
    for member in members:
        key, separator, value = member.partition("=")
        if not separator or key in keys or not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
            return ""
        keys.add(key)
    if len(members) > _MOST_MEMBERS:
        return ""
    return ",".join(_fitting(members))


def _fitting(members: list[str]) -> list[str]:
    def size() -> int:
        return sum(map(len, members)) + len(members) - 1

    for member in reversed([each for each in members if len(each) > _LARGE_MEMBER]):
        if size() <= _MOST_CHARACTERS:
            break
        members.remove(member)
    while size() > _MOST_CHARACTERS:
        members.pop()
    return members


def format_parent(trace_id: bytes, span_id: bytes, *, sampled: bool) -> str:
    """Return the TRACEPARENT for children of a span.

    Args:
        trace_id: 16 bytes.
        span_id: 8 bytes.
        sampled: whether the trace is delivered.
    """
    return f"00-{trace_id.hex()}-{span_id.hex()}-{'01' if sampled else '00'}"
