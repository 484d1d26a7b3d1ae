"""A daemon thread that does one thing, now and then."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Ticker:
    """Calls an action every few seconds, and at once when it is woken; never joined.

    Args:
        name: of the thread.
        seconds: between calls.
        action: raises nothing.
        prepare: called before it when the seconds are over, not when it is woken; what wakes it meanwhile is served by
            the call that follows. Raises nothing.
    """

    def __init__(
        self,
        name: str,
        seconds: float,
        action: Callable[[], object],
        prepare: Callable[[], object] | None = None,
    ) -> None:
        self._name = name
        self._seconds = seconds
        self._action = action
        self._prepare = prepare
        self._is_woken = threading.Event()
        self._is_stopped = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, unless it runs; without one, if the system has none left."""
        with self._lock:
            if self._thread is None and not self._is_stopped:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:
                    self._thread = None

    @property
    def is_running(self) -> bool:
        """Whether the thread was started, and has not ended."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def wake(self) -> None:
        """Have the action called as soon as it is not going on."""
        self._is_woken.set()

    def stop(self) -> None:
        """Have no further call begin; returns at once."""
        self._is_stopped = True
        self._is_woken.set()

    def _run(self) -> None:
        while not self._is_stopped:
            is_woken = self._is_woken.wait(self._seconds)
            if not is_woken and self._prepare is not None:
                self._prepare()
            self._is_woken.clear()
            if not self._is_stopped:
                self._action()
