"""The span of the runtime that is going on here: in this thread, and in what was started with a copy of its context."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pellucid.observability.records import SpanRecord

__all__ = ["current_span"]

current_span: ContextVar[SpanRecord | None] = ContextVar("pellucid_current_span", default=None)
"""Set and reset by the recorder: the innermost load, save, node, run or other span of the runtime; else None."""
