"""A terminal for the command line, and what somebody sees on it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping
    from pathlib import Path

_SEQUENCE = re.compile(r"\x1b(?:\[([\d;]*)([A-Za-z])|([78D]))")


def set_size(descriptor: int, rows: int, columns: int) -> None:
    """Set the size of a terminal."""
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def on_terminal(
    folder: Path,
    *args: str,
    columns: int = 100,
    rows: int = 24,
    environment: Mapping[str, str] | None = None,
    hang_up: bool = False,
    end_by: signal.Signals | None = None,
) -> tuple[int, str]:
    """Run the command line with a terminal for its output; return its exit code and what the terminal got.

    Once the display names the first node, the terminal may go away (``hang_up``), or a signal be sent (``end_by``).
    """
    parent, child = pty.openpty()
    set_size(child, rows, columns)
    process = subprocess.Popen(
        [sys.executable, "-m", "pellucid", *args],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=child,
        stderr=child,
        env={**os.environ, "TERM": "xterm", **(environment or {})},
    )
    os.close(child)
    received = b""
    while True:
        try:
            chunk = os.read(parent, 65536)
        except OSError:  # the other end is closed
            break
        received += chunk
        is_displayed = b"the_first_node" in received
        if not chunk or (hang_up and is_displayed):
            break
        if end_by is not None and is_displayed:
            process.send_signal(end_by)
            end_by = None
    os.close(parent)
    return process.wait(timeout=60), received.decode()


class Screen:
    """The rows of a terminal, and those that scrolled off its top; knows the sequences that the display sends."""

    def __init__(self, columns: int = 100, rows: int = 24) -> None:
        self.columns = columns
        self.gone: list[str] = []
        self.rows = [[" "] * columns for _ in range(rows)]
        self.margins = (0, rows - 1)
        self.row = self.column = 0
        self._saved = (0, 0)

    @property
    def lines(self) -> list[str]:
        """Everything that was seen, down to the last line that is not empty."""
        return "\n".join([*self.gone, *self._shown()]).rstrip("\n").split("\n")

    @property
    def last(self) -> str:
        """The last row."""
        return self._shown()[-1]

    def feed(self, output: str) -> Screen:
        """Show what was written to the terminal."""
        position = 0
        while position < len(output):
            sequence = _SEQUENCE.match(output, position)
            if sequence is not None:
                self._obey(*sequence.groups())
                position = sequence.end()
                continue
            self._put(output[position])
            position += 1
        return self

    def resize(self, rows: int) -> None:
        """Let the user make the window higher or lower; as xterm does, all rows scroll then."""
        while len(self.rows) > rows:
            below = self.rows.pop() if self.row < len(self.rows) - 1 else None
            if below is None:
                self._keep(self.rows.pop(0))
                self.row -= 1
        self.rows += [[" "] * self.columns for _ in range(rows - len(self.rows))]
        self.margins = (0, rows - 1)

    def _shown(self) -> list[str]:
        return ["".join(row).rstrip() for row in self.rows]

    def _keep(self, row: list[str]) -> None:
        self.gone.append("".join(row).rstrip())

    def _put(self, letter: str) -> None:
        if letter == "\r":
            self.column = 0
        elif letter == "\n":
            self._down()
        else:
            assert letter.isprintable(), repr(letter)
            if self.column == self.columns:  # the terminal goes on in the next line
                self.column = 0
                self._down()
            self.rows[self.row][self.column] = letter
            self.column += 1

    def _down(self) -> None:
        top, bottom = self.margins
        if self.row == bottom:
            self._keep(self.rows.pop(top))
            self.rows.insert(bottom, [" "] * self.columns)
        elif self.row < len(self.rows) - 1:
            self.row += 1

    def _obey(self, numbers: str | None, letter: str | None, single: str | None) -> None:
        given = [int(each) for each in (numbers or "").split(";") if each]
        if single == "7":
            self._saved = (self.row, self.column)
        elif single == "8":
            self.row, self.column = min(self._saved[0], len(self.rows) - 1), self._saved[1]
        elif single == "D":
            self._down()
        elif letter == "r":
            top, bottom = given or (1, len(self.rows))
            self.margins = (top - 1, bottom - 1)
            self.row = self.column = 0
        elif letter == "H":
            self.row, self.column = min(given[0], len(self.rows)) - 1, given[1] - 1
        elif letter == "A":
            self.row = max(self.row - 1, 0)
        elif letter == "K":
            self.rows[self.row][self.column :] = [" "] * (self.columns - self.column)
        else:
            assert letter == "m", (numbers, letter)
