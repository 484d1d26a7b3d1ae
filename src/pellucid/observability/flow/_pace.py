"""When a backend is tried again."""

from __future__ import annotations

import time
from random import SystemRandom
from typing import TYPE_CHECKING

from pellucid.observability.export.otlp import Barred, Retry

if TYPE_CHECKING:
    from pellucid.observability.export.otlp import Answer

_FIRST_SECONDS = 0.2
_LONGEST_SECONDS = 60.0


class Pace:
    """Waits longer after each failure, and as long as the backend asks for.

    All times are of ``time.monotonic``.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._failures = 0
        self._own = 0.0
        self._asked = 0.0
        self._is_unreachable = False

    def note(self, answer: Answer) -> None:
        """Take account of an answer."""
        now = time.monotonic()
        if isinstance(answer, Barred):
            self.reason, self._asked = answer.reason, float("inf")
        elif isinstance(answer, Retry):
            self.reason, self._is_unreachable = answer.reason, answer.is_unreachable
            pause = min(_FIRST_SECONDS * 2**self._failures, _LONGEST_SECONDS)
            self._failures = min(self._failures + 1, 16)
            # Processes that were refused together do not come back together.
            self._own = now + pause * SystemRandom().uniform(0.75, 1.25)
            self._asked = now + (answer.after_seconds or 0.0)
        else:
            self.reason, self._failures, self._own, self._asked, self._is_unreachable = "", 0, 0.0, 0.0, False

    def next_try(self, *, is_last: bool = False) -> float:
        """Return when the backend may be tried again.

        Args:
            is_last: there is no later; only what the backend asked for counts, until it has failed this time, too.
        """
        return self._asked if is_last else max(self._asked, self._own)

    @property
    def is_hopeless(self) -> bool:
        """Whether waiting a moment is of no use: nobody is there, or nothing of ours is taken."""
        return self._is_unreachable or self._asked == float("inf")
