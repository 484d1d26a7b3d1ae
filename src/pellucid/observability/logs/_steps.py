"""Keeps the runtime from logging again, in plain lines, what is told as events."""

from __future__ import annotations

import logging
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING

from pellucid._util.steps import Teller, node_teller, run_teller

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import ContextVar, Token

    from pellucid.observability.records import SpanRecord

__all__ = ["StepLines"]

_ATTACHED = "step lines"
# Those that the lines are logged with, and those above them.
_LOGGERS = ("pellucid", "pellucid.runner", "pellucid.io", "pellucid.io.data_catalog")
_TELLERS: Mapping[str, ContextVar[Teller | None]] = MappingProxyType({"run": run_teller, "node": node_teller})


class StepLines:
    """Has those plain lines left out, in runs and nodes, for as long as nobody but us would get them.

    Whoever attaches a handler in the middle of a run gets them from the next node on.

    Args:
        is_ours: tells whether a handler of the root logger has no use for them.
    """

    def __init__(self, is_ours: Callable[[logging.Handler], bool]) -> None:
        self._is_ours = is_ours
        self._teller = Teller()
        self._root = logging.getLogger()
        self._loggers = tuple(logging.getLogger(name) for name in _LOGGERS)
        self._checked: list[logging.Handler] = []

    def started(self, span: SpanRecord) -> None:
        """Begin with a run or node; others are passed over."""
        teller = _TELLERS.get(span.kind)
        if teller is not None:
            self._teller.is_alone = self._is_alone()
            span.attached[_ATTACHED] = teller.set(self._teller)

    def ended(self, span: SpanRecord) -> None:
        """End with it."""
        token: Token[Teller | None] | None = span.attached.pop(_ATTACHED, None)
        if token is not None:
            with suppress(ValueError):  # ended by another thread than it was started in, whose node is over, too
                token.var.reset(token)

    def end(self) -> None:
        """Have all lines again."""
        self._teller.is_alone = False

    def _is_alone(self) -> bool:
        for logger in self._loggers:
            if logger.handlers:
                return False
        handlers = self._root.handlers
        if handlers != self._checked:
            if not all(map(self._is_ours, handlers)):
                return False
            self._checked = [*handlers]
        return True
