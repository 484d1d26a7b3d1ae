"""One worker process, as its parent sees it."""

from __future__ import annotations

import contextlib
import struct
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, cast

from pellucid._util.processes import (
    ExitWatch,
    Lifeline,
    close_kept,
    forking_lock,
    keep_from_forks,
    kill_group,
    signals_held,
)
from pellucid.runner._pool._child import work
from pellucid.runner._pool._wire import decode, encode_task

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess

    from pellucid.runner._pool._wire import Message

REAP_SECONDS = 1.0
"""How long a process may take to be gone after it was killed, or after its pipe was closed."""


@dataclass(frozen=True)
class Plan:
    """What workers are for: the setup, if they are forks; else bootstrap and setup, pickled."""

    inherited: Callable[[object], Callable[[int], object]] | None
    bootstrap: bytes = b""
    setup: bytes = b""


@dataclass(frozen=True)
class Task:
    """What a worker is given: a number, a name for messages about it, and for how many seconds it could have been."""

    index: int
    name: str
    waited: float = 0.0


class WorkerGone(Exception):
    """The process has ended, or does not speak any more."""


class Worker:
    """A process with a pipe to it.

    Attributes:
        pipe: ready when there is something to receive.
        pid: the process id, or None before it was started.
        task: what it has been given and has not answered.
        ready: whether it has been set up.
    """

    def __init__(self, context: BaseContext, plan: Plan, number: int) -> None:
        self.pid: int | None = None
        self.task: Task | None = None
        self.ready = False
        self._reaped = self._released = False
        self._plan = plan
        self._forks = plan.inherited is not None
        self._watch: ExitWatch | None = None
        self._lifeline = Lifeline(context)
        self.pipe, self._far_end = context.Pipe()
        keep_from_forks(self.pipe)
        # Every context has it, as an attribute of a class that BaseContext leaves to its subclasses.
        self._process: BaseProcess = cast("Any", context).Process(
            target=work,
            args=(self._far_end, self._lifeline.reader, plan.inherited),
            name=f"pellucid-worker-{number}",
            daemon=False,  # a task may start processes itself
        )

    @property
    def end_of_process(self) -> int:
        """What to wait for, beside the pipe, to see the end of the process."""
        return self._watch.waitable if self._watch is not None else self._process.sentinel

    def start(self) -> None:
        """Start the process; the caller holds ``forking_lock`` from before this object was made.

        A signal's handler that raised between the fork and the note of its pid would leave an unknown child. Under
        the other start methods signals are not held: the servers that multiprocessing starts would inherit that.
        """
        try:
            with signals_held() if self._forks else contextlib.nullcontext():
                self._process.start()
                self.pid = self._process.pid
            assert self.pid is not None
            self._watch = ExitWatch(self.pid, self._process.sentinel)
            if not self._forks:
                self._lifeline.entrust(self.pid)
        finally:
            self._far_end.close()
            self._lifeline.hand_over()

    def is_alive(self) -> bool:
        """Tell whether the process has not ended yet."""
        return not wait([self.end_of_process], 0)

    def give(self, task: Task) -> None:
        """Have the worker do a task, as soon as it is set up; raises ``WorkerGone``."""
        self.task = task
        if self._forks or self.ready:
            self._send(encode_task(task.index, task.waited))

    def give_plan(self) -> None:
        """Answer a worker that needs to be told what it is for; raises ``WorkerGone``."""
        self._send(self._plan.bootstrap)
        self._send(self._plan.setup)
        if self.task is not None:
            self._send(encode_task(self.task.index, self.task.waited))

    def _send(self, message: bytes) -> None:
        try:
            self.pipe.send_bytes(message)
        except OSError as error:
            raise WorkerGone from error

    def receive(self) -> Message:
        """Return the next message, waiting for it; raises ``WorkerGone``."""
        try:
            return decode(self.pipe.recv_bytes())
        except (EOFError, OSError, ValueError, struct.error) as error:
            raise WorkerGone from error

    def has_spoken(self) -> bool:
        """Tell whether ``receive`` would return or raise at once."""
        return self.pipe.poll()

    def dismiss(self) -> None:
        """Let a worker without a task go: it ends as a process normally does."""
        close_kept(self.pipe)

    def kill(self) -> None:
        """Kill the process, and all of its group."""
        self._lifeline.close()  # one step, which the kernel does the rest of; also where the start was interrupted
        if not self._reaped and self._process.pid is not None:
            kill_group(self._process.pid)
            self._process.kill()

    def reap(self, timeout: float) -> bool:
        """Wait for the end of the process, in seconds, and kill what is left of its group; tell whether it ended."""
        if self._reaped or self._process.pid is None:
            return True
        if not wait([self.end_of_process], timeout):
            return False
        kill_group(self._process.pid)  # before its number is free for others
        with forking_lock():
            if self._process.exitcode is None:  # the fork server tells a moment later
                self._process.join(REAP_SECONDS)
        self._reaped = True
        return True

    def bury(self) -> int | None:
        """Reap a worker that is gone, give back what it held, and return its exit code.

        None if the process went on, and was killed, after it had closed its pipe.
        """
        code = self._process.exitcode if self.reap(REAP_SECONDS) else None
        self.end()
        return code

    def end(self) -> None:
        """Kill the process if it has not ended, reap it, and give back what it held; may be called again."""
        if self._released:
            return
        self.kill()
        self.reap(REAP_SECONDS)
        close_kept(self.pipe)
        self._far_end.close()
        if self._watch is not None:
            close_kept(self._watch)
        if self._reaped:
            self._process.join()
            self._process.close()
        self._released = True
