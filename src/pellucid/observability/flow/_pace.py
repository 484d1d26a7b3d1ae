"""When a backend is tried again."""

from __future__ import annotations

import time
from random import SystemRandom
from typing import TYPE_CHECKING

from pellucid.observability.export.otlp import Barred, Retry

if TYPE_CHECKING:
    from pellucid.observability.export.otlp import Answer

_NEVER = float("inf")
_FIRST_SECONDS = 0.2
_LONGEST_SECONDS = 60.0
"""Between tries: after many failures, and when nothing of ours is taken until somebody changes a configuration."""


class Pace:
    """Waits longer after each failure, and as long as the backend asks for.

    All times are of ``time.monotonic``.

    Attributes:
        reason: why the last try failed; empty if it did not.
        is_hopeless: whether waiting a moment is of no use: nobody is there, or nothing of ours is taken.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._failing_since = _NEVER
        self._failures = 0
        self._own = 0.0
        self._asked = 0.0
        self.is_hopeless = False

    def note(self, answer: Answer) -> None:
        """Take account of an answer."""
        if isinstance(answer, Barred):
            self._failed(answer.reason, _LONGEST_SECONDS, 0.0, is_hopeless=True)
        elif isinstance(answer, Retry):
            pause = min(_FIRST_SECONDS * 2**self._failures, _LONGEST_SECONDS)
            self._failures = min(self._failures + 1, 16)
            self._failed(answer.reason, pause, answer.after_seconds or 0.0, is_hopeless=answer.is_unreachable)
        else:
            self.reason, self._failures, self._own, self._asked, self.is_hopeless = "", 0, 0.0, 0.0, False
            self._failing_since = _NEVER

    def stop(self, reason: str) -> None:
        """Have nothing tried again, by this process."""
        self._failed(reason, 0.0, _NEVER, is_hopeless=True)

    def next_try(self, *, is_last: bool = False) -> float:
        """Return when the backend may be tried again.

        Args:
            is_last: there is no later; only what the backend asked for counts, until it has failed this time, too.
        """
        return self._asked if is_last else max(self._asked, self._own)

    @property
    def failing_seconds(self) -> float:
        """How long nothing has been taken; 0 if the last try did not fail."""
        return max(0.0, time.monotonic() - self._failing_since)

    def _failed(self, reason: str, pause: float, asked: float, *, is_hopeless: bool) -> None:
        now = time.monotonic()
        self.reason, self.is_hopeless = reason, is_hopeless
        self._failing_since = min(self._failing_since, now)
        # Processes that were refused together do not come back together.
        self._own = now + pause * SystemRandom().uniform(0.75, 1.25)
        self._asked = now + asked
