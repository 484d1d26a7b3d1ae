"""How the commands put things: times, durations, texts that fit, colours where they are wanted."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

_DAY = 86_400
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": _DAY, "w": 7 * _DAY}
_AGE = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_LEAST_COLUMNS, _COLUMNS_OF_FILE = 40, 100
_COLOURS = {"success": "green", "skip": "cyan", "cancellation": "yellow", "running": "cyan"}


@dataclass(frozen=True)
class Screen:
    """Where something is shown.

    Attributes:
        columns: how wide it is.
        has_colours: whether texts may be coloured.
        is_unicode: whether it shows other letters than those of ASCII.
    """

    columns: int
    has_colours: bool = False
    is_unicode: bool = True

    @classmethod
    def of_stdout(cls, columns: int | None = None, of_file: int = _COLUMNS_OF_FILE) -> Screen:
        """Describe stdout: colours only on a terminal, and not with ``NO_COLOR``.

        Args:
            columns: how wide it is; None is as wide as ``COLUMNS`` says, or the terminal is.
            of_file: how wide it is where there is neither.
        """
        stream = sys.stdout
        is_dumb = os.environ.get("TERM") == "dumb"
        is_terminal = stream.isatty()
        is_known = is_terminal or os.environ.get("COLUMNS", "0").isdecimal()
        width = columns or (shutil.get_terminal_size((of_file, 24)).columns if is_known else of_file)
        return cls(
            max(_LEAST_COLUMNS, width),
            has_colours=is_terminal and not is_dumb and not os.environ.get("NO_COLOR"),
            is_unicode=not is_dumb and _can_encode("█▒·…─", getattr(stream, "encoding", None)),
        )

    def styled(self, text: str, colour: str | None = None, *, bold: bool = False) -> str:
        """Return a text in a colour, if there are any here."""
        if not self.has_colours or not (colour or bold):
            return text
        return click.style(text, fg=colour, bold=bold or None)

    def of_result(self, text: str, result: str) -> str:
        """Return a text in the colour of a result."""
        return self.styled(text, _COLOURS.get(result, "red") if result else None)

    def sign(self, unicode: str, ascii_: str) -> str:
        """Return the one of two that can be shown."""
        return unicode if self.is_unicode else ascii_

    def clean(self, text: str) -> str:
        """Return a text without control characters."""
        clean = "".join(letter if letter.isprintable() else " " if letter.isspace() else "?" for letter in text)
        return clean if self.is_unicode else clean.encode("ascii", "replace").decode("ascii")

    def fitted(self, text: str, columns: int) -> str:
        """Return a text without control characters, cut with an ellipsis to some columns."""
        clean = self.clean(text)
        if columns_of(clean) <= columns:
            return clean
        mark = self.sign("…", "~")
        kept, used = "", 1
        for letter in clean:
            used += _width(letter)
            if used > columns:
                break
            kept += letter
        return kept + mark

    def wrapped(self, title: str, text: str, indent: int = 17) -> list[str]:
        """Return a title and the words of a text in as many lines as it takes, the text indented."""
        room = max(1, self.columns - indent)
        lines = [""]
        for word in text.split():
            fitting = self.fitted(word, room)
            longer = f"{lines[-1]} {fitting}".lstrip()
            if columns_of(longer) <= room:
                lines[-1] = longer
            else:
                lines.append(fitting)
        return [f"{title if number == 0 else '':{indent}}{line}" for number, line in enumerate(lines)]

    def cell(self, text: str, columns: int) -> str:
        """Return a text that fits, filled up with blanks."""
        fitting = self.fitted(text, columns)
        return fitting + " " * (columns - columns_of(fitting))


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(map(_width, text))


def duration(seconds: float) -> str:
    """Return a duration with its unit, three digits of it: ``12.3 s``, ``2 m 05 s``, ``450 ms``."""
    if seconds < 0.0009995:
        return f"{seconds * 1e6:.0f} us"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.3g} ms" if seconds < 0.0995 else f"{seconds * 1e3:.0f} ms"
    if seconds < 99.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} m"


def size(count: int) -> str:
    """Return a number of bytes with its unit."""
    number = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(number) < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"


def counted(count: int, noun: str) -> str:
    """Return how many of something there are: ``1 file``, ``2 files``."""
    return f"{count:,} {noun if count == 1 or noun.endswith('s') else noun + 's'}"


def local_time(time_ns: int) -> str:
    """Return a time in this machine's time zone, for people."""
    return _local(time_ns).strftime("%Y-%m-%d %H:%M:%S")


def iso_time(time_ns: int) -> str:
    """Return a time in this machine's time zone by ISO 8601, with milliseconds and offset."""
    return _local(time_ns).isoformat(timespec="milliseconds")


def shown(value: Any) -> str:
    """Return a value of a parameter as it is written."""
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def parse_time(text: str, option: str, now_ns: int | None = None) -> int:
    """Return the time that an age or a point in time means, in nanoseconds since the epoch.

    Args:
        text: such as ``30m``, ``2d``, ``2026-03-01`` or ``2026-03-01T08:00+01:00``; without offset, in the time zone of
            this machine.
        option: that it was given for.
        now_ns: nanoseconds since the epoch; None is now.

    Raises:
        click.BadParameter: it means none.
    """
    now = time.time_ns() if now_ns is None else now_ns
    age = _AGE.fullmatch(text.strip())
    try:
        if age is not None:
            return now - round(float(age[1]) * _UNITS[age[2]] * 1e9)
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text.strip()))
        return round(moment.astimezone().timestamp() * 1e9)
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(
            f"'{text}' is no time. Give an age such as 30m, 12h, 2d or 1w, or a time such as 2026-03-01T08:00.",
            param_hint=option,
        ) from None


def _local(time_ns: int) -> datetime:
    try:
        return datetime.fromtimestamp(time_ns / 1e9).astimezone()
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0).astimezone()


def _width(letter: str) -> int:
    if letter < "\u0300":
        return 1
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _can_encode(text: str, encoding: str | None) -> bool:
    try:
        text.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
