"""Lines of the runtime that say again what a built-in event says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

    from pellucid.observability.records import SpanRecord

__all__ = ["ALWAYS", "INSIDE", "is_duplicate"]

ALWAYS = frozenset(
    (
        "Completed node: %s",
        "Completed %d out of %d tasks",
        "The node '%s' failed: %s: %s",
        "The node '%s' could not %s '%s': %s",
        "The node '%s' failed, too",
        "Pipeline execution completed successfully in %.1f sec.",
        "Project %s",
    )
)
"""Templates of messages that only a run logs."""
INSIDE = frozenset(("Loading '%s' (%s)", "Saving '%s' (%s)", "The node %s failed: %s"))
"""Templates of messages that are such only while a node is at work: a notebook logs them, too."""
_PREFIX = "pellucid."


def is_duplicate(record: logging.LogRecord, span: SpanRecord | None) -> bool:
    """Tell whether a record is such a line.

    Args:
        record: of anybody.
        span: that is going on where it was logged.
    """
    template = record.msg
    if not isinstance(template, str) or not record.name.startswith(_PREFIX):
        return False
    return template in ALWAYS or (template in INSIDE and span is not None and span.kind in ("node", "load", "save"))
