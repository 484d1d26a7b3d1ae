"""What OpenTelemetry's API loads for ``OTEL_PYTHON_TRACER_PROVIDER=pellucid``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pellucid.observability.tracing._provider import PellucidTracerProvider


def tracer_provider() -> PellucidTracerProvider:
    """Return a provider of tracers; what it gives records nothing until a session does."""
    from pellucid.observability.tracing._provider import PellucidTracerProvider

    return PellucidTracerProvider()
