"""Where log lines go, besides the file: the terminal or pipe of stderr, and the spool."""

from __future__ import annotations

import io
import logging
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, TextIO

from pellucid.observability.logs._outlet import Outlet
from pellucid.observability.logs._record import encode_record
from pellucid.observability.recording import STREAM_LOGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pellucid.observability.logs._entry import Entry
    from pellucid.observability.recording import Recording

__all__ = ["DescriptorLineSink", "DescriptorSink", "SpoolSink", "StreamSink", "stderr_sink"]

_MOST_LATE = 1000


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

    def write(self, entry: Entry) -> bool:
        """Write a line, now or soon."""
        return self._write(self._rendered(entry))

    def _write(self, line: bytes) -> bool:
        outlet = self.outlet
        outlet.write(line)
        return outlet.dropped > 0 and not self._was_told

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


class DescriptorLineSink(DescriptorSink):
    """Writes lines of JSON to a descriptor.

    Args:
        outlet: for the descriptor.
    """

    def __init__(self, outlet: Outlet) -> None:
        super().__init__(outlet, _json_line)

    def write_line(self, line: bytes) -> bool:
        """Write a line, now or soon."""
        return self._write(line)


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

    def write(self, entry: Entry) -> bool:
        """Write a line."""
        try:
            self._stream.write(self._rendered(entry).decode("utf-8"))
        except Exception:  # of somebody's stream, which may be closed by now
            self.dropped += 1
        return False

    def take_notice(self) -> str:
        """Return nothing: whoever took the stream away knows."""
        return ""

    def close(self, deadline: float) -> None:
        """Leave the stream as it is: it is somebody else's."""


class SpoolSink:
    """Keeps each line as an OTLP log record, to be delivered.

    Attributes:
        late: the records since the end has begun, which closes the spool.

    Args:
        recording: its spool is looked up for each line, as a forked process gets another.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.late: list[bytes] = []
        self.dropped = 0

    def write(self, entry: Entry) -> bool:
        """Keep a line."""
        self.write_record(encode_record(entry, self.recording.clock.now_ns()))
        return False

    def write_record(self, record: bytes) -> None:
        """Keep an encoded record."""
        recording = self.recording
        if recording.ends_at is None:
            recording.spool.end(STREAM_LOGS, recording.ids.span_id(), record)
        elif len(self.late) < _MOST_LATE:
            self.late.append(record)
        else:
            self.dropped += 1

    def take_notice(self) -> str:
        """Return nothing: the spool counts for itself."""
        return ""

    def close(self, deadline: float) -> None:
        """Leave the spool as it is: it is everybody's."""


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
        outlet = Outlet(descriptor)
    except OSError:  # it is closed
        return None
    return DescriptorSink(outlet, rendered) if is_console else DescriptorLineSink(outlet)


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
