"""The pool: starts workers when there is a task for them, and says what became of each task."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import pickle
import time
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from pellucid._util.processes import SIGNAL_SECONDS, forking_lock, signals_held
from pellucid._util.suggest import did_you_mean
from pellucid._util.texts import text_of
from pellucid.exceptions import RunnerError, StartMethodError, WorkerLostError, WorkerStartError
from pellucid.runner._pool._errors import unpack_error
from pellucid.runner._pool._outcomes import Done, Failed, Lost
from pellucid.runner._pool._wire import Kind
from pellucid.runner._pool._worker import Plan, Task, Worker, WorkerGone

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from pellucid.runner._pool._outcomes import Outcome
    from pellucid.runner._pool._wire import Message

logger = logging.getLogger(__name__)


def _plan(
    setup: Callable[[object], Callable[[int], object]], bootstrap: Callable[[], object] | None, start_method: str
) -> Plan:
    if start_method == "fork":
        return Plan(setup)
    try:
        return Plan(None, pickle.dumps(bootstrap), pickle.dumps(setup))
    except Exception as error:
        raise WorkerStartError(f"What the worker processes are to do cannot be pickled: {text_of(error)}") from error


def _start_method(name: str | None) -> str:
    """Return the start method to use; raises ``StartMethodError`` for one that the platform does not have."""
    valid = multiprocessing.get_all_start_methods()  # the platform's own is the first
    if not name:
        return multiprocessing.get_start_method(allow_none=True) or valid[0]
    if name not in valid:
        raise StartMethodError(
            f"There is no start method '{name}' for processes here; valid are {', '.join(valid)}."
            f"{did_you_mean(name, valid)}"
        )
    return name


class WorkerPool:
    """Processes that do tasks, each known by a number; to be used in a ``with`` block, by one thread.

    The process must not be forked without ``exec`` by code that then goes on to use the pool in the child.
    After an exception out of ``submit`` or ``wait`` that is not the pool's own, such as ``KeyboardInterrupt``, a pool
    can only be closed.

    Args:
        setup: called once in each worker, with what ``bootstrap`` returned; returns what does a task, given its number.
        workers: how many processes there are at most.
        start_method: "fork", "spawn" or "forkserver"; nothing for the platform's own.
        bootstrap: called in each worker before ``setup`` is even unpickled. Under fork a worker has all that its parent
            has: there neither is pickled, ``bootstrap`` is not called, and ``setup`` is given None.

    Raises:
        StartMethodError: if the platform has no such start method.
        ValueError: if ``workers`` is less than 1.
        WorkerStartError: if ``setup`` or ``bootstrap`` needs to be pickled, and cannot be.
    """

    def __init__(
        self,
        setup: Callable[[object], Callable[[int], object]],
        *,
        workers: int,
        start_method: str | None = None,
        bootstrap: Callable[[], object] | None = None,
    ) -> None:
        if workers < 1:
            raise ValueError(f"A pool has at least one worker, not {workers}.")
        self.start_method = _start_method(start_method)
        self._context = multiprocessing.get_context(self.start_method)
        self._plan = _plan(setup, bootstrap, self.start_method)
        self._size = workers
        self._workers: list[Worker] = []
        self._started = 0
        self._owner = os.getpid()
        self._closed = False
        self._start_error: WorkerStartError | None = None

    # ------------------------------------------------------------------ use

    @property
    def idle(self) -> int:
        """How many more tasks can be submitted now."""
        return 0 if self._closed else self._size - len(self._busy())

    @property
    def pids(self) -> dict[int, str | None]:
        """The processes that are there, by process id, and the name of the task that each is at."""
        return {each.pid: each.task.name if each.task else None for each in self._workers if each.pid is not None}

    def submit(self, index: int, name: str, waited: float = 0.0) -> None:
        """Hand a task to a worker, starting one if none is free.

        Args:
            index: the number that ``setup``'s result is called with, and that the outcome carries.
            name: what to call the task in messages.
            waited: for how many seconds the task could have been done; told to the worker.

        Raises:
            RunnerError: if all workers are at work, or the pool is closed.
            WorkerStartError: if a worker cannot be started, or has failed to start before.
        """
        if self._closed:
            raise RunnerError(f"The task '{name}' cannot be submitted: the pool is closed.")
        if self.idle < 1:
            raise RunnerError(f"The task '{name}' cannot be submitted: all {self._size} workers are at work.")
        if self._start_error is not None:
            raise self._start_error
        task = Task(index, name, waited)
        if not self._given_to_a_free_one(task):
            self._give_to_a_new_one(task)

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        """Return the outcomes of tasks that have ended, as soon as there is one.

        Args:
            timeout: seconds after which to return without; None waits for as long as it takes.

        Returns:
            The outcomes; an empty list after ``timeout``, or if no task is at work.

        Raises:
            WorkerStartError: if a worker failed to start; its cause is what was raised there, or how it died.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = SIGNAL_SECONDS if deadline is None else max(0.0, deadline - time.monotonic())
            outcomes = self._heard(left)
            if outcomes:
                return outcomes
            if self._start_error is not None:
                raise self._start_error
            if not self._busy() or (deadline is not None and time.monotonic() >= deadline):
                return []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self, grace_seconds: float = 0.5) -> None:
        """End every worker: those at work at once, the others as processes end normally. May be called again.

        Args:
            grace_seconds: how long workers without a task may take, before they are killed too.
        """
        if self._owner != os.getpid():  # a fork that left the block has no workers of its own
            return
        self._closed = True
        try:
            self._dismiss(grace_seconds)
        finally:
            try:
                self._end()
            finally:  # a second signal, while the first one's exception was on its way
                self._end()

    # ------------------------------------------------------------------ giving

    def _busy(self) -> list[Worker]:
        return [each for each in self._workers if each.task is not None]

    def _given_to_a_free_one(self, task: Task) -> bool:
        for worker in [each for each in self._workers if each.task is None]:
            try:
                if worker.is_alive():
                    worker.give(task)
                    return True
            except WorkerGone:
                worker.task = None
            self._replace(worker)
        return False

    def _replace(self, worker: Worker) -> None:
        self._workers.remove(worker)
        logger.warning("%s It is replaced.", WorkerLostError(None, worker.pid, worker.bury()))

    def _give_to_a_new_one(self, task: Task) -> None:
        try:
            worker = self._new_worker()
        except Exception as error:
            self._start_error = WorkerStartError(f"A worker process could not be started: {text_of(error)}")
            raise self._start_error from error
        with contextlib.suppress(WorkerGone):  # wait() finds out how it died
            worker.give(task)

    def _new_worker(self) -> Worker:
        self._started += 1
        with forking_lock():
            worker = Worker(self._context, self._plan, self._started)
            self._workers.append(worker)  # before it is started: so close() knows it, whatever interrupts
            try:
                worker.start()
            except Exception:
                self._workers.remove(worker)
                worker.end()
                raise
        return worker

    # ------------------------------------------------------------------ hearing

    def _heard(self, timeout: float) -> list[Outcome]:
        """Wait for news, and return those that are outcomes."""
        busy = self._busy()
        pipes = {worker.pipe: worker for worker in busy}
        ends = {worker.end_of_process: worker for worker in busy}
        news = wait([*pipes, *ends], timeout) if busy else ()
        spoke = [pipes[each] for each in news if each in pipes]
        # Last words come before the news of an end, which is heard the next time.
        ended = [ends[each] for each in news if each in ends and ends[each] not in spoke]
        heard = [*(self._attend(worker) for worker in spoke), *(self._attend(worker, ended=True) for worker in ended)]
        return [outcome for outcome in heard if outcome is not None]

    def _attend(self, worker: Worker, *, ended: bool = False) -> Outcome | None:
        # Something that the worker left behind may keep its pipe open, without ever writing to it.
        if ended and not worker.has_spoken():
            return self._missing(worker)
        try:
            message = worker.receive()
        except WorkerGone:
            return self._missing(worker)
        try:
            return self._understood(worker, message)
        except WorkerGone:
            # It hung up while it was answered; why, it may have said before.
            return None if worker.has_spoken() else self._missing(worker)

    def _understood(self, worker: Worker, message: Message) -> Outcome | None:
        if message.kind is Kind.NEEDS_PLAN:
            worker.give_plan()
        elif message.kind is Kind.READY:
            worker.ready = True
        elif message.kind is Kind.UNFIT:
            error = unpack_error(message.body)
            self._start_error = _start_error(f"{type(error).__name__}: {text_of(error, 10_000)}", error)
            self._workers.remove(worker)
            worker.bury()
        else:
            worker.task = None
            return _outcome(message)
        return None

    def _missing(self, worker: Worker) -> Outcome | None:
        """Note that a worker with a task is gone."""
        self._workers.remove(worker)
        code = worker.bury()
        if worker.ready and worker.task is not None:
            return Lost(worker.task.index, WorkerLostError(worker.task.name, worker.pid, code))
        error = WorkerLostError(None, worker.pid, code)
        self._start_error = _start_error(str(error), error)
        return None

    # ------------------------------------------------------------------ ending

    def _dismiss(self, grace_seconds: float) -> None:
        for worker in self._workers:
            if worker.ready and worker.task is None:
                worker.dismiss()
            else:
                worker.kill()
        deadline = time.monotonic() + grace_seconds
        for worker in self._workers:
            worker.reap(max(0.0, deadline - time.monotonic()))

    def _end(self) -> None:
        with signals_held():
            for worker in self._workers:
                worker.kill()
            while self._workers:
                self._workers[-1].end()
                self._workers.pop()


def _outcome(message: Message) -> Outcome:
    if message.kind is Kind.FAILED:
        return Failed(message.index, unpack_error(message.body))
    try:
        return Done(message.index, pickle.loads(message.body) if message.body else None)
    except Exception as error:
        problem = RunnerError(f"A result arrived from a worker process that cannot be unpickled here: {text_of(error)}")
        problem.__cause__ = error
        return Failed(message.index, problem)


def _start_error(problem: str, cause: BaseException) -> WorkerStartError:
    error = WorkerStartError(f"A worker process could not be set up: {problem}")
    error.__cause__ = cause
    return error
