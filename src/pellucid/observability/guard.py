"""Keeps faults of telemetry from the run that it watches."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from pellucid._util.texts import text_of
from pellucid.exceptions import RunTerminated

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STRICT_VARIABLE", "Guard"]

_T = TypeVar("_T")

STRICT_VARIABLE = "PELLUCID_TELEMETRY_STRICT"
"""The variable of the environment that, set to ``1``, lets faults of telemetry be raised: for tests."""

_MOST_FAULTS = 5

_logger = logging.getLogger("pellucid.telemetry")


class Guard:
    """Calls what may fail, and counts and logs the faults instead of raising them.

    Ctrl-C and the signals that end a run pass: they are the user's, not a fault.

    Args:
        most_faults: after so many, a part of telemetry is not called any more.

    Attributes:
        faults: how many there were, by part.
        on_fault: is told the part of each, if it is set.
    """

    def __init__(self, most_faults: int = _MOST_FAULTS) -> None:
        self.faults: dict[str, int] = {}
        self.on_fault: Callable[[str], object] | None = None
        self._most = most_faults
        self._strict = os.environ.get(STRICT_VARIABLE) == "1"

    def is_off(self, part: str) -> bool:
        """Tell whether a part has failed so often that it is not called any more."""
        return self.faults.get(part, 0) >= self._most

    def call(self, part: str, function: Callable[..., _T], *args: Any, **kwargs: Any) -> _T | None:
        """Call a function for a part, and return what it returns; None if it raises, or if the part is off."""
        if self.faults and self.is_off(part):
            return None
        return self.call_last(part, function, *args, **kwargs)

    def call_last(self, part: str, function: Callable[..., _T], *args: Any, **kwargs: Any) -> _T | None:
        """Call a function at the end, even if the part is off: so that it lets go of what it holds."""
        try:
            return function(*args, **kwargs)
        except (KeyboardInterrupt, RunTerminated):
            raise
        except BaseException as error:
            self.caught(part, error)
            return None

    def caught(self, part: str, error: BaseException) -> None:
        """Take a fault that was caught: it is noted, or raised again for tests."""
        if self._strict:
            raise error
        self.note(part, error)

    def count(self, part: str) -> int:
        """Count a fault that somebody else tells of; return how many this part had."""
        count = self.faults[part] = self.faults.get(part, 0) + 1
        if self.on_fault is not None:
            with suppress(Exception):
                self.on_fault(part)
        return count

    def note(self, part: str, error: BaseException) -> None:
        """Count a fault; the first one of a part is logged, and the one that switches it off."""
        count = self.count(part)
        with suppress(Exception):  # of somebody's handler
            if count == 1:
                _logger.warning("Telemetry (%s) had a fault; the run is not affected: %s", part, _described(error))
            elif count == self._most:
                _logger.warning("Telemetry (%s) is switched off after %d faults.", part, count)


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {text_of(error, 500)}"
