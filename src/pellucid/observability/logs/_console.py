"""Log lines for people: short, in colour, each on one row unless it has a traceback."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pellucid.observability.logs._entry import CORE_FIELDS
from pellucid.observability.logs._sentences import sentence
from pellucid.observability.redaction import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pellucid.observability.logs._entry import Entry

__all__ = ["console_line"]

_PLAIN = "\x1b[0m"
_FAINT = "\x1b[2m"
_COLOURS = ((logging.ERROR, "\x1b[31m"), (logging.WARNING, "\x1b[33m"), (logging.INFO, "\x1b[32m"))
_APART = frozenset((*CORE_FIELDS, "error_type", "error", "traceback", "stack"))
_LONGEST_VALUE = 200
_LONGEST_TEXT = 2000
_LONGEST_LOGGER = 60


def console_line(entry: Entry, *, is_coloured: bool) -> bytes:
    """Return a line for a terminal; nothing in it can move the cursor, colour it, or turn text around."""
    event = entry.event
    told = sentence(entry.name, event) if entry.name else ""
    time = str(event.get("timestamp", ""))[11:19]
    level = f"{visible(str(event.get('level', ''))):<7}"
    text = _short(told or _message(event), _LONGEST_TEXT)
    rest = "" if told else _rest(event)
    if is_coloured:
        colour = next((each for least, each in _COLOURS if entry.level >= least), _FAINT)
        time, level = f"{_FAINT}{time}{_PLAIN}", f"{colour}{level}{_PLAIN}"
        rest = f"{_FAINT}{rest}{_PLAIN}" if rest else rest
    below = "" if told else _below(event)
    return f"{time} {level} {text}{rest}\n{below}".encode("utf-8", "backslashreplace")


def _message(event: Mapping[str, Any]) -> str:
    return f"{_short(str(event.get('logger', '')), _LONGEST_LOGGER)}: {event.get('event', '')}"


def _rest(event: Mapping[str, Any]) -> str:
    fields = {key: value for key, value in event.items() if key not in _APART}
    return "".join(
        f" {_short(key, _LONGEST_VALUE)}={_short(_shown(value), _LONGEST_VALUE)}" for key, value in fields.items()
    )


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)  # what was redacted is plain data


def _below(event: Mapping[str, Any]) -> str:
    """Return the rows of a traceback."""
    blocks = [str(event[key]) for key in ("stack", "traceback") if event.get(key)]
    return "".join(f"    {visible(row)}\n" for block in blocks for row in block.split("\n"))


def _short(text: str, longest: int) -> str:
    shown = visible(text[: longest + 1])
    return shown if len(text) <= longest else f"{shown[:longest]}…"
