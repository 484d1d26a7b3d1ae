"""Takes Python's warnings along: shown by themselves they have no form, no ids, and hide nothing."""

from __future__ import annotations

import logging
import warnings
from typing import Any, TextIO

from pellucid._util.texts import text_of

__all__ = ["WarningLines"]

_LONGEST = 2000


class WarningLines:
    """Has warnings logged, by the logger that stdlib's ``logging.captureWarnings`` uses, while it is open.

    Where somebody else takes them already, such as a test that records them, they are left to them.
    """

    def __init__(self) -> None:
        self._logger = logging.getLogger("py.warnings")
        self._before: Any = None

    def open(self) -> None:
        """Begin."""
        if _is_pythons_own():
            self._before = warnings.showwarning
            warnings.showwarning = self._show

    def close(self) -> None:
        """End, unless somebody has taken over."""
        before, self._before = self._before, None
        if before is not None and warnings.showwarning == self._show:
            warnings.showwarning = before

    def _show(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if file is not None and self._before is not None:
            self._before(message, category, filename, lineno, file, line)
            return
        text = message if isinstance(message, str) else text_of(message, _LONGEST)
        self._logger.warning("%s: %s (%s:%d)", category.__name__, text, filename, lineno)


def _is_pythons_own() -> bool:
    """Tell whether a warning would be written to stderr by the module itself."""
    shows = getattr(warnings, "_showwarnmsg_impl", warnings.showwarning)
    return getattr(warnings.showwarning, "__module__", "") == getattr(shows, "__module__", "") == "warnings"
