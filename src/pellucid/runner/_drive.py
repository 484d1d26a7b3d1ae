"""Taking a run's nodes through: one after another, or by an executor."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pellucid._util.processes import SIGNAL_SECONDS
from pellucid.runner._board import dependencies_of
from pellucid.runner._ready import ReadySet

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future
    from queue import SimpleQueue

    from pellucid.runner._board import Board
    from pellucid.runner._execution import Execution

__all__ = ["ExecutorDrive", "in_order"]


def in_order(board: Board, execution: Execution) -> None:
    """Run all nodes in this thread, in the pipeline's topological order."""
    try:
        for index, node in enumerate(board.nodes):
            waited = _dispatch(board, index)
            try:
                execution(node, waited)
            except BaseException as error:
                board.failed(index, error)
                raise
            board.completed(index)
    except BaseException as error:
        # A signal may arrive between any two of these steps.
        board.abandon_all(error)
        raise


def _dispatch(board: Board, index: int) -> float:
    try:
        return board.dispatched(index)
    except BaseException as error:
        board.unbegun(index, error)
        raise


class ExecutorDrive:
    """Runs all nodes by an executor.

    An executor that says how much it can do at once, by an attribute ``capacity``, is given no more than that: so
    nothing new starts after a failure. Any other one is given all that is ready; what it has not begun is cancelled.

    Args:
        board: the run's nodes.
        execution: what the executor is given to call with a node.
        executor: any of ``concurrent.futures``; it is shut down at the end.
        grace_seconds: how long the nodes at work are waited for when one of them has failed.
    """

    def __init__(self, board: Board, execution: Execution, executor: Executor, grace_seconds: float) -> None:
        from queue import SimpleQueue

        self._board = board
        self._execution = execution
        self._executor = executor
        self._limit = getattr(executor, "capacity", len(board.nodes))
        self._grace_seconds = grace_seconds
        self._ready = ReadySet(dependencies_of(board.nodes))
        self._running: dict[Future[None], int] = {}
        self._ended: SimpleQueue[Future[None]] = SimpleQueue()

    def run(self) -> None:
        """Run all nodes; raises what the first one that failed has raised."""
        try:
            self._submit()
            while self._running:
                future = self._next_ended()
                index = self._running[future]
                self._settle(index, _error_of(future))
                # Not before: whatever interrupts until then finds the node among those that run.
                del self._running[future]
                self._ready.done(index)
                self._submit()
        except BaseException as error:
            self._wind_up(error)
            raise
        self._executor.shutdown(wait=True)

    def _next_ended(self) -> Future[None]:
        from queue import Empty

        while True:
            try:
                return self._ended.get(timeout=SIGNAL_SECONDS)
            except Empty:
                continue

    def _submit(self) -> None:
        while self._ready and len(self._running) < self._limit:
            index = self._ready.take()
            waited = _dispatch(self._board, index)
            try:
                future = self._executor.submit(self._execution, self._board.nodes[index], waited)
            except Exception as error:
                self._board.unbegun(index, error)
                raise
            self._running[future] = index
            future.add_done_callback(self._ended.put)

    def _settle(self, index: int, error: BaseException | None) -> None:
        if error is None:
            self._board.completed(index)
            return
        try:
            if _is_the_executors(error):
                self._board.blame(index, error, error)
        finally:
            self._board.failed(index, error)
        raise error

    # ------------------------------------------------------------------------- after an error

    def _wind_up(self, because: BaseException) -> None:
        try:
            self._cancel_waiting(because)
            # Ctrl-C and SIGTERM are to end the run now.
            self._wait_for_running(self._grace_seconds if isinstance(because, Exception) else 0.0, because)
        finally:
            self._execution.stop()
            try:
                self._board.abandon_all(because)
            finally:
                self._executor.shutdown(wait=False)

    def _cancel_waiting(self, because: BaseException) -> None:
        for future in [each for each in self._running if each.cancel()]:
            self._board.abandoned(self._running.pop(future), because)

    def _wait_for_running(self, seconds: float, because: BaseException) -> None:
        from concurrent.futures import wait

        for future in wait(self._running, timeout=0).done:
            self._ended_late(future, because)
        deadline = time.monotonic() + seconds
        while self._running and (left := deadline - time.monotonic()) > 0:
            for future in wait(self._running, timeout=left, return_when="FIRST_COMPLETED").done:
                self._ended_late(future, because)

    def _ended_late(self, future: Future[None], because: BaseException) -> None:
        self._board.ended_late(self._running.pop(future), _error_of(future), because)


def _error_of(future: Future[None]) -> BaseException | None:
    """Return what an ended future failed with, also if somebody cancelled it."""
    from concurrent.futures import CancelledError

    try:
        return future.exception()
    except CancelledError as error:
        return error


def _is_the_executors(error: BaseException) -> bool:
    """Tell whether the node never got to say that it failed: its process died, or it was cancelled."""
    from concurrent.futures import BrokenExecutor, CancelledError

    return isinstance(error, (BrokenExecutor, CancelledError))
