"""Asks an object of anybody for its text, for a limited time."""

from __future__ import annotations

import contextvars
import threading


def said_within(value: object, seconds: float) -> str:
    """Return ``str(value)``, or raise what it raises.

    It is asked in a thread of its own, as it may take for ever; a thread that does is left behind.

    Args:
        value: whose class says in Python what its text is.
        seconds: how long is waited.

    Raises:
        TimeoutError: it takes longer.
    """
    said: list[str] = []
    raised: list[BaseException] = []

    def say() -> None:
        try:
            said.append(str(value))
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(say,), daemon=True, name="pellucid-saying")
    try:
        thread.start()
    except RuntimeError:  # at the end of the interpreter
        return str(value)
    thread.join(seconds)
    if raised:
        raise raised[0]
    if not said:
        raise TimeoutError
    return said[0]
