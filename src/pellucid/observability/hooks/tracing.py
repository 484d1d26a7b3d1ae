"""Every operation of the runtime is a span."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.framework.hooks.markers import hook_impl
from pellucid.observability.tracing import Tracing

if TYPE_CHECKING:
    from collections.abc import Callable

    from pellucid.observability.recording import Recording
    from pellucid.observability.records import SpanRecord

__all__ = ["TracingHooks", "tracing_hooks"]


def tracing_hooks() -> TracingHooks:
    """Return the plugin that traces, for one session."""
    return TracingHooks()


class TracingHooks:
    """Writes the spans of one session in one process; nothing where tracing is switched off."""

    def __init__(self) -> None:
        self._tracing: Tracing | None = None

    def __reduce__(self) -> tuple[Callable[[], TracingHooks], tuple[()]]:
        return tracing_hooks, ()

    @property
    def tracing(self) -> Tracing | None:
        """What writes them, in this process."""
        return self._tracing

    @hook_impl
    def on_recording_started(self, recording: Recording) -> None:
        """Begin; in a forked process, anew."""
        self._close()
        options = recording.options
        if options.enabled and options.tracing.enabled:
            self._tracing = Tracing(recording)
            self._tracing.open()

    @hook_impl
    def on_span_started(self, span: SpanRecord) -> tuple[int, bytes] | None:
        """Have the start of a span kept."""
        return self._tracing.started(span) if self._tracing is not None else None

    @hook_impl
    def on_span_ended(self, span: SpanRecord) -> tuple[int, bytes] | None:
        """Have the end of a span kept."""
        return self._tracing.ended(span) if self._tracing is not None else None

    @hook_impl
    def on_recording_ended(self) -> None:
        """End."""
        self._close()

    def _close(self) -> None:
        tracing, self._tracing = self._tracing, None
        if tracing is not None:
            tracing.close()
