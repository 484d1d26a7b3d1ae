"""A node with everything that it needs to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.exceptions import TaskError
from pellucid.runner._calls import HookCalls
from pellucid.runner._execution import Execution

if TYPE_CHECKING:
    from pellucid.pipeline.node import Node
    from pellucid.typing import Catalog, HookRelay

__all__ = ["Task", "TaskError"]


class Task:
    """One node of one run, for executors that take callables; it pickles if node and catalog do.

    Where it is unpickled in another process, the hooks are those that the manager's ``worker_bootstrap`` makes there.

    Args:
        node: what to run.
        catalog: where inputs come from and outputs go to.
        is_async: load and save its datasets at once, in threads.
        hook_manager: whose hooks are called; None calls none.
        run_id: handed to the hooks.
        parallel: the task is meant for another process. Kept for Kedro's sake: every task can go there.

    Raises:
        TaskError: what was given is no node.
    """

    def __init__(
        self,
        node: Node,
        catalog: Catalog,
        is_async: bool,
        hook_manager: HookRelay | None = None,
        run_id: str | None = None,
        parallel: bool = False,
    ) -> None:
        if not callable(getattr(node, "run", None)):
            raise TaskError(f"A task runs a node, not a value of type '{type(node).__name__}'.")
        self.node = node
        self.catalog = catalog
        self.is_async = is_async
        self.run_id = run_id
        self.parallel = parallel
        self._execution = Execution(catalog, HookCalls(hook_manager), is_async, run_id)

    def execute(self) -> Node:
        """Run the node and return it; raises what it, a dataset or a hook raises."""
        self._execution(self.node)
        return self.node

    def __call__(self) -> Node:
        """Run the node and return it, as ``execute`` does."""
        return self.execute()
