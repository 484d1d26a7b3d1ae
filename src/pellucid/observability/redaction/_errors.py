"""Exceptions of anybody, as texts: bounded and without secrets."""

from __future__ import annotations

import linecache
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Protocol

from pellucid.exceptions import RunTerminated
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
    message = texts.text(_message(error, length))
    try:
        parts = list(_chain(texts, error, length))
    except (KeyboardInterrupt, RunTerminated):
        raise
    except BaseException:  # of a hostile object: anything
        parts = [f"{name}: {message}"]
    return name, message, _without_middle("\n".join(parts), traceback_length)


def _message(error: BaseException, length: int) -> str:
    try:
        if type(error).__str__ is BaseException.__str__:
            return _of_arguments(error.args, length)
        text = str(error)
        return text if type(text) is str else str.__getitem__(text, slice(None))
    except (KeyboardInterrupt, RunTerminated):
        raise
    except BaseException as raised:  # of a hostile object: anything
        return f"<its text raises {name_of_type(type(raised))}>"


def _of_arguments(arguments: tuple[Any, ...], length: int) -> str:
    """Return what an exception says by default, but for arguments that are nobody's plain data."""
    if len(arguments) == 1:
        return _of_argument(arguments[0], length, quoted=False)
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
    if issubclass(kind, (BaseException, PurePath)):
        return str(value)
    return f"<{name_of_type(kind)}>"


def _chain(texts: Texts, error: BaseException, length: int) -> Iterator[str]:
    """Yield the traceback of an exception and of those that led to it, the first one first."""
    found: list[tuple[BaseException, str]] = []
    seen: set[int] = set()
    link = ""
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(found) < _MOST_ERRORS:
        seen.add(id(current))
        found.append((current, link))
        if current.__cause__ is not None:
            current, link = current.__cause__, _CAUSE
        else:
            current, link = (None if current.__suppress_context__ else current.__context__), _CONTEXT
    for each, leads_to in reversed(found):
        yield from _one(texts, each, length)
        if leads_to:
            yield f"\n{leads_to}\n"


def _one(texts: Texts, error: BaseException, length: int) -> Iterator[str]:
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):"
        yield from _frames(texts, error.__traceback__)
    message = texts.lines(_message(error, length), length)
    name = texts.text(name_of_type(type(error)))
    yield f"{name}: {message}" if message else name
    notes = getattr(error, "__notes__", None)
    if type(notes) is list:
        yield from (texts.lines(each, length) for each in notes[:_MOST_NOTES] if type(each) is str)
    grouped = getattr(error, "exceptions", None)
    if type(grouped) is tuple and all(isinstance(each, BaseException) for each in grouped):
        for each in grouped[:_MOST_GROUPED]:
            said = texts.text(_message(each, length))
            yield f"  | {texts.text(name_of_type(type(each)))}: {said}"
        if len(grouped) > _MOST_GROUPED:
            yield f"  | … {len(grouped) - _MOST_GROUPED:,} more"


def _frames(texts: Texts, traceback: TracebackType) -> Iterator[str]:
    frames = list(islice(_walk(traceback), _MOST_FRAMES))
    left_out = len(frames) - _FIRST_FRAMES - _LAST_FRAMES
    for number, (frame, line) in enumerate(frames):
        if left_out > 0 and number == _FIRST_FRAMES:
            yield f"  … {left_out:,} more frames"
        if left_out > 0 and _FIRST_FRAMES <= number < _FIRST_FRAMES + left_out:
            continue
        code = frame.f_code
        yield f'  File "{texts.text(code.co_filename)}", line {line}, in {texts.text(code.co_name)}'
        source = _source(code.co_filename, line, frame.f_globals)
        if source:
            yield f"    {texts.text(source)}"


def _walk(traceback: TracebackType | None) -> Iterator[tuple[Any, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def _source(file: str, line: int, variables: dict[str, Any]) -> str:
    try:
        return linecache.getline(file, line, variables).strip()[:_LONGEST_SOURCE]
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
