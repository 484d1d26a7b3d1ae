"""What is done, running and still to do in one run; the side of it that is the same for all runners."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pellucid._util.telling import tell
from pellucid.exceptions import RunnerError
from pellucid.runner._calls import as_failure
from pellucid.runner._release import ReleaseCounts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pellucid.pipeline import Pipeline
    from pellucid.pipeline.node import Node
    from pellucid.runner._calls import HookCalls
    from pellucid.typing import Catalog

__all__ = ["Board", "dependencies_of", "plain_name"]

_logger = logging.getLogger("pellucid.runner")


def plain_name(dataset: str) -> str:
    """Return the name without what follows ``@``: ``cars@pandas`` and ``cars@spark`` are one thing."""
    return dataset.partition("@")[0]


def dependencies_of(nodes: Sequence[Node]) -> list[list[int]]:
    """Return for each node the indices of those that write what it reads, in the order of its inputs."""
    producers = {plain_name(name): index for index, node in enumerate(nodes) for name in node.outputs}
    found = []
    for node in nodes:
        indices = (producers.get(plain_name(name)) for name in node.inputs)
        found.append(list(dict.fromkeys(index for index in indices if index is not None)))
    return found


class _NoExit:
    """Lets everything through but ``sys.exit``, which becomes a ``NodeExitError``."""

    __slots__ = ("_node",)

    def __init__(self, node: Node) -> None:
        self._node = node

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is not None:
            failure = as_failure(self._node.name, error)
            if failure is not error:
                raise failure from error


class Board:
    """Keeps count of a run's nodes, by index; releases datasets, logs progress and calls the hooks about it.

    All of it happens in the process and thread in which the runner was called.
    """

    def __init__(self, pipeline: Pipeline, catalog: Catalog, calls: HookCalls, run_id: str | None) -> None:
        self.pipeline = pipeline
        self.nodes: Sequence[Node] = pipeline.nodes
        self.done: set[int] = set()
        self._catalog = catalog
        self._calls = calls
        self._run_id = run_id
        kept: Collection[str] = pipeline.inputs() | pipeline.outputs()
        self._readers = ReleaseCounts([n.inputs for n in self.nodes], [n.outputs for n in self.nodes], kept)

    def dispatched(self, index: int) -> None:
        """Note that a node is about to run."""
        if self._calls.after_node_dispatched is not None:
            with _NoExit(self.nodes[index]):
                self._calls.after_node_dispatched(node=self.nodes[index], run_id=self._run_id)

    def completed(self, index: int) -> None:
        """Note that a node is done: what nobody needs any more is released."""
        self.done.add(index)
        if _logger.isEnabledFor(logging.INFO):
            _logger.info("Completed node: %s", self.nodes[index].name)
            _logger.info("Completed %d out of %d tasks", len(self.done), len(self.nodes))
        if self._calls.after_node_settled is not None:
            with _NoExit(self.nodes[index]):
                self._calls.after_node_settled(node=self.nodes[index], run_id=self._run_id, error=None)
        unneeded = self._readers.done(index)
        if unneeded:
            with _NoExit(self.nodes[index]):
                for name in unneeded:
                    self._catalog.release(name)

    def failed(self, index: int, error: BaseException) -> None:
        """Note that a node has failed; never raises."""
        self._settle(index, error, error)

    def ended_late(self, index: int, error: BaseException | None, because: BaseException) -> None:
        """Note how a node ended that was running when another one failed; never raises.

        Args:
            index: the node.
            error: what it failed with, or None.
            because: the error that ends the run.
        """
        node = self.nodes[index]
        if error is None:
            self.done.add(index)
            _logger.info("Completed node: %s", node.name)
        else:
            _logger.error("The node '%s' failed, too", node.name, exc_info=error)
        self._settle(index, error, because)

    def abandoned(self, index: int, because: BaseException) -> None:
        """Note that a node was still running when the run ended; never raises."""
        node = self.nodes[index]
        error = RunnerError(f"The node '{node.name}' was stopped, as the run ended: {type(because).__name__}")
        _logger.warning("The node '%s' was still running when the run ended", node.name)
        self.blame(index, error, because)
        self._settle(index, error, because)

    def blame(self, index: int, error: BaseException, handled: BaseException) -> None:
        """Call ``on_node_error`` here for a node that cannot do it itself any more; never raises."""
        tell(
            self._calls.on_node_error,
            handled,
            "on_node_error",
            error=error,
            node=self.nodes[index],
            catalog=self._catalog,
            inputs={},
            is_async=False,
            run_id=self._run_id,
        )

    def _settle(self, index: int, error: BaseException | None, handled: BaseException) -> None:
        tell(
            self._calls.after_node_settled,
            handled,
            "after_node_settled",
            node=self.nodes[index],
            run_id=self._run_id,
            error=error,
        )
