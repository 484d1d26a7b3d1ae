"""Signals that wait until a step is done, so that it is done whole or not at all."""

from __future__ import annotations

import threading
from functools import cache

__all__ = ["Holding", "holding"]


class Holding:
    """Knows whether the main thread, which is where signals raise, is in the middle of a step.

    Attributes:
        main: the thread.
        depth: how many steps it is in.
        waiting: what is to be raised when it is in none.
    """

    __slots__ = ("depth", "main", "waiting")

    def __init__(self) -> None:
        self.main = threading.main_thread().ident
        self.depth = 0
        self.waiting: BaseException | None = None

    def take(self) -> bool:
        """Begin a step; return whether `let_go` is to be called: in the main thread alone."""
        if threading.get_ident() != self.main:
            return False
        self.depth += 1
        return True

    def let_go(self) -> None:
        """End a step, and raise what came meanwhile."""
        self.depth -= 1
        self.raise_waiting()

    def raise_waiting(self) -> None:
        """Raise what came meanwhile, unless a step goes on."""
        if self.waiting is not None and not self.depth:
            error, self.waiting = self.waiting, None
            raise error

    def raise_when_free(self, error: BaseException) -> None:
        """Raise what a signal says, now or at the end of the step; for a second one, now."""
        if not self.depth or self.waiting is not None:
            self.waiting = None
            raise error
        self.waiting = error


@cache
def holding() -> Holding:
    """Return that of this process."""
    return Holding()
