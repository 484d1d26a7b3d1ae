"""Who tells of the steps of a run, so that the plain log lines that say the same can be left out."""

from __future__ import annotations

from contextvars import ContextVar


class Teller:
    """Tells of the steps of runs in a way of its own.

    Attributes:
        is_alone: whether nobody else listens, so that nothing is lost if the plain lines are not made.
    """

    __slots__ = ("is_alone",)

    def __init__(self) -> None:
        self.is_alone = False


run_teller: ContextVar[Teller | None] = ContextVar("pellucid_run_teller", default=None)
"""Tells of each node that is done in the run that goes on here; None outside of runs."""
node_teller: ContextVar[Teller | None] = ContextVar("pellucid_node_teller", default=None)
"""Tells of the loads and saves of the node that is at work here; None outside of nodes."""


def is_told(by: ContextVar[Teller | None]) -> bool:
    """Tell whether a plain line may be left out.

    Args:
        by: ``run_teller`` or ``node_teller``.
    """
    teller = by.get()
    return teller is not None and teller.is_alone
