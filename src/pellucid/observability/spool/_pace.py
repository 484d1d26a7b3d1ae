"""How fast the disk takes what is written."""

from __future__ import annotations

import sys
import threading

SLOW_SECONDS = 0.005
"""What takes longer may be the disk's fault."""

_STUCK_SECONDS = 0.1
_NEAR_WRITES = 8


class DiskPace:
    """Tells a slow disk from a busy processor, by how long writes take.

    Attributes:
        calm_writes: how many writes there were since the disk was slow.
        slow_writes: how many writes took too long.
        since_slow: how many there were since a write took too long.
    """

    __slots__ = ("calm_writes", "since_slow", "slow_writes")

    def __init__(self) -> None:
        self.calm_writes = 1
        self.slow_writes = 0
        self.since_slow = _NEAR_WRITES

    def note(self, seconds: float) -> None:
        """Take note of how long a write took."""
        # Waiting for the interpreter's lock looks like a slow disk, so each thread has its turn to take first.
        if seconds > SLOW_SECONDS and seconds > SLOW_SECONDS + sys.getswitchinterval() * (threading.active_count() - 1):
            self.slow_writes += 1
            # One that is a little late may be the scheduler's doing; two are the disk's.
            if seconds > _STUCK_SECONDS or self.since_slow < _NEAR_WRITES:
                self.calm_writes = 0
            self.since_slow = 0
        else:
            self.calm_writes += 1
            self.since_slow += 1
