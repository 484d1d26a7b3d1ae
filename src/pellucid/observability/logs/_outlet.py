"""Writes to a descriptor that somebody may or may not read, without ever waiting for them."""

from __future__ import annotations

import os
import select
import stat
import threading
import time
from collections import deque

from pellucid.observability.logs._forks import call_in_forks

__all__ = ["Outlet"]

_MOST_QUEUED_BYTES = 1024 * 1024
_PATIENCE_SECONDS = 0.05
_TURN_SECONDS = 0.2


class Outlet:
    """A descriptor, such as that of stderr.

    What cannot be written at once waits in a bounded queue for a thread. A pipe or terminal is opened anew, so that
    *not to wait* is a property of our own open file alone: programs that share the descriptor are not concerned.
    Where that is refused, as on another user's terminal, the thread writes everything, and whoever logs waits for
    it a moment. A file is simply written to. Once the other end is gone, nothing is written any more.

    A forked process has a queue of its own, empty.

    Args:
        descriptor: open for writing; a copy of it is used.
        most_queued_bytes: beyond it lines are dropped, counted.
    """

    def __init__(self, descriptor: int, most_queued_bytes: int = _MOST_QUEUED_BYTES) -> None:
        self._most = most_queued_bytes
        self._descriptor, self._is_prompt = _opened(descriptor)
        self.dropped = 0
        self.is_broken = False
        self._reset()
        call_in_forks(self._reset)

    def _reset(self) -> None:
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._is_stuck = False
        self._is_closed = False
        self._thread: threading.Thread | None = None
        # A signal's handler may log while this thread is in here.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)

    def write(self, line: bytes) -> None:
        """Write a line now, or later, or not at all."""
        with self._lock:
            if self._is_closed or self.is_broken:
                self.dropped += 1
                return
            if self._is_prompt and not self._queue:
                try:
                    written = os.write(self._descriptor, line)
                except OSError as error:
                    if self._is_over(error):
                        return
                    written = 0
                if written == len(line):
                    return
                line = line[written:]
            self._enqueue(line)
            if not self._is_prompt and not self._is_stuck:
                self._is_stuck = not self._changed.wait_for(self._is_idle, _PATIENCE_SECONDS)

    def close(self, deadline: float) -> None:
        """Write what waits, until a time of the monotonic clock; what is left then is dropped, counted."""
        with self._changed:
            while not self._is_idle() and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            self.dropped += len(self._queue)
            self._queue.clear()
            self._is_closed = True
            self._changed.notify_all()
            thread = self._thread
            if thread is None and self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _is_idle(self) -> bool:
        return not self._queue or self.is_broken or self._thread is None

    def _enqueue(self, line: bytes) -> None:
        if self._queued_bytes + len(line) > self._most:
            self.dropped += 1
            return
        self._queue.append(line)
        self._queued_bytes += len(line)
        if self._thread is None:
            self._thread = threading.Thread(target=self._drain, name="pellucid-log-lines", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # no more threads, or the interpreter is ending
                self._thread = None
        else:
            self._changed.notify_all()

    def _left_of(self, line: bytes) -> bytes:
        """Write what can be written of a line; return the rest."""
        try:
            return line[os.write(self._descriptor, line) :]
        except OSError as error:
            return b"" if self._is_over(error) else line

    def _is_over(self, error: OSError) -> bool:
        """Note that nothing can be written any more, unless there is only no room right now."""
        if isinstance(error, BlockingIOError):
            return False
        self.is_broken = True
        self.dropped += 1 + len(self._queue)
        self._queue.clear()
        return True

    def _drain(self) -> None:
        """Write what waits, for as long as the outlet is in use; runs in the thread."""
        while True:
            with self._changed:
                while not self._queue and not self._is_closed and not self.is_broken:
                    self._changed.wait()
                if self._is_closed or self.is_broken:
                    os.close(self._descriptor)
                    self._descriptor = -1
                    self._changed.notify_all()
                    return
                line = self._queue[0]
            rest = self._written_when_ready(line)
            with self._changed:
                self._queued_bytes -= len(line) - len(rest)
                if self._queue:
                    self._queue.popleft()
                    if rest:
                        self._queue.appendleft(rest)
                if not self._queue:
                    self._is_stuck = False
                self._changed.notify_all()

    def _written_when_ready(self, line: bytes) -> bytes:
        """Wait a while for room, then write; outside the lock, as others log meanwhile."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return self._left_of(line) if poll.poll(_TURN_SECONDS * 1000) else line


def _opened(descriptor: int) -> tuple[int, bool]:
    """Return a descriptor for the same place, and whether a write to it never waits."""
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return os.dup(descriptor), True  # shares the position, which a file opened anew would not
    try:
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        return os.open(f"/proc/self/fd/{descriptor}", flags), True
    except OSError:
        return os.dup(descriptor), False
