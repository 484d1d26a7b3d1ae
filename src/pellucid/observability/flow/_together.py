"""Does several things at once, and waits for them no longer than there is time."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Together:
    """Jobs in daemon threads of their own, left behind when the time is over.

    Args:
        jobs: raise nothing.
    """

    def __init__(self, jobs: Iterable[Callable[[], object]]) -> None:
        self._ends = [_started(job) for job in jobs]

    def wait_until(self, moment: float) -> bool:
        """Wait until all have ended, or a moment of ``time.monotonic`` has come; return whether all have."""
        return all(ended.wait(max(0.0, moment - time.monotonic())) for ended in self._ends)


def _started(job: Callable[[], object]) -> threading.Event:
    ended = threading.Event()

    def run() -> None:
        try:
            job()
        finally:
            ended.set()

    try:
        threading.Thread(target=run, name="pellucid-flow", daemon=True).start()
    except RuntimeError:
        run()  # the system has no thread left, or the interpreter ends; it looks at its deadline itself
    return ended
