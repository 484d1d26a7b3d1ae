"""The provider of tracers that is offered to everybody who uses OpenTelemetry's API while something is recorded.

It imports nothing but that API, which is loaded when it is. The SDK is loaded with the first span that is opened.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.util._decorator import _agnosticcontextmanager

from pellucid.observability.current import current_span
from pellucid.observability.tracing._current import context_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pellucid.observability.tracing._open import Scene
    from pellucid.observability.tracing._sdk import SpoolingProvider

NAME = "pellucid"
"""Of the entry point, and so the value of ``OTEL_PYTHON_TRACER_PROVIDER``."""

_CHOICE = "OTEL_PYTHON_TRACER_PROVIDER"
_SLOT = "_TRACER_PROVIDER"


def offer(scene: Scene) -> PellucidTracerProvider | None:
    """Put the provider in place, unless there is another one, and have it serve a recording.

    It is put where the API keeps the provider that is set, but without being *set*: so a project may set one of its
    own later, as if there were none.

    Returns:
        the provider; None if the project uses another one.
    """
    present = getattr(trace, _SLOT, None)
    if present is None:
        if os.environ.get(_CHOICE, NAME) != NAME:
            return None
        present = PellucidTracerProvider()
        setattr(trace, _SLOT, present)
    if not isinstance(present, PellucidTracerProvider):
        return None
    present.serve(scene)
    return present


class PellucidTracerProvider(trace.ProxyTracerProvider):
    """Gives tracers whose spans nest under those of the runtime, and are kept with them.

    While nothing is recorded they record nothing. It is a proxy for whoever asks whether a provider was set: none was.
    """

    def __init__(self) -> None:
        self._served: dict[int, tuple[Scene, SpoolingProvider | None]] = {}

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> trace.Tracer:
        """Return a tracer; it may be kept for as long as the process lasts."""
        return _Tracer(self, (instrumenting_module_name, instrumenting_library_version, schema_url, attributes))

    def serve(self, scene: Scene) -> None:
        """Keep spans with a recording from now on."""
        self._served[id(scene)] = scene, None

    def leave(self, scene: Scene) -> None:
        """Keep no more spans with a recording."""
        self._served.pop(id(scene), None)

    def end_rest(self, scene: Scene) -> None:
        """End the spans that nobody ended."""
        _, sdk = self._served.get(id(scene), (scene, None))
        if sdk is not None:
            sdk.end_rest()

    def scene(self) -> Scene | None:
        """Return the recording that a span opened here belongs to."""
        here = current_span.get()
        scenes = [scene for scene, _ in reversed(list(self._served.values()))]
        if here is not None:
            for scene in scenes:
                if scene.holds(here):
                    return scene
        return next((scene for scene in scenes if scene.is_live), None)

    def sdk(self, scene: Scene) -> SpoolingProvider:
        """Return the provider of the SDK that keeps spans with a recording."""
        _, sdk = self._served.get(id(scene), (scene, None))
        if sdk is None:
            from pellucid.observability.tracing._sdk import SpoolingProvider

            sdk = SpoolingProvider(scene)
            self._served[id(scene)] = scene, sdk
        return sdk


class _Tracer(trace.Tracer):
    """Finds out at each span where it belongs: a tracer may be older than the recording, or than another provider."""

    def __init__(
        self,
        provider: PellucidTracerProvider,
        identity: tuple[str, str | None, str | None, Mapping[str, Any] | None],
    ) -> None:
        self._provider = provider
        self._identity = identity
        self._found: tuple[object, trace.Tracer] | None = None

    def start_span(
        self,
        name: str,
        context: context_api.Context | None = None,
        kind: trace.SpanKind = trace.SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Any = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> trace.Span:
        """See ``opentelemetry.trace.Tracer``."""
        tracer, context, now_ns = self._resolved(context)
        return tracer.start_span(
            name,
            context,
            kind,
            attributes,
            links,
            now_ns if start_time is None else start_time,
            record_exception,
            set_status_on_exception,
        )

    @_agnosticcontextmanager
    def start_as_current_span(
        self,
        name: str,
        context: context_api.Context | None = None,
        kind: trace.SpanKind = trace.SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Any = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Iterator[trace.Span]:
        """See ``opentelemetry.trace.Tracer``."""
        tracer, context, now_ns = self._resolved(context)
        with tracer.start_as_current_span(
            name,
            context,
            kind,
            attributes,
            links,
            now_ns if start_time is None else start_time,
            record_exception,
            set_status_on_exception,
            end_on_exit,
        ) as span:
            yield span

    def _resolved(
        self, context: context_api.Context | None
    ) -> tuple[trace.Tracer, context_api.Context | None, int | None]:
        """Return who opens a span here, in which context, and when."""
        set_by_project = getattr(trace, _SLOT, None)
        if set_by_project is not None and set_by_project is not self._provider:
            return self._tracer_of(set_by_project), context, None
        scene = self._provider.scene()
        if scene is not None:
            found = scene.recording.guard.call("tracing", self._nested, scene, context)
            if found is not None:
                return *found, scene.recording.clock.now_ns()
        return trace.NoOpTracer(), context, None

    def _nested(
        self, scene: Scene, context: context_api.Context | None
    ) -> tuple[trace.Tracer, context_api.Context | None]:
        tracer = self._tracer_of(self._provider.sdk(scene))
        if context is None and not trace.get_current_span().get_span_context().is_valid:
            # Such as in a thread, which inherits no context.
            enclosing = scene.enclosing()
            if enclosing is not None:
                context = context_with(enclosing)
        return tracer, context

    def _tracer_of(self, provider: trace.TracerProvider) -> trace.Tracer:
        found = self._found
        if found is None or found[0] is not provider:
            found = self._found = provider, provider.get_tracer(*self._identity)
        return found[1]
