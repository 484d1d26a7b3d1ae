"""Where log lines go, besides the file: the terminal or pipe of stderr, the spool, memory."""

from __future__ import annotations

import io
import logging
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

from pellucid.observability.logs._outlet import Outlet
from pellucid.observability.logs._record import encode_record
from pellucid.observability.recording import STREAM_LOGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pellucid.observability.logs._entry import Entry
    from pellucid.observability.recording import Recording

__all__ = ["DescriptorSink", "MemorySink", "SpoolSink", "StreamSink", "stderr_sink"]


class DescriptorSink:
    """Writes to a descriptor, without waiting for whoever reads it.

    Args:
        outlet: for the descriptor.
        rendered: makes a line of an entry.
    """

    def __init__(self, outlet: Outlet, rendered: Callable[[Entry], bytes]) -> None:
        self.outlet = outlet
        self._rendered = rendered
        self._was_told = False

    @property
    def dropped(self) -> int:
        """How many lines were lost."""
        return self.outlet.dropped

    def write(self, entry: Entry) -> None:
        """Write a line, now or soon."""
        self.outlet.write(self._rendered(entry))

    def take_notice(self) -> str:
        """Return that lines are lost, once."""
        if self._was_told or not self.outlet.dropped:
            return ""
        self._was_told = True
        reason = "it is closed" if self.outlet.is_broken else "nobody reads it"
        return f"Log lines for stderr are dropped, as {reason}."

    def close(self, deadline: float) -> None:
        """Write what waits, and let go of the descriptor."""
        self.outlet.close(deadline)


class StreamSink:
    """Writes to a text stream that is no descriptor of the process, such as a notebook's.

    Args:
        stream: the stream.
        rendered: makes a line of an entry.
    """

    def __init__(self, stream: TextIO, rendered: Callable[[Entry], bytes]) -> None:
        self._stream = stream
        self._rendered = rendered
        self.dropped = 0

    def write(self, entry: Entry) -> None:
        """Write a line."""
        try:
            self._stream.write(self._rendered(entry).decode("utf-8"))
        except Exception:  # of somebody's stream, which may be closed by now
            self.dropped += 1

    def take_notice(self) -> str:
        """Return nothing: whoever took the stream away knows."""
        return ""

    def close(self, deadline: float) -> None:
        """Leave the stream as it is: it is somebody else's."""


class SpoolSink:
    """Keeps each line as an OTLP log record, to be delivered.

    Args:
        recording: its spool is looked up for each line, as a forked process gets another.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.dropped = 0

    def write(self, entry: Entry) -> None:
        """Keep a line."""
        recording = self.recording
        observed_ns = recording.clock.now_ns()
        recording.spool.end(STREAM_LOGS, recording.ids.span_id(), encode_record(entry, observed_ns))

    def take_notice(self) -> str:
        """Return nothing: the spool counts for itself."""
        return ""

    def close(self, deadline: float) -> None:
        """Leave the spool as it is: it is everybody's."""


class MemorySink:
    """Keeps the fields of each line, for tests."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.dropped = 0

    def write(self, entry: Entry) -> None:
        """Keep a line."""
        self.events.append(dict(entry.event))

    def take_notice(self) -> str:
        """Return nothing."""
        return ""

    def close(self, deadline: float) -> None:
        """Keep what there is."""


def stderr_sink(form: str) -> DescriptorSink | StreamSink | None:
    """Return the sink for stderr; None where there is none, or none is wanted.

    Args:
        form: "auto", "json", "console" or "off".
    """
    stream = sys.stderr
    if form == "off" or stream is None:
        return None
    is_terminal = _is_terminal(stream)
    is_console = form == "console" or (form == "auto" and is_terminal)
    is_coloured = is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in (None, "", "dumb")
    rendered = _for_people(is_coloured=is_coloured) if is_console else _json_line
    descriptor = _descriptor_of(stream)
    if descriptor is None:
        return StreamSink(stream, rendered)
    try:
        return DescriptorSink(Outlet(descriptor), rendered)
    except OSError:  # it is closed
        return None


def level_number(name: str) -> int:
    """Return the number of a level; that of INFO for a name that is none."""
    number = logging.getLevelName(name.upper())
    return number if isinstance(number, int) else logging.INFO


def _for_people(*, is_coloured: bool) -> Callable[[Entry], bytes]:
    from pellucid.observability.logs._console import console_line

    return partial(console_line, is_coloured=is_coloured)


def _json_line(entry: Entry) -> bytes:
    return entry.line()


def _is_terminal(stream: TextIO) -> bool:
    try:
        return bool(stream.isatty())
    except Exception:  # of somebody's stream
        return False


def _descriptor_of(stream: TextIO) -> int | None:
    # A stand-in of a notebook may have a descriptor, too, but that of a place where nobody looks.
    if not isinstance(stream, io.TextIOWrapper):
        return None
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None
