"""What a worker process is given: the nodes and the catalog."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pellucid.runner._calls import HookCalls
from pellucid.runner._execution import Execution
from pellucid.runner._pool import waited_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pellucid.pipeline.node import Node

__all__ = ["WorkerSetup"]


class WorkerSetup:
    """Called once in each worker process; gives what runs a node by its index.

    A worker that is a fork keeps the hook objects that it inherited; to any other one this is pickled, without hooks,
    and it is called with those that the bootstrap made.
    """

    def __init__(self, nodes: Sequence[Node], execution: Execution, start_method: str) -> None:
        self._nodes = list(nodes)
        self._execution: Execution | None = execution
        self._catalog = execution.catalog
        self._is_async = execution.is_async
        self._run_id = execution.run_id
        self._start_method = start_method

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_execution": None}

    def __call__(self, hooks: Any) -> Callable[[int], None]:
        """Tell plugins of the new process, and return what runs nodes in it; ``hooks`` is a ``HookRelay`` or None."""
        execution = self._execution or Execution(self._catalog, HookCalls(hooks), self._is_async, self._run_id)
        started = execution.calls.after_worker_started
        if started is not None:
            started(run_id=self._run_id, pid=os.getpid(), start_method=self._start_method)
        nodes = self._nodes

        def run(index: int) -> None:
            execution(nodes[index], waited_seconds.get())

        return run
