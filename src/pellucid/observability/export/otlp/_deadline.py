"""Ends what cannot be interrupted: a lookup of a name, a handshake, an answer that comes one byte a minute."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Protocol

from pellucid.observability.export.otlp._answers import Retry
from pellucid.observability.tracing import suppressed

if TYPE_CHECKING:
    from pellucid.observability.export.otlp._answers import Answer


class Exchange(Protocol):
    """One request and its answer."""

    def run(self, seconds: float) -> Answer:
        """Send the request and return the answer; raises nothing but what is a defect."""
        ...

    def give_up(self) -> Answer:
        """Cut the connection, from another thread, and return what is known of the answer."""
        ...


def within(exchange: Exchange, seconds: float) -> Answer:
    """Run an exchange in a thread that is left behind when the time is over.

    Args:
        exchange: the request.
        seconds: for all of it.
    """
    if seconds <= 0:
        return Retry("there was no time left")
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()

    def run() -> None:
        try:
            with suppressed():
                answers.put(exchange.run(seconds))
        except BaseException as error:
            # Its text may hold a header: http.client quotes those that it refuses.
            answers.put(Retry(f"the request could not be sent ({type(error).__name__})"))

    try:
        threading.Thread(target=run, name="pellucid-otlp", daemon=True).start()
    except RuntimeError:
        return Retry("no thread can be started")
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return exchange.give_up()
