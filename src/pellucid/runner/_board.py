"""What is done, running and still to do in one run; the side of it that is the same for all runners."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pellucid._util.steps import is_told, run_teller
from pellucid._util.telling import tell, tell_all
from pellucid._util.texts import text_of
from pellucid.exceptions import RunnerError
from pellucid.runner._calls import as_failure
from pellucid.runner._release import ReleaseCounts
from pellucid.runner._waits import Waits

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
    return dataset.partition("@")[0] if "@" in dataset else dataset


def dependencies_of(nodes: Sequence[Node]) -> list[list[int]]:
    """Return for each node the indices of those that write what it reads, in the order of its inputs."""
    producers = {plain_name(name): index for index, node in enumerate(nodes) for name in node.outputs}
    nobody = len(nodes)
    found = []
    for node in nodes:
        indices = {producers.get(plain_name(name), nobody): None for name in node.inputs}
        found.append([index for index in indices if index != nobody])
    return found


class Board:
    """Keeps count of a run's nodes, by index; releases datasets, logs progress and calls the hooks about it.

    All of it happens in the process and thread in which the runner was called. A node that was dispatched is settled
    once, by whichever method comes first; after that, those that settle it do nothing.
    """

    def __init__(self, pipeline: Pipeline, catalog: Catalog, calls: HookCalls, run_id: str | None) -> None:
        self.pipeline = pipeline
        self.nodes: Sequence[Node] = pipeline.nodes
        self.done: set[int] = set()
        self._unsettled: dict[int, None] = {}
        self._catalog = catalog
        self._calls = calls
        self._run_id = run_id
        is_asked = calls.before_node_attempt is not None
        self._waits = Waits(dependencies_of(self.nodes)) if is_asked else None
        kept: Collection[str] = pipeline.inputs() | pipeline.outputs()
        self._readers = ReleaseCounts([n.inputs for n in self.nodes], [n.outputs for n in self.nodes], kept)

    def dispatched(self, index: int) -> float:
        """Note that a node is about to run; return for how many seconds it could have, 0 if nobody wants to know."""
        # Before any hook hears of it: what interrupts from here on finds the node among those to be settled.
        self._unsettled[index] = None
        if self._calls.after_node_dispatched is not None:
            node = self.nodes[index]
            try:
                self._calls.after_node_dispatched(node=node, run_id=self._run_id)
            except SystemExit as error:
                _refuse_exit(node, error)
                raise
        return 0.0 if self._waits is None else self._waits.seconds(index)

    def is_settled(self, index: int) -> bool:
        """Tell whether a node that was dispatched is settled."""
        return index not in self._unsettled

    def completed(self, index: int) -> None:
        """Note that a node is done: what nobody needs any more is released."""
        self.done.add(index)
        if self._waits is not None:
            self._waits.done(index)
        if _logger.isEnabledFor(logging.INFO) and not is_told(run_teller):
            _logger.info("Completed node: %s", self.nodes[index].name)
            _logger.info("Completed %d out of %d tasks", len(self.done), len(self.nodes))
        self._unsettled.pop(index, None)
        settled = self._calls.after_node_settled
        try:
            if settled is not None:
                tell_all(settled, "after_node_settled", node=self.nodes[index], run_id=self._run_id, error=None)
            for name in self._readers.done(index):
                self._catalog.release(name)
        except SystemExit as error:
            _refuse_exit(self.nodes[index], error)
            raise

    def failed(self, index: int, error: BaseException) -> None:
        """Note that a node has failed; raises nothing but what ``tell`` raises, as do all that follow."""
        self._settle(index, error, error)

    def unbegun(self, index: int, error: BaseException) -> None:
        """Note that a node which was dispatched could not be begun."""
        if isinstance(error, Exception):
            _logger.error("The node '%s' could not be begun: %s", self.nodes[index].name, text_of(error))
        try:
            self.blame(index, error, error)
        finally:
            self._settle(index, error, error)

    def ended_late(self, index: int, error: BaseException | None, because: BaseException) -> None:
        """Note how a node ended that was running when another one failed.

        Args:
            index: the node.
            error: what it failed with, or None.
            because: the error that ends the run.
        """
        if self.is_settled(index):
            return
        node = self.nodes[index]
        if error is None:
            self.done.add(index)
            _logger.info("Completed node: %s", node.name)
        else:
            _logger.error("The node '%s' failed, too", node.name, exc_info=error)
        self._settle(index, error, because)

    def abandoned(self, index: int, because: BaseException) -> None:
        """Note that a node was still running when the run ended."""
        if self.is_settled(index):
            return
        node = self.nodes[index]
        error = RunnerError(f"The node '{node.name}' was stopped, as the run ended: {type(because).__name__}")
        _logger.warning("The node '%s' was still running when the run ended", node.name)
        try:
            self.blame(index, error, because)
        finally:
            self._settle(index, error, because)

    def abandon_all(self, because: BaseException) -> None:
        """Note that the run ended for every node that is not settled.

        Raises:
            KeyboardInterrupt: it arrived meanwhile, and the run does not end of such a signal anyway; all the nodes
                are settled when it is raised. So with what else ``tell`` raises.
        """
        first: BaseException | None = None
        for index in list(self._unsettled):
            try:
                self.abandoned(index, because)
            except BaseException as interruption:
                first = first or interruption
        if first is not None and isinstance(because, Exception):
            raise first

    def blame(self, index: int, error: BaseException, handled: BaseException) -> None:
        """Call ``on_node_error`` here for a node that cannot do it itself any more."""
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
        if self.is_settled(index):
            return
        del self._unsettled[index]
        tell(
            self._calls.after_node_settled,
            handled,
            "after_node_settled",
            node=self.nodes[index],
            run_id=self._run_id,
            error=error,
        )


def _refuse_exit(node: Node, error: SystemExit) -> None:
    """Raise a ``NodeExitError`` in place of what ``sys.exit`` raised; nothing for a signal."""
    failure = as_failure(node.name, error)
    if failure is not error:
        raise failure from error
