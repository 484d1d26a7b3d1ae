"""Objects that raise, lie or never return, wherever they are met: nothing of theirs is run, or not for long."""

from __future__ import annotations

import json
import threading
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest

from pellucid.observability.options import RedactionOptions
from pellucid.observability.redaction import Redactor

NEVER = threading.Event()


def never(*_: Any) -> Any:
    """Do not return."""
    NEVER.wait()


def refuse(*_: Any) -> Any:
    raise SystemExit


def other(*_: Any) -> Any:
    return 5


METHODS = ("__str__", "__repr__", "__format__", "__eq__", "__bool__", "__len__", "__iter__", "__getattr__")
BEHAVIOURS = (never, refuse, other)


def hostile(base: type, behaviour: Any) -> type:
    """Return a class whose methods all misbehave."""
    methods = dict.fromkeys(METHODS, behaviour)
    return type("Hostile", (base,), {**methods, "__hash__": object.__hash__, "__class__": property(behaviour)})


def redactor() -> Redactor:
    return Redactor(RedactionOptions(), ["sesame-street"])


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize(
    ("base", "given", "shown"),
    [
        (object, (), "<tests…Hostile>"),
        (str, ("see sesame-street",), "see <redacted>"),
        (int, (7,), 7),
        (float, (1.5,), 1.5),
        (dict, ({"password": "x", "a": 1},), {"password": "<redacted>", "a": 1}),
        (list, (["a", 1],), ["a", 1]),
        (tuple, (["a", 1],), ["a", 1]),
        (set, (["a"],), ["a"]),
        (PurePosixPath, ("/a",), "<tests…Hostile>"),
        (datetime, (2026, 1, 2), "<tests…Hostile>"),
        (np.float64, (1.5,), 1.5),
    ],
)
def test_values_are_looked_at_without_their_code(
    base: type, given: tuple[Any, ...], shown: Any, behaviour: Any
) -> None:
    value = hostile(base, behaviour)(*given)
    made = redactor()
    for found in (made.value("x", value), made.value("x", [value])[0], made.value("x", {"k": value})["k"]):
        assert found == shown or (shown == "<tests…Hostile>" and found.endswith("Hostile>"))
    json.dumps(made.attribute("x", value))
    assert made.value("password", value) == "<redacted>"


class Pretending:
    """Says that it is a number of numpy, and a path."""

    item = never
    __str__ = never


Pretending.__module__ = "numpy"


def test_what_a_class_says_of_itself_is_not_believed() -> None:
    assert redactor().value("x", Pretending()).endswith("Pretending>")


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_keys_may_be_hostile(behaviour: Any) -> None:
    text = hostile(str, behaviour)
    assert redactor().value("x", {text("password"): "x", hostile(object, behaviour)(): 1})["password"] == "<redacted>"
    assert redactor().is_secret_key(text("password"))
    assert redactor().attribute(text("token"), "x") == "<redacted>"


@pytest.mark.parametrize("given", [None, 5, b"x", object(), ["a"]])
def test_what_is_no_text_is_told_by_its_type(given: Any) -> None:
    assert redactor().text(given) == redactor().lines(given) == f"<{type(given).__name__}>"
    assert not redactor().is_secret_key(given)


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("kind", [ValueError, KeyError, OSError, LookupError, UnicodeError])
def test_arguments_of_exceptions_are_not_asked(kind: type[Exception], behaviour: Any) -> None:
    value = hostile(object, behaviour)()
    for arguments in ((value,), ("said", value), (2, "said", value)):
        _, message, traceback = redactor().exception(kind(*arguments))
        assert "raises" not in message
        assert "Hostile>" in message or "said" in message
        assert message in traceback


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyError("a"), "'a'"),
        (KeyError(("a", 1)), "<tuple>"),
        (FileNotFoundError(2, "No such file", "/a/b"), "[Errno 2] No such file: '/a/b'"),
        (FileNotFoundError(2, "No such file", PurePosixPath("/a")), "[Errno 2] No such file: PurePosixPath('/a')"),
        (SyntaxError("bad", ("f.py", 1, 2, "x")), "bad (f.py, line 1)"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), "'utf-8' codec can't decode byte 0xff in position 0: no"),
        (ValueError(ValueError(KeyError("a"))), "'a'"),
    ],
)
def test_exceptions_of_python_say_what_they_always_say(error: Exception, message: str) -> None:
    assert redactor().exception(error)[1] == message


class Speaking(Exception):
    def __init__(self, behaviour: Any) -> None:
        super().__init__()
        self.behaviour = behaviour

    def __str__(self) -> Any:
        return self.behaviour()


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (never, "<its text raises TimeoutError>"),
        (refuse, "<its text raises SystemExit>"),
        (other, "<its text raises TypeError>"),
        (lambda: "sesame-street is closed", "<redacted> is closed"),
    ],
)
def test_a_text_that_an_exception_makes_itself_is_waited_for_a_moment(behaviour: Any, message: str) -> None:
    error = Speaking(behaviour)
    assert redactor().exception(error)[1] == message
    assert redactor().exception(ValueError(error))[1] == message


@pytest.mark.parametrize("behaviour", [refuse, other])
def test_attributes_of_exceptions_may_be_hostile(behaviour: Any) -> None:
    names = ("__notes__", "exceptions", "__cause__", "__context__", "__traceback__", "__suppress_context__", "args")
    kind: type[Exception] = type("Evil", (Exception,), {name: property(behaviour) for name in names})
    try:
        try:
            raise LookupError("the first")
        except LookupError as cause:
            raise kind("said") from cause
    except kind as error:
        _, _, traceback = redactor().exception(error)
    assert "LookupError: the first" in traceback
    assert "direct cause" in traceback
    assert "Evil" in traceback


def test_a_group_of_hostile_errors_is_told() -> None:
    class Group(Exception):
        exceptions = (Speaking(refuse), 5, ValueError("number 3"))

    traceback = redactor().exception(Group("several"))[2]
    assert "<its text raises SystemExit>" in traceback
    assert "ValueError: number 3" in traceback


def test_an_interpreter_that_ends_starts_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse_to_start(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse_to_start)
    assert redactor().exception(Speaking(lambda: "said"))[1] == "said"
