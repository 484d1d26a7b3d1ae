"""Nodes in threads."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from pellucid.runner.runner import AbstractRunner, widest

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from pellucid.pipeline import Pipeline

__all__ = ["ThreadRunner"]


class ThreadRunner(AbstractRunner):
    """Runs nodes in threads, each as soon as its inputs are there.

    Args:
        max_workers: how many nodes may run at once; by default one for each CPU.
        is_async: not supported: datasets are loaded and saved in the node's thread.

    Raises:
        WorkerCountError: ``max_workers`` is no positive whole number.
    """

    def __init__(self, max_workers: int | None = None, is_async: bool = False) -> None:
        if is_async:
            warnings.warn(
                "ThreadRunner loads and saves in the threads of the nodes: is_async is set to False.", stacklevel=2
            )
        super().__init__(is_async=False)
        self._max_workers = self._validate_max_workers(max_workers)

    def _get_required_workers_count(self, pipeline: Pipeline) -> int:
        return widest(pipeline, self._max_workers)

    def _get_executor(self, max_workers: int) -> Executor | None:
        from pellucid.runner._threads import DaemonThreads

        return DaemonThreads(max_workers, "pellucid-node")
