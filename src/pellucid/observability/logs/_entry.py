"""What is logged, and who takes it."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pellucid.observability.logs._json import json_line

if TYPE_CHECKING:
    from pellucid.observability.records import SpanRecord

__all__ = ["CORE_FIELDS", "EVENTS_LOGGER", "Entry", "LineSink", "Sink", "timestamp"]

EVENTS_LOGGER = "pellucid.events"
"""The logger of the built-in events."""

CORE_FIELDS = (
    "timestamp",
    "level",
    "event",
    "logger",
    "trace_id",
    "span_id",
    "session_id",
    "run_id",
    "pipeline",
    "node",
    "dataset",
)
"""The fields that every line may have, in their order; no user's field can take the place of one."""


class Entry:
    """One log line, not yet in any form; its JSON is made once for all who want it.

    Args:
        event: the fields, redacted.
        level: the number of its level, as stdlib has it.
        time_ns: nanoseconds since the epoch.
        span: where it belongs; None if that is not known.
        name: of the built-in event; empty for any other line.
    """

    __slots__ = ("_line", "event", "level", "name", "span", "time_ns")

    def __init__(
        self, event: dict[str, Any], level: int, time_ns: int, span: SpanRecord | None, name: str = ""
    ) -> None:
        self.event = event
        self.level = level
        self.time_ns = time_ns
        self.span = span
        self.name = name
        self._line = b""

    def line(self) -> bytes:
        """Return it as a line of JSON."""
        if not self._line:
            self._line = json_line(self.event)
        return self._line


class Sink(Protocol):
    """A place that log lines go to; neither raises nor waits."""

    @property
    def dropped(self) -> int:
        """How many lines were lost."""
        ...

    def write(self, entry: Entry) -> bool:
        """Take a line; return whether there is something to be told about the place."""
        ...

    def take_notice(self) -> str:
        """Return what is to be told about the place, once; else an empty text."""
        ...

    def close(self, deadline: float) -> None:
        """Let go of the place.

        Args:
            deadline: of the monotonic clock, in seconds, by which it is done.
        """
        ...


@runtime_checkable
class LineSink(Sink, Protocol):
    """A place that takes nothing but lines of JSON."""

    def write_line(self, line: bytes) -> bool:
        """Take a line; return whether there is something to be told about the place."""
        ...


def timestamp(time_ns: int) -> str:
    """Return a time since the epoch as ISO 8601 in UTC, with microseconds."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{_date(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=8)
def _date(seconds: int) -> str:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    except (OverflowError, OSError, ValueError):
        return "1970-01-01T00:00:00"
