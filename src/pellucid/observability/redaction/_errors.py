"""Exceptions of anybody, as texts: bounded and without secrets."""

from __future__ import annotations

import linecache
import os
from itertools import islice
from pathlib import Path, PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import TYPE_CHECKING, Any, Protocol

from pellucid.exceptions import RunTerminated
from pellucid.observability.redaction._saying import said_within
from pellucid.observability.redaction._values import name_of_type

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_MOST_ERRORS = 10
_FIRST_FRAMES, _LAST_FRAMES = 8, 24
_MOST_FRAMES = 100_000
_MOST_NOTES = 10
_MOST_GROUPED = 5
_LONGEST_SOURCE = 500
_PLAIN = (str, int, float, bool, complex, type(None))
_OF_C = (KeyError.__str__, OSError.__str__)
# As BaseException has them, whatever a class derived from it has made of them.
_cause_of, _context_of, _suppresses, _traceback_of = (
    vars(BaseException)[name].__get__ for name in ("__cause__", "__context__", "__suppress_context__", "__traceback__")
)
_PATHS = (PosixPath, WindowsPath, PurePosixPath, PureWindowsPath)
_TELEMETRY = str(Path(__file__).parents[1]) + os.sep
"""Whose own frames say nothing of what failed: those around a block that is a span."""
_DEADLINE = 0.5  # seconds
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"


class Texts(Protocol):
    """What a redactor knows of texts."""

    def lines(self, text: str, length: int | None = None) -> str:
        """Return a text of several lines without secrets."""
        ...

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        ...


def described_error(texts: Texts, error: BaseException, length: int, traceback_length: int) -> tuple[str, str, str]:
    """Return type, message and traceback of an exception; never raises.

    Args:
        texts: hides secrets.
        error: of anybody.
        length: the most characters of the message.
        traceback_length: of the traceback, of which the middle is left out if need be.
    """
    name = texts.text(name_of_type(type(error)))
    said = _message(error, length)
    message = texts.text(said)
    try:
        parts = list(_chain(texts, error, said, length))
    except (KeyboardInterrupt, RunTerminated):
        raise
    except BaseException:  # of a hostile object: anything
        parts = [f"{name}: {message}"]
    return name, message, _without_middle("\n".join(parts), traceback_length)


def _message(error: BaseException, length: int) -> str:
    try:
        said_by = type(error).__str__
        is_plain = type(error) is RunTerminated or (said_by in _OF_C and _has_plain_data(error))
        if said_by is BaseException.__str__ or (said_by in _OF_C and not is_plain):
            return _of_arguments(error.args, length, quoted=said_by is KeyError.__str__)
        text = str(error) if is_plain else said_within(error, _DEADLINE)
        return text if type(text) is str else str.__getitem__(text, slice(None))
    except (KeyboardInterrupt, RunTerminated):
        raise
    except BaseException as raised:  # of a hostile object: anything
        return f"<its text raises {name_of_type(type(raised))}>"


def _has_plain_data(error: BaseException) -> bool:
    files = [getattr(error, name, None) for name in ("filename", "filename2")]
    return all(type(each) in _PLAIN for each in error.args) and all(
        type(each) in _PLAIN or type(each) in _PATHS or type(each) is bytes for each in files
    )


def _of_arguments(arguments: tuple[Any, ...], length: int, *, quoted: bool = False) -> str:
    """Return what an exception says by default, but for arguments that are nobody's plain data."""
    if len(arguments) == 1:
        return _of_argument(arguments[0], length, quoted=quoted)
    inside = ", ".join(_of_argument(each, length, quoted=True) for each in arguments[:_MOST_NOTES])
    return f"({inside})" if arguments else ""


def _of_argument(value: Any, length: int, *, quoted: bool) -> str:
    kind = type(value)
    if issubclass(kind, str):
        # Cut before anything is made of it; the redactor's margin is kept, so that no secret is cut in two.
        text = str.__getitem__(value, slice(None)) if not quoted else str.__getitem__(value, slice(0, length * 4))
        return repr(text) if quoted else text
    if kind in _PLAIN:
        return repr(value)
    if issubclass(kind, BaseException):
        return _message(value, length)
    if kind in _PATHS:
        return str(value)
    return f"<{name_of_type(kind)}>"


def _chain(texts: Texts, error: BaseException, said: str, length: int) -> Iterator[str]:
    """Yield the traceback of an exception and of those that led to it, the first one first."""
    found: list[tuple[BaseException, str]] = []
    seen: set[int] = set()
    link = ""
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(found) < _MOST_ERRORS:
        seen.add(id(current))
        found.append((current, link))
        cause = _cause_of(current)
        if cause is not None:
            current, link = cause, _CAUSE
        else:
            current, link = (None if _suppresses(current) else _context_of(current)), _CONTEXT
    for each, leads_to in reversed(found):
        yield from _one(texts, each, said if each is error else _message(each, length), length)
        if leads_to:
            yield f"\n{leads_to}\n"


def _one(texts: Texts, error: BaseException, said: str, length: int) -> Iterator[str]:
    traceback = _traceback_of(error)
    if traceback is not None:
        yield "Traceback (most recent call last):"
        # Who is to end now reads no files: after each step it waits for the threads that hold the interpreter's lock.
        yield from _frames(texts, traceback, has_source=type(error) is not RunTerminated)
    message = texts.lines(said, length)
    name = texts.text(name_of_type(type(error)))
    yield f"{name}: {message}" if message else name
    notes = _attribute(error, "__notes__")
    if type(notes) is list:
        yield from (texts.lines(each, length) for each in notes[:_MOST_NOTES] if type(each) is str)
    grouped = _attribute(error, "exceptions")
    if type(grouped) is tuple:
        for each in grouped[:_MOST_GROUPED]:
            if issubclass(type(each), BaseException):
                said = texts.text(_message(each, length))
                yield f"  | {texts.text(name_of_type(type(each)))}: {said}"
        if len(grouped) > _MOST_GROUPED:
            yield f"  | … {len(grouped) - _MOST_GROUPED:,} more"


def _attribute(error: BaseException, name: str) -> Any:
    try:
        return getattr(error, name, None)
    except (KeyboardInterrupt, RunTerminated):
        raise
    except BaseException:  # of a hostile object: anything
        return None


def _frames(texts: Texts, traceback: TracebackType, *, has_source: bool) -> Iterator[str]:
    frames = list(islice(_walk(traceback), _MOST_FRAMES))
    left_out = len(frames) - _FIRST_FRAMES - _LAST_FRAMES
    for number, (frame, line) in enumerate(frames):
        if left_out > 0 and number == _FIRST_FRAMES:
            yield f"  … {left_out:,} more frames"
        if left_out > 0 and _FIRST_FRAMES <= number < _FIRST_FRAMES + left_out:
            continue
        code = frame.f_code
        yield f'  File "{texts.text(code.co_filename)}", line {line}, in {texts.text(code.co_name)}'
        source = _source(code.co_filename, line, frame.f_globals) if has_source else ""
        if source:
            yield f"    {texts.text(source)[:_LONGEST_SOURCE]}"  # in this order: no part of a secret is left


def _walk(traceback: TracebackType | None) -> Iterator[tuple[Any, int]]:
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(_TELEMETRY):
            yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def _source(file: str, line: int, variables: dict[str, Any]) -> str:
    try:
        return linecache.getline(file, line, variables).strip()
    except Exception:  # of a loader
        return ""


def _without_middle(text: str, length: int) -> str:
    """Return a text of at most ``length`` characters; what is left out is in the middle, as the end says most."""
    if len(text) <= length:
        return text
    said = f"\n… ({len(text) - length:,} more characters) …\n"
    first = max(0, length // 4 - len(said))
    last = max(0, length - first - len(said))
    return text[:first] + said + text[len(text) - last :]
