"""The last row of a terminal, kept for one text, with whatever is written to the terminal scrolling above it."""

from __future__ import annotations

import os
import threading
from typing import Any, TextIO

from pellucid._util.rows import Row

_SAVE_CURSOR, _RESTORE_CURSOR = "\x1b7", "\x1b8"
_ALL_ROWS_SCROLL = "\x1b[r"
# One row down, or the screen one up if there is none, and back: the column stays, the last row is free.
_MAKE_ROOM = "\x1bD\x1b[A"
_PLAIN, _CLEAR_TO_END_OF_LINE = "\x1b[m", "\x1b[K"
_MIN_COLUMNS, _MIN_ROWS = 20, 4


class Size(Row):
    """Of a terminal, in letters."""

    columns: int
    rows: int


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
    import unicodedata

    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


class BottomLine:
    """The last row itself.

    The terminal is told to scroll the rows above alone. So nothing that is written has to know of the last row, be it
    by this process, its workers or programs that a node starts: it appears above, half lines included. The cursor is
    put back to where it was.

    It is written straight to the file descriptor, each time at once. A terminal that goes away, or is too small,
    switches it off. Limits: a program that fills the screen takes the last row until the next ``show``; a process
    that is stopped, or killed by SIGKILL, leaves it set apart, until a run ends or ``reset`` is called; when the
    window gets another height, a former text may stay where it was; of two processes that show one on the same
    terminal, each draws over the other's.

    Args:
        stream: a text stream on a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._descriptor = stream.fileno()
        self._encoding = getattr(stream, "encoding", None) or "ascii"
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._is_usable = True
        self._size: Size | None = None  # for which the last row was set apart

    def show(self, text: str) -> None:
        """Put a text on the last row, as much of it as fits."""
        with self._lock:
            size = self._current_size()
            if size is None:
                self._give_back()
                return
            room = "" if size == self._size else self._room_for_row()
            self._size = size
            self._put(
                f"{room}{_SAVE_CURSOR}\x1b[1;{size.rows - 1}r\x1b[{size.rows};1H{_PLAIN}"
                f"{fitted(text, size.columns - 1)}{_CLEAR_TO_END_OF_LINE}{_RESTORE_CURSOR}"
            )

    def end(self) -> None:
        """Give the last row back; the cursor is where the next output belongs."""
        if os.getpid() != self._pid:
            return  # a forked process: the row is its parent's
        with self._lock:
            self._give_back()
            self._is_usable = False

    def _room_for_row(self) -> str:
        """Return what frees the last row, also where the cursor stands on it."""
        # The margins of a former size are taken away first; setting any moves the cursor, so it is put back.
        return f"{_SAVE_CURSOR}{_ALL_ROWS_SCROLL}{_RESTORE_CURSOR}{_MAKE_ROOM}"

    def _give_back(self) -> None:
        if self._size is None:
            return
        rows, self._size = self._size.rows, None
        # In a window of another height, something else may stand on that row.
        clear = f"\x1b[{rows};1H{_CLEAR_TO_END_OF_LINE}" if rows == self._terminal_size().rows else ""
        self._put(f"{_SAVE_CURSOR}{clear}{_ALL_ROWS_SCROLL}{_RESTORE_CURSOR}")

    def _current_size(self) -> Size | None:
        """Return the size of the terminal, or None where the row cannot be shown."""
        size = self._terminal_size()
        return size if self._is_usable and size.columns >= _MIN_COLUMNS and size.rows >= _MIN_ROWS else None

    def _terminal_size(self) -> Size:
        try:
            return Size(*os.get_terminal_size(self._descriptor))
        except OSError:
            self._is_usable = False
            return Size(0, 0)

    def _put(self, text: str) -> None:
        if not self._is_usable:
            return
        try:
            os.write(self._descriptor, text.encode(self._encoding, "replace"))
        except OSError:
            self._is_usable = False
