"""Nodes in processes."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from pellucid._util.texts import text_of
from pellucid.runner._start_method import chosen_start_method, requested_start_method
from pellucid.runner.runner import AbstractRunner, widest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Executor

    from pellucid.pipeline import Pipeline
    from pellucid.pipeline.node import Node
    from pellucid.runner._board import Board
    from pellucid.runner._execution import Execution
    from pellucid.typing import Catalog, HookRelay

__all__ = ["ParallelRunner"]


class ParallelRunner(AbstractRunner):
    """Runs nodes in worker processes, each node as soon as its inputs are there.

    Data that only goes from node to node is kept in shared memory. How processes are started is taken from the
    environment variable ``PELLUCID_MP_CONTEXT`` (``fork``, ``spawn`` or ``forkserver``), else Python's default.

    Args:
        max_workers: how many processes may run at once; by default one for each CPU.
        is_async: load and save the datasets of a node at once, in threads.

    Raises:
        WorkerCountError: ``max_workers`` is no positive whole number, or more than Windows can handle.
        StartMethodError: the environment asks for a start method that this system does not have.
    """

    def __init__(self, max_workers: int | None = None, is_async: bool = False) -> None:
        super().__init__(is_async=is_async)
        self._max_workers = self._validate_max_workers(max_workers)
        # Asked again when it runs; a mistake is better told before anything has begun.
        requested_start_method()

    def _get_required_workers_count(self, pipeline: Pipeline) -> int:
        return widest(pipeline, self._max_workers)

    def _run(
        self, pipeline: Pipeline, catalog: Catalog, hook_manager: HookRelay | None = None, run_id: str | None = None
    ) -> None:
        from pellucid.io.shared_memory import SharedMemoryArena

        self._validate_nodes(pipeline.nodes)
        self._validate_catalog(catalog)
        arena = SharedMemoryArena()
        try:
            self._set_manager_datasets(catalog, arena)
            share = getattr(catalog, "share_memory_outputs", None)
            if share is not None:
                share(sorted(pipeline.all_outputs()))
            super()._run(pipeline, catalog, hook_manager, run_id)
        except BaseException:
            arena.close()
            raise
        _keep_while_used(arena, [catalog[name] for name in pipeline.outputs()])

    def _drive(self, board: Board, execution: Execution, executor: Executor | None) -> None:
        from pellucid.runner._pool_drive import PoolDrive

        if executor is not None:
            super()._drive(board, execution, executor)
        elif board.nodes:
            workers = self._get_required_workers_count(board.pipeline)
            PoolDrive(board, execution, workers, chosen_start_method(), self.stop_timeout_seconds).run()

    @classmethod
    def _validate_nodes(cls, nodes: Iterable[Node]) -> None:
        """Make sure that all nodes can go to another process; raises AttributeError with those that cannot."""
        reasons = [(node.name, _why_not(node)) for node in nodes]
        refused = [f"  '{name}': {reason}" for name, reason in reasons if reason]
        if refused:
            raise AttributeError(
                "These nodes cannot be run in other processes:\n"
                + "\n".join(refused)
                + "\nTheir functions must be importable by name: no lambda, no function within a function, and"
                " decorators that use functools.wraps. Or use another runner."
            )

    @classmethod
    def _validate_catalog(cls, catalog: Any) -> None:
        """Make sure that all datasets can go to another process; raises AttributeError with those that cannot."""
        if not (hasattr(catalog, "validate_catalog") and hasattr(catalog, "set_manager_datasets")):
            raise AttributeError(
                f"ParallelRunner needs a catalog whose data all processes reach, such as a SharedMemoryDataCatalog; "
                f"a {type(catalog).__name__} keeps it in one process."
            )
        catalog.validate_catalog()

    def _set_manager_datasets(self, catalog: Any, arena: Any) -> None:
        """Give the shared-memory datasets their places."""
        catalog.set_manager_datasets(arena)


def _why_not(node: Node) -> str | None:
    import pickle

    try:
        pickle.dumps(node, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        return f"{type(error).__name__}: {text_of(error)}"
    return None


def _keep_while_used(arena: Any, datasets: Iterable[Any]) -> None:
    """Let the arena live for as long as one of the datasets does; what nobody refers to removes itself."""
    from pellucid.io.shared_memory_dataset import SharedMemoryDataset

    for dataset in datasets:
        if isinstance(dataset, SharedMemoryDataset):
            weakref.finalize(dataset, _let_go, arena)


def _let_go(_arena: Any) -> None:
    """Do nothing: a finalizer refers to its arguments until it is called, and that is what it is for."""


def __getattr__(name: str) -> Any:
    if name == "ParallelRunnerManager":
        from pellucid.runner._manager import ParallelRunnerManager

        return ParallelRunnerManager
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
