"""What a worker process does, from its first line to its last."""

from __future__ import annotations

import contextlib
import pickle
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING

from pellucid._util.processes import keep_from_forks, reset_signals, tie_again, tie_to
from pellucid.exceptions import RunnerError
from pellucid.runner._pool._errors import pack_error
from pellucid.runner._pool._wire import Kind, decode_task, encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    Handle = Callable[[int], object]
    Setup = Callable[[object], Handle]


waited_seconds: ContextVar[float] = ContextVar("pellucid_waited_seconds", default=0.0)
"""For how long the task at hand could have been done; for what does it."""


def work(parent: Connection, lifeline: Connection, inherited: Setup | None) -> None:
    """Set up, then do one task after the other, until the parent hangs up.

    Args:
        parent: where tasks come from, and answers go.
        lifeline: closed when the parent ends, which ends this process.
        inherited: the setup, if this process is a fork; else it is asked for, with what comes before it.
    """
    tie_to(lifeline)
    reset_signals()
    # A process that a task forks and leaves behind would keep the parent from seeing that this one has ended.
    keep_from_forks(parent)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        handle = _handle(parent, lifeline, inherited)
        if handle is not None:
            parent.send_bytes(encode(Kind.READY))
            _serve(parent, handle)


def _handle(parent: Connection, lifeline: Connection, inherited: Setup | None) -> Handle | None:
    """Return what does the tasks, or None after having told the parent why there is nothing."""
    bootstrap_bytes = setup_bytes = b""
    if inherited is None:
        parent.send_bytes(encode(Kind.NEEDS_PLAN))
        bootstrap_bytes, setup_bytes = parent.recv_bytes(), parent.recv_bytes()
        tie_again(lifeline)
    try:
        if inherited is not None:
            return inherited(None)
        # What bootstrap configures, the import path above all, may be needed to unpickle setup.
        bootstrap = pickle.loads(bootstrap_bytes)
        configured = None if bootstrap is None else bootstrap()
        setup: Setup = pickle.loads(setup_bytes)
        return setup(configured)
    except BaseException as error:
        parent.send_bytes(encode(Kind.UNFIT, body=pack_error(error)))
        return None


def _serve(parent: Connection, handle: Handle) -> None:
    while True:
        index, seconds = decode_task(parent.recv_bytes())
        waited_seconds.set(seconds)
        answer = _answer(handle, index)
        _flush()
        parent.send_bytes(answer)


def _answer(handle: Handle, index: int) -> bytes:
    try:
        return encode(Kind.DONE, index, _pickled(handle(index)))
    except BaseException as error:
        return encode(Kind.FAILED, index, pack_error(error))


def _pickled(value: object) -> bytes:
    if value is None:
        return b""
    try:
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        kind = type(value)
        raise RunnerError(
            f"A result of type '{kind.__module__}.{kind.__qualname__}' cannot be pickled, "
            f"and so not be sent from the worker process: {error}"
        ) from error


def _flush() -> None:
    """Write out what the task printed: a worker that is killed later could not."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
