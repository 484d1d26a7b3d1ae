"""A library instrumented with OpenTelemetry's API alone, as such libraries are: its tracer is made on import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import trace

if TYPE_CHECKING:
    from collections.abc import Callable

tracer = trace.get_tracer("instrumented", "1.2")


def query(text: str) -> int:
    """Do something that has a span."""
    with tracer.start_as_current_span(f"query {text}", kind=trace.SpanKind.CLIENT, attributes={"db.query.text": text}):
        return len(text)


def twice(work: Callable[[], object]) -> None:
    """Do something that has a span around spans of others."""
    with tracer.start_as_current_span("twice"):
        work()
        work()


@tracer.start_as_current_span("decorated")
def decorated() -> int:
    """Do something that has a span by decoration."""
    return query("inside")


@tracer.start_as_current_span("awaited")
async def awaited() -> int:
    """Do something that has a span around a coroutine."""
    return query("awaited inside")
