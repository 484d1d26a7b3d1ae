"""One line at the bottom of a terminal that is refreshed in place, with whatever else is written standing above it."""

from __future__ import annotations

import os
import sys
import threading
import unicodedata
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

# Back to the first column, and clear to the end of the line.
_CLEAR = "\r\x1b[K"
_MIN_COLUMNS = 20


def is_terminal(stream: Any) -> bool:
    """Tell whether somebody looks at a stream through a terminal that can move its cursor."""
    if os.environ.get("TERM", "") in ("", "dumb"):
        return False
    try:
        return bool(stream.isatty()) and isinstance(stream.fileno(), int)
    except (AttributeError, OSError, ValueError):
        return False


def fitted(text: str, columns: int) -> str:
    """Return a text without control characters, cut with an ellipsis to a number of terminal columns."""
    clean = "".join(letter if letter.isprintable() else "?" for letter in text)
    if sum(map(_width, clean)) <= columns:
        return clean
    kept, used = "", 1  # of the ellipsis
    for letter in clean:
        used += _width(letter)
        if used > columns:
            break
        kept += letter
    return kept + "…"


def _width(letter: str) -> int:
    if letter < "\u0300":
        return 1
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


class BottomLine:
    """The line itself, on the terminal of a stream.

    It is written straight to the file descriptor, so that a process forked meanwhile inherits no lock that is held.
    A terminal that goes away switches it off.

    Args:
        stream: a text stream on a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._descriptor = stream.fileno()
        self._encoding = getattr(stream, "encoding", None) or "ascii"
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._text = ""
        self._is_usable = True
        self._is_between_lines = True  # the cursor stands at the start of a line that nobody else wrote to

    def belongs_to_parent(self) -> None:
        """Let another process show the line; what is written here clears it."""
        self._pid = os.getppid()

    def show(self, text: str) -> None:
        """Put a text on the line, as much of it as fits."""
        with self._lock:
            self._text = text
            self._draw()

    def end(self) -> None:
        """Take the line away; the cursor is where the next output belongs."""
        with self._lock:
            self._text = ""
            self._clear()
            self._is_usable = False

    def write_above(self, stream: Any, text: str) -> int:
        """Write to a stream on the same terminal, with the line out of the way."""
        if os.getpid() != self._pid:
            return self._write_from_fork(stream, text)
        with self._lock:
            self._clear()
            written = int(stream.write(text))
            stream.flush()
            if text:
                self._is_between_lines = text.endswith(("\n", "\r"))
            self._draw()
            return written

    def _write_from_fork(self, stream: Any, text: str) -> int:
        """Write from a worker, which shares the terminal and not the lock; its parent draws the line anew below."""
        written = int(stream.write((_CLEAR if self._is_between_lines else "") + text))
        self._is_between_lines = text.endswith("\n") if text else self._is_between_lines
        return written

    def _draw(self) -> None:
        if not (self._text and self._is_between_lines):
            return
        columns = self._columns()
        if columns >= _MIN_COLUMNS:
            # The cursor returns to the first column: what a worker writes covers the line instead of following it.
            self._put(f"{_CLEAR}{fitted(self._text, columns - 1)}\r")

    def _clear(self) -> None:
        if self._is_between_lines:
            self._put(_CLEAR)

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._descriptor).columns or 80
        except OSError:
            self._is_usable = False
            return 0

    def _put(self, text: str) -> None:
        if not self._is_usable:
            return
        try:
            os.write(self._descriptor, text.encode(self._encoding, "replace"))
        except OSError:
            self._is_usable = False


class _Above:
    """Stands in for a stream: what is written to it appears above the line; all else is the stream's."""

    def __init__(self, stream: TextIO, line: BottomLine) -> None:
        self._stream = stream
        self._line = line

    def write(self, text: str) -> int:
        return self._line.write_above(self._stream, text)

    def writelines(self, lines: Any) -> None:
        for each in lines:
            self.write(each)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._stream)


@contextmanager
def output_above(line: BottomLine) -> Iterator[None]:
    """Keep prints, and the lines of log handlers, above a line while the block lasts."""
    replaced = _replace_terminals(line)
    try:
        yield
    finally:
        line.end()
        for owner, attribute, stream, stand_in in replaced:
            if getattr(owner, attribute, None) is stand_in:
                setattr(owner, attribute, stream)


def write_over_line_of_parent() -> None:
    """In a worker process: have what is printed and logged clear the line that the parent shows on the terminal."""
    for name in ("stderr", "stdout"):
        stream = getattr(sys, name)
        if is_terminal(stream):
            line = BottomLine(stream)
            line.belongs_to_parent()
            _replace_terminals(line)
            return


def _replace_terminals(line: BottomLine) -> list[tuple[Any, str, Any, _Above]]:
    """Put stand-ins where streams on a terminal are written to; return where, the streams, and the stand-ins."""
    stand_ins = {
        id(stream): _Above(stream, line)
        for stream in {id(s): s for s in (sys.stdout, sys.stderr)}.values()
        if is_terminal(stream)
    }
    places: list[tuple[Any, str]] = [
        (sys, "stdout"),
        (sys, "stderr"),
        *((each, "stream") for each in _stream_handlers()),
    ]
    replaced = []
    for owner, attribute in places:
        stream = getattr(owner, attribute)
        stand_in = stand_ins.get(id(stream))
        if stand_in is not None:
            setattr(owner, attribute, stand_in)
            replaced.append((owner, attribute, stream, stand_in))
    return replaced


def _stream_handlers() -> list[Any]:
    """Return every handler of every logger that writes to a stream, those included that another one hands over to."""
    import logging

    loggers: list[Any] = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    handlers = [each for logger in loggers for each in getattr(logger, "handlers", ())]
    handlers += [getattr(each, name, None) for each in handlers for name in ("target", "_delegate")]
    return [
        each for each in {id(each): each for each in handlers}.values() if getattr(each, "stream", None) is not None
    ]
