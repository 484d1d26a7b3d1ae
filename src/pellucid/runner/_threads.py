"""An executor of daemon threads: nothing waits for them, neither its end nor the interpreter's."""

from __future__ import annotations

import contextvars
import threading
from concurrent.futures import Executor, Future, wait
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from pellucid._util.processes import SIGNAL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["DaemonThreads", "run_at_once"]

_T = TypeVar("_T")
_Job = tuple["Future[Any]", "Callable[[], Any]"]

MOST_AT_ONCE = 32
"""How many datasets of one node are loaded or saved at once, at most."""


class DaemonThreads(Executor):
    """Runs calls in threads, each in a copy of the context variables of who submitted it.

    The threads of ``concurrent.futures`` are joined when the interpreter ends; a run that was interrupted would hang
    there until the node that it left behind is done.

    Args:
        max_workers: the number of threads; one is started with each call until there are that many.
        name: how threads are called.
    """

    def __init__(self, max_workers: int, name: str = "pellucid") -> None:
        self.capacity = max_workers
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = threading.Semaphore(0)

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        """Have ``fn(*args, **kwargs)`` called in a thread."""
        future: Future[_T] = Future()
        context = contextvars.copy_context()
        try:
            self._jobs.put((future, lambda: context.run(fn, *args, **kwargs)))
            if not self._idle.acquire(blocking=False) and len(self._threads) < self.capacity:
                self._start_thread()
        except BaseException:
            # Who is interrupted here never gets the future: the call must not be made behind their back.
            future.cancel()
            raise
        return future

    def _start_thread(self) -> None:
        name = f"{self._name}-{len(self._threads) + 1}"
        thread = threading.Thread(target=_work, args=(self._jobs, self._idle), name=name, daemon=True)
        self._threads.append(thread)
        try:
            thread.start()
        except Exception:
            self._threads.remove(thread)
            raise

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let every thread end after what was submitted; wait for that if asked to."""
        if cancel_futures:
            self._cancel_waiting()
        for _ in self._threads:
            self._jobs.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _cancel_waiting(self) -> None:
        while not self._jobs.empty():
            job = self._jobs.get()
            if job is not None:
                job[0].cancel()


def _work(jobs: SimpleQueue[_Job | None], idle: threading.Semaphore) -> None:
    while (job := jobs.get()) is not None:
        future, call = job
        if future.set_running_or_notify_cancel():
            try:
                result = call()
            except BaseException as error:
                idle.release()
                future.set_exception(error)
                # An idle thread would keep the frames of the failure alive.
                del error
            else:
                idle.release()
                future.set_result(result)
                del result
        else:
            idle.release()
        del job, future, call


def run_at_once(calls: Sequence[Callable[[], _T]]) -> list[_T]:
    """Make all calls at once, in threads where there is more than one, and return what they returned, in order.

    Raises:
        BaseException: what the first call in order that failed has raised, after all of them have ended.
    """
    if len(calls) < 2:
        return [call() for call in calls]
    threads = DaemonThreads(min(MOST_AT_ONCE, len(calls)), "pellucid-io")
    try:
        futures = [threads.submit(call) for call in calls]
        while wait(futures, SIGNAL_SECONDS).not_done:
            pass
        return [future.result() for future in futures]
    finally:
        # Not waited for: who is interrupted leaves the threads to themselves.
        threads.shutdown(wait=False)
