"""How an exception travels from a worker to its parent: as itself if pickle allows, else as one that stands for it."""

from __future__ import annotations

import contextlib
import pickle
import traceback
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pellucid.exceptions import RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LIMIT_BYTES = 1_000_000
"""No message, traceback or pickled exception that travels is longer (characters of a text, bytes of a pickle)."""


class RemoteTraceback(Exception):
    """The cause of an exception that came from a worker process: the text of its traceback there."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(text)

    def __str__(self) -> str:
        return f"\n{self.text}"


@dataclass(frozen=True)
class _Report:
    """What is told of an exception; of plain types alone, so that the report itself can always be read."""

    module: str
    name: str
    qualname: str
    message: str
    traceback: str
    ordinary: bool  # as against those that end a process, such as KeyboardInterrupt
    itself: bytes | None
    bases: list[bytes] = field(default_factory=list)
    attributes: dict[str, bytes] = field(default_factory=dict)


# --------------------------------------------------------------------------- in the worker


def pack_error(error: BaseException) -> bytes:
    """Return bytes of which ``unpack_error`` makes the exception again; never raises.

    The frame in which ``error`` was caught is left out of its traceback.
    """
    kind = type(error)
    itself = _pickled(error)
    return pickle.dumps(
        _Report(
            module=str(kind.__module__),
            name=kind.__name__,
            qualname=kind.__qualname__,
            message=_bounded(_message(error)),
            traceback=_bounded(_formatted(error)),
            ordinary=isinstance(error, Exception),
            itself=itself,
            bases=_bases(kind),
            attributes={} if itself else _attributes(error),
        )
    )


def _safely(call: Callable[[], T], otherwise: Callable[[BaseException], T]) -> T:
    """Call what runs users' code; whatever that raises must not hide the error that is being reported."""
    try:
        return call()
    except BaseException as problem:
        return otherwise(problem)


def _message(error: BaseException) -> str:
    return _safely(
        lambda: str(error), lambda problem: f"<str() of this {type(error).__name__} raised {type(problem).__name__}>"
    )


def _formatted(error: BaseException) -> str:
    seen = error.__traceback__.tb_next if error.__traceback__ else None
    return _safely(
        lambda: "".join(traceback.format_exception(type(error), error, seen)),
        lambda problem: f"<no traceback: formatting it raised {type(problem).__name__}>",
    )


def _bounded(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")  # a lone surrogate would not be printable
    if len(text) <= LIMIT_BYTES:
        return text
    half = LIMIT_BYTES // 2
    return f"{text[:half]}\n[{len(text) - 2 * half:,} characters left out]\n{text[-half:]}"


def _pickled(error: BaseException) -> bytes | None:
    """Return the pickled exception, or None if it would not arrive as it is."""

    def attempt() -> bytes | None:
        body = pickle.dumps(error)
        if len(body) > LIMIT_BYTES:
            return None
        copy = pickle.loads(body)
        return body if type(copy) is type(error) and str(copy) == str(error) else None

    return _safely(attempt, lambda _: None)


def _bases(kind: type[BaseException]) -> list[bytes]:
    """Return the classes of which a stand-in can be made, pickled, the nearest first; the roots go without saying."""
    classes = [base for base in kind.__mro__ if issubclass(base, BaseException)]
    return [body for base in classes if base not in {Exception, BaseException} and (body := _pickled_class(base))]


def _pickled_class(base: type[BaseException]) -> bytes | None:
    def attempt() -> bytes | None:
        body = pickle.dumps(base)
        return body if pickle.loads(body) is base else None

    return _safely(attempt, lambda _: None)


def _attributes(error: BaseException) -> dict[str, bytes]:
    """Return what of the exception's own attributes can be pickled, for who catches it by its class and looks."""
    room = LIMIT_BYTES
    found = {}
    for name, value in list(vars(error).items()):
        body = _safely(partial(_round_trip, value), lambda _: None)
        if body is not None and len(body) <= room:
            room -= len(body)
            found[name] = body
    return found


def _round_trip(value: object) -> bytes | None:
    body = pickle.dumps(value)
    pickle.loads(body)
    return body


# --------------------------------------------------------------------------- in the parent


def unpack_error(body: bytes) -> BaseException:
    """Return the exception that a worker packed; its cause is a ``RemoteTraceback``."""
    report: _Report = pickle.loads(body)
    error = _itself(report) or _stand_in(report)
    _set(error, "__cause__", RemoteTraceback(report.traceback))
    return error


def _itself(report: _Report) -> BaseException | None:
    try:
        found = pickle.loads(report.itself) if report.itself is not None else None
    except Exception:
        return None
    return found if isinstance(found, BaseException) else None


def _stand_in(report: _Report) -> BaseException:
    for body in report.bases:
        with contextlib.suppress(Exception):  # a base that is not importable here, or whose __new__ wants arguments
            return _made(report, pickle.loads(body))
    return _made(report, Exception if report.ordinary else BaseException)


def _made(report: _Report, base: type[BaseException]) -> BaseException:
    """Make a subclass of ``base`` under the original's name, and an instance without calling the base's __init__."""
    message = report.message
    kind = type(
        report.name,
        (RemoteError, base) if base is not BaseException else (RemoteError,),
        {
            "__module__": report.module,
            "__qualname__": report.qualname,
            "__doc__": RemoteError.__doc__,
            "__init__": lambda _self: None,
            "__str__": lambda _self: message,
            "__repr__": lambda _self: f"{report.name}({message!r})",
        },
    )
    error: BaseException = kind()
    _set(error, "args", (message,))
    for name, body in report.attributes.items():
        with contextlib.suppress(Exception):  # of a class that is not importable here
            vars(error)[name] = pickle.loads(body)
    return error


def _set(error: BaseException, name: str, value: object) -> None:
    """Set what every exception has, also where its class lets nothing be set, as a frozen dataclass does."""
    vars(BaseException)[name].__set__(error, value)
