"""One node after another."""

from __future__ import annotations

from pellucid.runner.runner import AbstractRunner

__all__ = ["SequentialRunner"]


class SequentialRunner(AbstractRunner):
    """Runs nodes one after another, in the calling thread and in the pipeline's topological order.

    Args:
        is_async: load and save the datasets of a node at once, in threads.
    """

    def __init__(self, is_async: bool = False) -> None:
        super().__init__(is_async=is_async)
