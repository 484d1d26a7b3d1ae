"""The base class of all runners."""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import WorkerCountError
from pellucid.runner._board import Board
from pellucid.runner._calls import HookCalls, NullRelay
from pellucid.runner._drive import ExecutorDrive, in_order
from pellucid.runner._execution import Execution
from pellucid.runner._remains import remove_remains
from pellucid.runner._selection import materialise, only_missing, resume_from

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Executor

    from pellucid.pipeline import Pipeline
    from pellucid.pipeline.node import Node
    from pellucid.typing import Catalog, HookRelay

__all__ = ["AbstractRunner"]

# Windows can wait for no more than 64 handles at once, and a process pool needs three of them.
_MOST_WORKERS_ON_WINDOWS = 61


class AbstractRunner:
    """Runs pipelines.

    A subclass overrides ``_get_executor``, to have nodes run by an executor of its own, or ``_run``, to do all itself.

    Args:
        is_async: load and save the datasets of a node at once, in threads.
    """

    stop_timeout_seconds: float = 30.0
    """How long nodes that are at work are waited for after another one has failed."""

    def __init__(self, is_async: bool = False) -> None:
        if type(self) is AbstractRunner:
            raise TypeError("AbstractRunner is a base class; use SequentialRunner, ThreadRunner or ParallelRunner.")
        self._is_async = is_async

    @property
    def _logger(self) -> logging.Logger:
        return logging.getLogger(self.__module__)

    def run(
        self,
        pipeline: Pipeline,
        catalog: Catalog,
        hook_manager: HookRelay | None = None,
        run_id: str | None = None,
        only_missing_outputs: bool = False,
    ) -> dict[str, Any]:
        """Run a pipeline with the datasets of a catalog.

        Args:
            pipeline: what to run.
            catalog: where inputs come from and outputs go to.
            hook_manager: whose hooks are called; None calls none.
            run_id: handed to the hooks.
            only_missing_outputs: run only what is needed to make outputs that do not exist.

        Returns:
            The datasets (not their data) of the pipeline's free outputs, by name.

        Raises:
            UnsatisfiedInputsError: the catalog lacks inputs.
            NodeExitError: a node called ``sys.exit``.
            WorkerLostError: a worker process died.
            BaseException: whatever a node, a dataset or a hook raised.
        """
        remove_remains()
        if only_missing_outputs:
            pipeline = self._filter_pipeline_for_missing_outputs(pipeline, catalog)
        materialise(pipeline, catalog)
        if self._is_async:
            self._logger.info("Datasets are loaded and saved asynchronously.")
        started = time.perf_counter()
        self._run(pipeline, catalog, hook_manager if hook_manager is not None else NullRelay(), run_id)
        self._logger.info("Pipeline execution completed successfully in %.1f sec.", time.perf_counter() - started)
        return {name: catalog[name] for name in sorted(pipeline.outputs())}

    def _filter_pipeline_for_missing_outputs(self, pipeline: Pipeline, catalog: Catalog) -> Pipeline:
        return only_missing(pipeline, catalog)

    def _run(
        self, pipeline: Pipeline, catalog: Catalog, hook_manager: HookRelay | None = None, run_id: str | None = None
    ) -> None:
        """Run all nodes: by the executor that ``_get_executor`` gives, or here if it gives none."""
        calls = HookCalls(hook_manager)
        board = Board(pipeline, catalog, calls, run_id)
        execution = Execution(catalog, calls, self._is_async, run_id)
        executor = self._get_executor(self._get_required_workers_count(pipeline))
        try:
            self._drive(board, execution, executor)
        except BaseException:
            self._suggest_resume_scenario(pipeline, [board.nodes[index] for index in board.done], catalog)
            raise

    def _drive(self, board: Board, execution: Execution, executor: Executor | None) -> None:
        """Take all nodes through."""
        if executor is None:
            in_order(board, execution)
        else:
            ExecutorDrive(board, execution, executor, self.stop_timeout_seconds).run()

    def _get_executor(self, max_workers: int) -> Executor | None:
        """Return the executor to run nodes by, fresh for each run; None runs them here, one after another."""

    def _get_required_workers_count(self, pipeline: Pipeline) -> int:
        """Return how many nodes may be at work at once."""
        return widest(pipeline, os.cpu_count() or 1)

    def _suggest_resume_scenario(self, pipeline: Pipeline, done_nodes: Iterable[Node], catalog: Catalog) -> None:
        """Log the command that resumes this run."""
        done_names = {node.name for node in done_nodes}
        nodes = pipeline.nodes
        left = len(nodes) - len(done_names)
        if not done_names:
            self._logger.warning("No nodes ran. Repeat the previous command to attempt a new run.")
            return
        if not left:
            return
        done = {index for index, node in enumerate(nodes) if node.name in done_names}
        try:
            names = resume_from(nodes, done, catalog)
        except Exception:
            self._logger.debug("Where to resume from is unknown", exc_info=True)
            return
        self._logger.warning(
            "%d of %d nodes have not run. To resume from the nearest persisted inputs, repeat the command with "
            '--from-nodes "%s"',
            left,
            len(nodes),
            ",".join(names),
        )

    @classmethod
    def _validate_max_workers(cls, max_workers: int | None) -> int:
        """Return the number of workers to use: as given, or one for each CPU.

        Raises:
            WorkerCountError: it is no positive whole number, or more than Windows can handle.
        """
        if max_workers is None:
            count = os.cpu_count() or 1
            return min(count, _MOST_WORKERS_ON_WINDOWS) if sys.platform == "win32" else count
        if isinstance(max_workers, bool) or not hasattr(max_workers, "__index__") or max_workers <= 0:
            raise WorkerCountError(f"max_workers has to be a positive whole number, not {max_workers!r}.")
        if sys.platform == "win32" and max_workers > _MOST_WORKERS_ON_WINDOWS:
            raise WorkerCountError(
                f"max_workers must be at most {_MOST_WORKERS_ON_WINDOWS} on Windows, not {max_workers}."
            )
        return max_workers


def widest(pipeline: Pipeline, max_workers: int) -> int:
    """Return how many workers a pipeline can use: each of its layers needs a step of its own."""
    return max(1, min(len(pipeline.nodes) - len(pipeline.grouped_nodes) + 1, max_workers))
