"""Tracebacks as the author of a project wants to see them: without the frames of the machinery."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import click

import pellucid
from pellucid._util.lazily import LazyPattern

_PACKAGE = str(Path(pellucid.__file__).absolute().parent) + os.sep
_FRAME = LazyPattern(r'  File "(.+)", line \d+, in ')
_CLICK = str(Path(click.__file__).absolute().parent) + os.sep
_MACHINERY = tuple(
    each.replace("/", os.sep)
    for each in ("/pluggy/_", "/concurrent/futures/", "/multiprocessing/", "/threading.py", "/runpy.py", "/importlib/")
)


def is_machinery(filename: str) -> bool:
    """Tell whether a frame of this file belongs to pellucid, or to what pellucid calls nodes through."""
    return filename.startswith((_PACKAGE, _CLICK, "<frozen ")) or any(part in filename for part in _MACHINERY)


def format_error(error: BaseException, *, whole: bool = False) -> str:
    """Return the traceback of an error, its causes and its notes, ending with a newline.

    Args:
        error: what was raised.
        whole: keep the frames of pellucid and of the libraries that it calls nodes through.
    """
    if not whole and (remote := _remote_text(error)) is not None:
        return _without_machinery(remote) + "".join(f"{note}\n" for note in notes_of(error) if note not in remote)
    summary = traceback.TracebackException.from_exception(error)
    if not whole:
        _drop_machinery(summary)
    text = "".join(summary.format())
    if sys.version_info < (3, 11):
        text += "".join(f"{note}\n" for note in notes_of(error))
    return text


def _remote_text(error: BaseException) -> str | None:
    """Return the traceback that an error had in the worker process it came from, as text, or None."""
    cause = error.__cause__
    text = getattr(cause, "text", None) if type(cause).__name__ == "RemoteTraceback" else None
    return text if isinstance(text, str) else None


def _without_machinery(text: str) -> str:
    """Drop the frames of machinery from the text of a traceback."""
    kept = []
    dropping = False
    for line in text.splitlines():
        frame = _FRAME.compiled.match(line)
        if frame is not None:
            dropping = is_machinery(frame[1])
        elif not line.startswith("    "):
            dropping = False
        if not dropping:
            kept.append(line)
    return "\n".join(kept) + "\n"


def notes_of(error: BaseException) -> list[str]:
    """Return what was added to an error with ``add_note``, on every version of Python."""
    found = getattr(error, "__notes__", ())
    return [str(note) for note in found] if isinstance(found, (list, tuple)) else []


def last_place(error: BaseException) -> str | None:
    """Return ``file:line`` of the innermost frame of an error that is not machinery, or None."""
    frames = [each for each in traceback.extract_tb(error.__traceback__) if not is_machinery(each.filename)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None


def _drop_machinery(summary: traceback.TracebackException) -> None:
    pending: list[traceback.TracebackException | None] = [summary]
    seen: set[int] = set()
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        names = [frame.filename for frame in each.stack]
        # What called pellucid (the console script, a notebook) says nothing about what went wrong below it.
        start = next((index for index, name in enumerate(names) if name.startswith(_PACKAGE)), 0)
        each.stack[:] = [frame for frame in each.stack[start:] if not is_machinery(frame.filename)]
        pending += [each.__cause__, each.__context__, *(getattr(each, "exceptions", None) or ())]
