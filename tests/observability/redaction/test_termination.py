"""The end of a run by a signal, which is not to wait for anything while it is told of."""

from __future__ import annotations

import linecache
import threading

import pytest

from pellucid.exceptions import RunTerminated
from pellucid.observability.options import RedactionOptions
from pellucid.observability.redaction import Redactor


def raised() -> RunTerminated:
    with pytest.raises(RunTerminated) as caught:
        raise RunTerminated(15)
    return caught.value


def test_no_thread_is_started_and_no_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise AssertionError

    error, redactor = raised(), Redactor(RedactionOptions())
    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(linecache, "getline", refuse)
    kind, message, traceback = redactor.exception(error)
    monkeypatch.undo()
    assert kind == "pellucid.exceptions.RunTerminated"
    assert message == "The run was ended by SIGTERM."
    first, *frames, last = traceback.splitlines()
    assert first == "Traceback (most recent call last):"
    assert last == f"{kind}: {message}"
    assert len(frames) == 1
    assert "test_termination.py" in frames[0]
    assert frames[0].endswith("in raised")


def test_what_led_to_it_is_shown_with_its_source() -> None:
    error = raised()
    try:
        raise LookupError("before")
    except LookupError as cause:
        error.__cause__ = cause
    traceback = Redactor(RedactionOptions()).exception(error)[2]
    assert 'raise LookupError("before")' in traceback
    assert "raise RunTerminated(15)" not in traceback
