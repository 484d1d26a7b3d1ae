"""The events that are logged."""

from __future__ import annotations

from pellucid._util.rows import Row


class Event(Row):
    """A kind of log line.

    Attributes:
        name: what stands under ``event``.
        level: of the line.
        text: when there is one.
        fields: what is in it, beside time, level, logger and the ids.
    """

    name: str
    level: str
    text: str
    fields: tuple[str, ...] = ()


EVENTS: tuple[Event, ...] = (
    Event("session.created", "INFO", "A session was created.", ("duration_seconds", "project", "env", "commit")),
    Event("context.loaded", "INFO", "The context was loaded.", ("duration_seconds",)),
    Event("context.failed", "ERROR", "The context cannot be loaded.", ("duration_seconds", "error_type", "error")),
    Event("catalog.created", "INFO", "The catalog was built.", ("duration_seconds",)),
    Event("catalog.failed", "ERROR", "The catalog cannot be built.", ("duration_seconds", "error_type", "error")),
    Event("pipeline.started", "INFO", "A run started.", ("parameters", "runner", "nodes", "selection")),
    Event("pipeline.finished", "INFO", "A run succeeded.", ("duration_seconds", "result", "nodes_done")),
    Event(
        "pipeline.failed",
        "ERROR",
        "A run did not succeed.",
        ("duration_seconds", "result", "error_type", "error", "traceback", "nodes_done"),
    ),
    Event("pipeline.refused", "ERROR", "A run came to nothing before its start.", ("error_type", "error")),
    Event("node.started", "DEBUG", "A node started."),
    Event("node.finished", "INFO", "A node succeeded.", ("duration_seconds", "result")),
    Event(
        "node.failed",
        "ERROR",
        "A node did not succeed.",
        ("duration_seconds", "result", "error_type", "error", "traceback"),
    ),
    Event("dataset.loaded", "INFO", "A dataset was loaded.", ("duration_seconds", "operation", "bytes", "rows")),
    Event("dataset.saved", "INFO", "A dataset was saved.", ("duration_seconds", "operation", "bytes", "rows")),
    Event(
        "dataset.failed",
        "ERROR",
        "A dataset cannot be loaded or saved.",
        ("duration_seconds", "operation", "error_type", "error"),
    ),
    Event("session.closed", "INFO", "A session was closed.", ("duration_seconds", "result")),
    Event(
        "telemetry.closed",
        "INFO",
        "The last line of a run: its result, and what became of its telemetry.",
        ("result", "duration_seconds", "spans", "delivered", "kept", "dropped", "quarantined", "place"),
    ),
)
"""All of them, in the order of a run."""
