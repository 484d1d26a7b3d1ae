"""SIGTERM and SIGHUP while a run is going on."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from pellucid._util.holding import holding
from pellucid.exceptions import RunTerminated

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from typing_extensions import Self

# Windows has no SIGHUP.
_SIGNALS = [each for each in (signal.SIGTERM, getattr(signal, "SIGHUP", None)) if each is not None]

_HURRIED_SECONDS = 0.001
"""How long a thread holds the interpreter's lock, at most, once a run is to end: 5 ms otherwise.

Each read and write of the end waits for all threads that nodes have left at work. With less, the end itself is taken
off the lock in the middle of its steps, which costs more where nodes hold it in C.
"""


class TerminationGuard:
    """Within its ``with`` block SIGTERM or SIGHUP raises ``RunTerminated``, and a second one ends the process at once.

    It does nothing outside of the main thread, nor for a signal that somebody has decided on already (``nohup``
    ignores SIGHUP). How the signals were dealt with before is restored at the end. After the first one threads take
    turns more often, for the rest of the process, which is about to end.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._is_shielded = False
        self._pid = os.getpid()
        self._installed: list[int] = []

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for each in _SIGNALS:
                if signal.getsignal(each) is signal.SIG_DFL:
                    self._installed.append(each)
                    signal.signal(each, self._receive)
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        while self._installed:
            signal.signal(self._installed.pop(), signal.SIG_DFL)
        if signal.getsignal(signal.SIGINT) == self._interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def shield(self) -> None:
        """From now on let a first signal be noted only: what is left to do is to report how the run ended."""
        self._is_shielded = True

    def check(self, because: BaseException | None = None) -> None:
        """Raise ``RunTerminated`` if a signal arrived, also if somebody caught what was raised then.

        Args:
            because: what is being handled, and becomes the cause.
        """
        if self.received is not None:
            raise RunTerminated(self.received) from because

    def _receive(self, signum: int, _frame: FrameType | None) -> Any:
        if self.received is not None or os.getpid() != self._pid:
            # Also in a process that was forked off, and that nobody has told otherwise.
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)
            return
        self.received = signum
        sys.setswitchinterval(min(_HURRIED_SECONDS, sys.getswitchinterval()))
        if not self._is_shielded:
            holding().raise_when_free(RunTerminated(signum))

    def _interrupt(self, _signum: int, _frame: FrameType | None) -> Any:
        holding().raise_when_free(KeyboardInterrupt())
