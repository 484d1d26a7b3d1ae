"""Taking a run's nodes through by worker processes."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from pellucid._util.telling import tell
from pellucid.exceptions import WorkerStartError
from pellucid.runner._board import dependencies_of
from pellucid.runner._bootstrap import bootstrap_for
from pellucid.runner._pool import Done, Lost, WorkerPool
from pellucid.runner._ready import ReadySet
from pellucid.runner._worker import WorkerSetup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pellucid.runner._board import Board
    from pellucid.runner._execution import Execution
    from pellucid.runner._pool import Outcome

__all__ = ["PoolDrive"]

_logger = logging.getLogger("pellucid.runner")


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
        self._heard: list[Outcome] = []

    def run(self) -> None:
        """Run all nodes; raises what the first one that failed has raised."""
        setup = WorkerSetup(self._board.nodes, self._execution, self._start_method)
        bootstrap = None if self._start_method == "fork" else bootstrap_for(self._execution.calls)
        with WorkerPool(setup, workers=self._workers, start_method=self._start_method, bootstrap=bootstrap) as pool:
            try:
                self._work(pool)
            except BaseException as error:
                self._wind_up(pool, error)
                raise

    def _work(self, pool: WorkerPool) -> None:
        self._submit(pool)
        while self._running:
            self._heard = pool.wait()
            for outcome in self._heard:
                self._settle(outcome)
            self._submit(pool)

    def _submit(self, pool: WorkerPool) -> None:
        while self._ready and pool.idle:
            index = self._ready.take()
            try:
                waited = self._board.dispatched(index)
                pool.submit(index, self._board.nodes[index].name, waited)
            except Exception as error:
                self._board.unbegun(index, error)
                raise
            self._running.add(index)

    def _settle(self, outcome: Outcome) -> None:
        index = outcome.index
        if isinstance(outcome, Done):
            self._board.completed(index)
            self._running.discard(index)
            self._ready.done(index)
            return
        error = outcome.error
        try:
            if isinstance(outcome, Lost):
                _logger.error("%s", error)
                self._lament(outcome, error)
        finally:
            self._board.failed(index, error)
        raise error

    # ------------------------------------------------------------------------- after an error

    def _wind_up(self, pool: WorkerPool, because: BaseException) -> None:
        try:
            self._settle_late(self._heard, because)
            # Ctrl-C and SIGTERM are to end the run now.
            if isinstance(because, Exception):
                self._wait_for_running(pool, because)
        finally:
            # Ended before the hooks are told of it: a node that ended itself just now would be told of twice.
            try:
                pool.close()
            finally:
                self._board.abandon_all(because)

    def _wait_for_running(self, pool: WorkerPool, because: Exception) -> None:
        deadline = time.monotonic() + self._grace_seconds
        while self._running and (left := deadline - time.monotonic()) > 0:
            try:
                outcomes = pool.wait(timeout=left)
            except WorkerStartError:
                _logger.exception("What still runs is not waited for")
                return
            if not outcomes:  # the time is up, or nobody is at work: the answer of the last one could not be read
                return
            self._settle_late(outcomes, because)

    def _settle_late(self, outcomes: Iterable[Outcome], because: BaseException) -> None:
        for outcome in outcomes:
            self._running.discard(outcome.index)
            if self._board.is_settled(outcome.index):
                continue
            try:
                if isinstance(outcome, Lost):
                    self._lament(outcome, because)
            finally:
                error = None if isinstance(outcome, Done) else outcome.error
                self._board.ended_late(outcome.index, error, because)

    def _lament(self, lost: Lost, handled: BaseException) -> None:
        """Call the hooks that a worker cannot call for itself, as it is dead."""
        calls = self._execution.calls
        try:
            tell(
                calls.on_worker_lost,
                handled,
                "on_worker_lost",
                error=lost.error,
                node=self._board.nodes[lost.index],
                run_id=self._execution.run_id,
            )
        finally:
            self._board.blame(lost.index, lost.error, handled)
