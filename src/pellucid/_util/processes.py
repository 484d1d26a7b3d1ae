"""Process control: workers that end with their parent, whole groups that are killed, forks that inherit no pipes.

What only Linux has is behind this module. Elsewhere a thread of the worker watches for the parent's end, which takes
until that thread next gets the interpreter lock; on Windows there are no groups, and descendants of a worker live on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import weakref
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext

__all__ = [
    "SIGNAL_SECONDS",
    "ExitWatch",
    "Lifeline",
    "close_kept",
    "forking_lock",
    "keep_from_forks",
    "kill_group",
    "reset_signals",
    "signals_held",
    "tie_again",
    "tie_to",
]

SIGNAL_SECONDS = 0.5
"""For how long the main thread may wait at one go. A signal that arrives in the last moment before a wait of the
operating system does not interrupt it, and Python hears of it only when that wait is over."""

# --------------------------------------------------------------------------- what a fork must not inherit


class _Closable(Protocol):
    def close(self) -> object: ...


class _ForkGuard:
    """Closes, in every process forked from this one, what belongs to this one alone.

    Nothing is forked while an end is being closed: the child would close the number of a descriptor a second time,
    which by then may be that of a pipe of its own.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.ends: weakref.WeakSet[_Closable] = weakref.WeakSet()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._hold, after_in_parent=self._go_on, after_in_child=self._let_go)

    def _hold(self) -> None:
        self.lock.acquire()

    def _go_on(self) -> None:
        self.lock.release()

    def _let_go(self) -> None:
        ends, self.ends = list(self.ends), weakref.WeakSet()
        self.lock = threading.RLock()  # the parent's may be held, by a thread that the child does not have
        for end in ends:
            end.close()


@cache
def _guard() -> _ForkGuard:
    """Return the guard of this process; it is made, and its hook installed, by the first one who needs it."""
    return _ForkGuard()


def keep_from_forks(*ends: _Closable) -> None:
    """Have every later fork of this process close its copies of ``ends`` at once, however it is forked.

    They are closed by ``close_kept`` alone.
    """
    with _guard().lock:
        _guard().ends.update(ends)


def close_kept(*ends: _Closable) -> None:
    """Close what ``keep_from_forks`` was given, at a moment when nothing is being forked."""
    with _guard().lock:
        for end in ends:
            end.close()


def forking_lock() -> threading.RLock:
    """Return the lock under which processes are started and reaped.

    Between two threads that fork at the same moment, the child of one would inherit the other's half-made pipes.
    """
    return _guard().lock


# --------------------------------------------------------------------------- the parent's end is the worker's end


class Lifeline:
    """A pipe whose one end only the parent holds: the kernel closes it when the parent ends, however it ends.

    Forks of the parent close their copy of that end, if the interpreter knows of them: a library in C that forks, and
    lets the child go on without ``exec``, keeps workers alive for as long as that child lives.

    Args:
        context: of multiprocessing; it makes the pipe.

    Attributes:
        reader: for the worker, which passes it to ``tie_to``.
    """

    def __init__(self, context: BaseContext) -> None:
        self.reader: Connection
        self.reader, self._writer = context.Pipe(duplex=False)
        keep_from_forks(self)

    def entrust(self, pid: int) -> None:
        """Have the kernel kill the process ``pid`` at the end of this one, until it has tied itself.

        Covers a worker that is starting, and perhaps importing a slow main module. Call it before ``hand_over``.
        """
        _arm(self.reader.fileno(), pid)

    def hand_over(self) -> None:
        """Close this process's copy of the reader, once the worker has its own."""
        self.reader.close()

    def close(self) -> None:
        """Let go: a worker that is tied to this ends at once, with all its group."""
        with forking_lock():
            self._writer.close()


def tie_to(lifeline: Connection) -> None:
    """Make this process the leader of a group of its own, which is killed as soon as the parent has ended.

    The caller keeps ``lifeline`` for as long as it lives.

    Args:
        lifeline: the ``reader`` of the parent's ``Lifeline``.
    """
    if hasattr(os, "setpgid"):
        with contextlib.suppress(PermissionError):  # the leader of a session already leads its group
            os.setpgid(0, 0)
    if not tie_again(lifeline):
        _watch(lifeline)
    if lifeline.poll():  # the parent ended before the kernel was asked to tell
        _end_group()


def tie_again(lifeline: Connection) -> bool:
    """Undo what ``Lifeline.entrust`` did, if it came after ``tie_to``; tell whether it is the kernel that watches."""
    return _arm(lifeline.fileno(), -os.getpid())


def _arm(fd: int, owner: int) -> bool:
    """Ask the kernel to kill ``owner`` (negative: a group) when the last writer of the pipe ``fd`` is gone."""
    try:
        import fcntl
    except ImportError:
        return False
    if not hasattr(fcntl, "F_SETSIG"):
        return False
    try:
        fcntl.fcntl(fd, fcntl.F_SETOWN, owner)
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    except OSError:
        return False
    return True


def _watch(lifeline: Connection) -> None:
    """Do the same by a thread, where the kernel does not."""

    def until_the_end() -> None:
        with contextlib.suppress(EOFError, OSError):
            lifeline.recv_bytes()
        _end_group()

    threading.Thread(target=until_the_end, name="pellucid-lifeline", daemon=True).start()


def _end_group() -> None:
    kill_group(os.getpid())
    os._exit(1)


def kill_group(leader: int) -> None:
    """Kill every process of the group that ``leader`` leads or led, by SIGKILL; nothing where there is none left."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: "not permitted" if all are dead
            os.killpg(leader, signal.SIGKILL)


# --------------------------------------------------------------------------- the worker's end


class ExitWatch:
    """Something to wait for with ``multiprocessing.connection.wait``: ready when a process has ended.

    The sentinel of ``multiprocessing`` is not ready before all who inherited its other end have ended, too.

    Args:
        pid: of the process; it must not have been reaped, unless it is another process's child.
        sentinel: of the process, used where the system has nothing better.
    """

    def __init__(self, pid: int, sentinel: int) -> None:
        self.waitable = sentinel
        self._owned: int | None = None
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                self.waitable = self._owned = os.pidfd_open(pid)
        keep_from_forks(self)

    def close(self) -> None:
        """Give back the descriptor."""
        if self._owned is not None:
            fd, self._owned = self._owned, None
            os.close(fd)


# --------------------------------------------------------------------------- signals

_ENDING = ("SIGINT", "SIGTERM")


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Hold back SIGINT and SIGTERM from this thread for the length of the block; a fork inherits that.

    What this thread does not take another one does, perhaps one of a library: but it is in the main thread that the
    interpreter calls the handler then. So there the handlers wait, too.
    """
    with _mask_set(), _handlers_put_off():
        yield


@contextlib.contextmanager
def _mask_set() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {getattr(signal, name) for name in _ENDING})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _handlers_put_off() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    found = {number: signal.getsignal(number) for number in (getattr(signal, name) for name in _ENDING)}
    handlers = {number: handler for number, handler in found.items() if callable(handler)}
    arrived: list[int] = []
    try:
        for number in handlers:
            signal.signal(number, lambda number, _frame: arrived.append(number))
        yield
    finally:
        with contextlib.ExitStack() as stack:  # which goes on where one of them raises, the last one first
            stack.callback(_raise_each, arrived)
            for number, handler in handlers.items():
                stack.callback(signal.signal, number, handler)


def _raise_each(numbers: list[int]) -> None:
    with contextlib.ExitStack() as stack:
        for number in reversed(numbers):
            stack.callback(signal.raise_signal, number)


def reset_signals() -> None:
    """Make a new worker answer to signals as a new process does, and let through those that were held.

    What a fork inherits, and what a main module installs when it is imported, is the parent's business.
    """
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {getattr(signal, name) for name in _ENDING})
