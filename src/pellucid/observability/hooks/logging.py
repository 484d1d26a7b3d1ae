"""The built-in log lines."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from pellucid.framework.hooks.markers import hook_impl
from pellucid.observability.logs import (
    CLOSED,
    LEVELS,
    Setup,
    StructlogBridge,
    closing,
    ended,
    started,
    summary_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pellucid.observability.logs import Sink, Summary
    from pellucid.observability.recording import Outcome, Recording
    from pellucid.observability.records import SpanRecord

__all__ = ["LoggingHooks", "logging_hooks"]

_LEAST_DRAIN_SECONDS = 0.1


class LoggingHooks:
    """Logs one line for each event of a session, and takes all other log records to the same places.

    Args:
        sinks: places besides the configured ones, in this process alone; for tests.
    """

    def __init__(self, sinks: Sequence[Sink] = ()) -> None:
        self._sinks = tuple(sinks)
        self._setup: Setup | None = None
        self._pid = 0
        self._structlog = StructlogBridge()
        self._summary: Summary | None = None

    def __reduce__(self) -> tuple[type[LoggingHooks], tuple[()]]:
        return LoggingHooks, ()

    @hook_impl
    def on_recording_started(self, recording: Recording) -> None:
        """Set up logging for a session in this process."""
        if not recording.options.logging.enabled:
            return
        if self._setup is None:
            self._setup = Setup(recording, self._sinks)
        elif self._pid != os.getpid():
            self._setup.adopt(recording)
        else:
            return
        self._pid = os.getpid()
        self._structlog.look()

    @hook_impl
    def on_span_started(self, span: SpanRecord) -> None:
        """Log the start of a run or node."""
        setup = self._setup
        if setup is None or span.kind not in ("run", "node"):
            return
        self._structlog.look()
        log = setup.log
        if span.kind == "node" and LEVELS["node.started"] < log.level:
            return
        told = started(span, log.recording.redactor)
        if told is not None:
            log.tell(told[0], span.started_ns, span, told[1])

    @hook_impl
    def on_span_ended(self, span: SpanRecord) -> None:
        """Log the end of an operation."""
        setup = self._setup
        if setup is None:
            return
        if span.kind == "run" or (span.kind == "session" and self._summary is None):
            self._summary = summary_of(span)
        log = setup.log
        told = ended(span, log.recording)
        if told is not None:
            log.tell(told[0], span.ended_ns, span, told[1])

    @hook_impl
    def on_recording_ended(self, recording: Recording, outcome: Outcome) -> None:
        """Log the last line, and leave logging as it was found."""
        setup = self._setup
        if setup is None or self._pid != os.getpid():
            return
        try:
            _, fields = closing(self._summary, outcome)
            span = self._summary.span if self._summary is not None else None
            setup.log.tell(CLOSED, recording.clock.now_ns(), span, fields)
        finally:
            self._setup, self._summary = None, None
            self._structlog.undo()
            now = time.monotonic()
            ends_at = recording.ends_at
            if ends_at is None:
                ends_at = now + recording.options.exit_budget_seconds
            setup.undo(max(now + _LEAST_DRAIN_SECONDS, ends_at))


def logging_hooks() -> LoggingHooks:
    """Return the plugin, as the entry point names it."""
    return LoggingHooks()
