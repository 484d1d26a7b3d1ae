"""What the flow needs of the rooms around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pellucid.observability.export.otlp import Answer, Signal
    from pellucid.observability.options import OtlpOptions
    from pellucid.observability.spool import Segment

__all__ = ["NO_TIME", "Consumer", "Count", "Guarded", "Seal", "Sender", "Writer"]

NO_TIME = "there was no time left"
"""Why something was not delivered."""

Seal = Callable[[int, bytes, int], bytes]
"""Makes the end of what a dead process left open, of its stream, its start and the time of the last frame."""
Count = Callable[["Signal", Mapping[str, int]], object]
"""Adds to the records of a signal that were delivered, dropped or put into quarantine, by state."""

Guarded = Callable[..., Any]
"""Calls a function for a named part with some arguments, and notes what it raises."""


class Consumer(Protocol):
    """Takes what is in a segment into a place of its own, once, however often it is asked."""

    def take(self, segment: Segment) -> object:
        """Take all of it, or raise."""
        ...


class Sender(Protocol):
    """Sends one request."""

    def __call__(self, request_body: bytes, options: OtlpOptions, signal: Signal, deadline_seconds: float) -> Answer:
        """Return what became of it; never raises."""
        ...


class Writer(Protocol):
    """What writes this process's segment.

    Attributes:
        written: how many ended things are in its segments, by stream.
        dropped: how many are lost, by stream.
    """

    @property
    def written(self) -> Mapping[int, int]: ...

    @property
    def dropped(self) -> Mapping[int, int]: ...

    def roll(self) -> object:
        """Begin a new segment, if there is anything in the current one."""
        ...

    def close(self) -> object:
        """End the segment."""
        ...
