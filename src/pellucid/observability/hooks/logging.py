"""The built-in log lines."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from pellucid.framework.hooks.markers import hook_impl
from pellucid.observability.hooks._late import send_late
from pellucid.observability.logs import CLOSED, NodeLines, Setup, StructlogBridge, closing, is_of_session, summary_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pellucid.observability.logs import Sink, Summary
    from pellucid.observability.recording import Outcome, Recording
    from pellucid.observability.records import SpanRecord

__all__ = ["LoggingHooks", "logging_hooks"]

_PART = "logging"
_LEAST_DRAIN_SECONDS = 0.1
_WITHOUT_START = ("load", "save")


class LoggingHooks:
    """Logs one line for each event of a session, and takes all other log records to the same places.

    Args:
        sinks: places besides the configured ones, in this process alone; for tests.
    """

    def __init__(self, sinks: Sequence[Sink] = ()) -> None:
        self._sinks = tuple(sinks)
        self._setup: Setup | None = None
        self._pid = 0
        self._structlog: StructlogBridge | None = None
        self._summary: Summary | None = None

    def __reduce__(self) -> tuple[type[LoggingHooks], tuple[()]]:
        return LoggingHooks, ()

    @hook_impl
    def on_recording_started(self, recording: Recording) -> None:
        """Set up logging for a session in this process."""
        if not recording.options.logging.enabled:
            return
        if self._setup is None:
            setup = self._setup = Setup(recording, self._sinks)
            self._structlog = StructlogBridge(setup.hear, recording.guard)
            recording.guard.call(_PART, self._structlog.open)
        elif self._pid != os.getpid():
            self._setup.adopt(recording)
        else:
            return
        self._pid = os.getpid()

    @hook_impl
    def on_span_started(self, span: SpanRecord) -> None:
        """Log the start of an operation, if that is an event."""
        setup = self._setup
        if setup is not None:
            if span.kind == "run" and self._structlog is not None:
                self._structlog.look()
            setup.steps.started(span)
            setup.log.started(span)

    @hook_impl
    def on_span_ended(self, span: SpanRecord) -> None:
        """Log the end of an operation."""
        setup = self._setup
        if setup is None:
            return
        if span.kind not in _WITHOUT_START:
            setup.steps.ended(span)
            if span.kind == "run" or (span.kind == "session" and is_of_session(span) and not self._has_run()):
                self._summary = summary_of(span)
        setup.log.ended(span)

    def _has_run(self) -> bool:
        """Tell whether the session's own run was there; a session for many runs has none."""
        return self._summary is not None and is_of_session(self._summary.span)

    def node_lines(self) -> NodeLines | None:
        """Return what logs nodes that are kept as one record; None where nothing is logged."""
        setup = self._setup
        return NodeLines(setup.log, setup.steps) if setup is not None else None

    @hook_impl(tryfirst=True)
    def on_run_refused(self, error: BaseException, run_id: str, pipeline_name: str) -> None:
        """Log that a run came to nothing; before the spans that it has are ended."""
        setup = self._setup
        if setup is not None:
            setup.log.recording.guard.call(_PART, setup.log.refused, error, run_id, pipeline_name)

    @hook_impl
    def on_recording_ended(self, recording: Recording, outcome: Outcome) -> None:
        """Log the last line, and leave logging as it was found."""
        setup = self._setup
        if setup is None or self._pid != os.getpid():
            return
        try:
            span = self._summary.span if self._summary is not None else None
            setup.log.tell(CLOSED, recording.clock.now_ns(), span, closing(self._summary, outcome))
            recording.guard.call(_PART, send_late, recording, setup.late())
        finally:
            structlog, self._structlog = self._structlog, None
            self._setup, self._summary = None, None
            if structlog is not None:
                recording.guard.call(_PART, structlog.undo)
            now = time.monotonic()
            ends_at = recording.ends_at
            if ends_at is None:
                ends_at = now + recording.options.exit_budget_seconds
            setup.undo(max(now + _LEAST_DRAIN_SECONDS, ends_at))


def logging_hooks() -> LoggingHooks:
    """Return the plugin, as the entry point names it."""
    return LoggingHooks()
