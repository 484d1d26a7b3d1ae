"""SIGTERM while a run is going on."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import RunTerminated

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from typing_extensions import Self


class TerminationGuard:
    """Within its ``with`` block the first SIGTERM raises ``RunTerminated``, and a second one ends the process at once.

    It does nothing outside of the main thread, nor where somebody has decided already what SIGTERM does. How SIGTERM
    was dealt with before is restored at the end.
    """

    def __init__(self) -> None:
        self.is_terminated = False
        self._is_shielded = False
        self._pid = os.getpid()
        self._is_installed = False

    def __enter__(self) -> Self:
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._receive)
            self._is_installed = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._is_installed:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._is_installed = False

    def shield(self) -> None:
        """From now on let a first SIGTERM be noted only: what is left to do is to report how the run ended."""
        self._is_shielded = True

    def check(self) -> None:
        """Raise ``RunTerminated`` if SIGTERM arrived, also if somebody caught what was raised then."""
        if self.is_terminated:
            raise RunTerminated(signal.SIGTERM)

    def _receive(self, signum: int, _frame: FrameType | None) -> Any:
        if self.is_terminated or os.getpid() != self._pid:
            # Also in a process that was forked off, and that nobody has told otherwise.
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)
            return
        self.is_terminated = True
        if not self._is_shielded:
            raise RunTerminated(signum)
