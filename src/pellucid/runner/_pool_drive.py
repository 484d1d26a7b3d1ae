"""Taking a run's nodes through by worker processes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pellucid._util.telling import tell
from pellucid.runner._board import dependencies_of
from pellucid.runner._bootstrap import bootstrap_for
from pellucid.runner._pool import Done, Lost, WorkerPool
from pellucid.runner._ready import ReadySet
from pellucid.runner._worker import WorkerSetup

if TYPE_CHECKING:
    from pellucid.runner._board import Board
    from pellucid.runner._execution import Execution
    from pellucid.runner._pool import Outcome

__all__ = ["PoolDrive"]


class PoolDrive:
    """Runs all nodes in worker processes; leaves none behind, however it ends.

    Args:
        board: the run's nodes.
        execution: catalog, hooks and run id for the workers.
        workers: how many processes.
        start_method: "fork", "spawn" or "forkserver".
        grace_seconds: how long the nodes at work are waited for when one of them has failed.
    """

    def __init__(
        self, board: Board, execution: Execution, workers: int, start_method: str, grace_seconds: float
    ) -> None:
        self._board = board
        self._execution = execution
        self._workers = workers
        self._start_method = start_method
        self._grace_seconds = grace_seconds
        self._ready = ReadySet(dependencies_of(board.nodes))
        self._running: set[int] = set()
        self._unsettled: list[Outcome] = []

    def run(self) -> None:
        """Run all nodes; raises what the first one that failed has raised."""
        setup = WorkerSetup(self._board.nodes, self._execution, self._start_method)
        bootstrap = None if self._start_method == "fork" else bootstrap_for(self._execution.calls)
        with WorkerPool(setup, workers=self._workers, start_method=self._start_method, bootstrap=bootstrap) as pool:
            try:
                self._work(pool)
            except BaseException as error:
                try:
                    # Ctrl-C and SIGTERM are to end the run now.
                    if isinstance(error, Exception):
                        self._wait_for_running(pool, error)
                finally:
                    # Ended before the hooks are told of it: a node that ended itself just now would be told of twice.
                    pool.close()
                    self._abandon(error)
                raise

    def _work(self, pool: WorkerPool) -> None:
        self._submit(pool)
        while self._running:
            self._unsettled = pool.wait()[::-1]
            while self._unsettled:
                self._settle(self._unsettled.pop())
            self._submit(pool)

    def _submit(self, pool: WorkerPool) -> None:
        while self._ready and pool.idle:
            index = self._ready.take()
            self._board.dispatched(index)
            pool.submit(index, self._board.nodes[index].name)
            self._running.add(index)

    def _settle(self, outcome: Outcome) -> None:
        index = outcome.index
        self._running.discard(index)
        if isinstance(outcome, Done):
            self._board.completed(index)
            self._ready.done(index)
            return
        error = outcome.error
        if isinstance(outcome, Lost):
            self._lament(outcome, error)
        self._board.failed(index, error)
        raise error

    def _wait_for_running(self, pool: WorkerPool, because: Exception) -> None:
        deadline = time.monotonic() + self._grace_seconds
        while self._unsettled or (self._running and time.monotonic() < deadline):
            outcomes = self._unsettled or pool.wait(timeout=max(0.0, deadline - time.monotonic()))
            self._unsettled = []
            for outcome in outcomes:
                self._running.discard(outcome.index)
                if isinstance(outcome, Lost):
                    self._lament(outcome, because)
                error = None if isinstance(outcome, Done) else outcome.error
                self._board.ended_late(outcome.index, error, because)

    def _lament(self, lost: Lost, handled: BaseException) -> None:
        """Call the hooks that a worker cannot call for itself, as it is dead."""
        calls = self._execution.calls
        tell(
            calls.on_worker_lost,
            handled,
            "on_worker_lost",
            error=lost.error,
            node=self._board.nodes[lost.index],
            run_id=self._execution.run_id,
        )
        self._board.blame(lost.index, lost.error, handled)

    def _abandon(self, because: BaseException) -> None:
        while self._running:
            self._board.abandoned(self._running.pop(), because)
