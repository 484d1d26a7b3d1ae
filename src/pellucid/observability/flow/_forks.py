"""Keeps forks out of what threads in the background must not leave half done in a child."""

from __future__ import annotations

import os
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

_PATIENCE_SECONDS = 1.0


class ForkGate:
    """Has a fork wait while some thread is inside of a ``with`` block of it, for a second at most.

    A child has a copy of all locks, those of imports and of SQLite among them, and none of the threads that would let
    go of them.
    """

    def __init__(self) -> None:
        self._begin()
        if hasattr(os, "register_at_fork"):
            call = partial(_call, weakref.ref(self))
            os.register_at_fork(
                before=partial(call, ForkGate._wait),
                after_in_parent=partial(call, ForkGate._go_on),
                after_in_child=partial(call, ForkGate._begin),
            )

    def _begin(self) -> None:
        self._lock = threading.RLock()
        self._forking: set[int] = set()

    def __enter__(self) -> Self:
        self._lock.acquire()
        return self

    def __exit__(self, *_error: object) -> None:
        self._lock.release()

    def _wait(self) -> None:
        if self._lock.acquire(timeout=_PATIENCE_SECONDS):
            self._forking.add(threading.get_ident())

    def _go_on(self) -> None:
        if threading.get_ident() in self._forking:
            self._forking.discard(threading.get_ident())
            self._lock.release()


def _call(reference: weakref.ref[ForkGate], method: Callable[[ForkGate], None]) -> None:
    gate = reference()
    if gate is not None:
        method(gate)
