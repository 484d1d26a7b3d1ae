"""Counts what the other processes of a session could not keep: in memory, as no file may be writable."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

_OPEN_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC if os.name == "posix" else 0


class Losses:
    """Made by one process of a session, which counts its own losses itself; travels to the others by pickle, or fork.

    It is a file in memory, to which each of them adds a byte for each loss. Linux alone has such files.

    Attributes:
        is_possible: whether others can be counted.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._descriptor = self._borrowed = -1
        # The name tells it from what may come to have its number once it is closed.
        name = f"pellucid-{os.urandom(8).hex()}"
        self._link = f"/memfd:{name} (deleted)"
        with contextlib.suppress(AttributeError, OSError):
            self._descriptor = os.memfd_create(name)
        self.is_possible = self._descriptor >= 0

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_borrowed": -1}

    def add(self, count: int) -> None:
        """Count what this process has lost, if another one made this; raises nothing."""
        if self.is_possible and os.getpid() != self._pid:
            with contextlib.suppress(OSError):
                if self._borrowed < 0:
                    self._borrowed = self._borrow()
                os.write(self._borrowed, bytes(count))

    def _borrow(self) -> int:
        path = Path(f"/proc/{self._pid}/fd/{self._descriptor}")
        if str(path.readlink()) != self._link:
            raise FileNotFoundError(path)
        return os.open(path, _OPEN_FLAGS)

    @property
    def total(self) -> int:
        """How many there were in all other processes so far."""
        with contextlib.suppress(OSError):
            return os.fstat(self._descriptor).st_size if self._descriptor >= 0 else 0
        return 0

    def close(self) -> None:
        """Count no more; by the process that made it."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0 and os.getpid() == self._pid:
            os.close(descriptor)
