"""Sends one request by the protocol that is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pellucid.observability.export.otlp._answers import Barred
from pellucid.observability.export.otlp._deadline import within

if TYPE_CHECKING:
    from pellucid.observability.export.otlp._answers import Answer
    from pellucid.observability.export.otlp._deadline import Exchange
    from pellucid.observability.options import OtlpOptions

Signal = Literal["traces", "logs"]


def send(request_body: bytes, options: OtlpOptions, signal: Signal, deadline_seconds: float) -> Answer:
    """Send an OTLP export request over a connection of its own, and return what became of it.

    Which answers are final is a rule of the OTLP specification, sections "OTLP/gRPC Response" and "OTLP/HTTP Response".

    Args:
        request_body: the serialised ``Export…ServiceRequest``.
        options: where to, and how.
        signal: what is in it.
        deadline_seconds: for all of it; the time-out of the options is kept, too.
    """
    if not options.endpoint:
        return Barred("no endpoint is configured")
    return within(_exchange(request_body, options, signal), min(deadline_seconds, options.timeout_seconds))


def _exchange(request_body: bytes, options: OtlpOptions, signal: Signal) -> Exchange:
    if options.protocol == "grpc":
        from pellucid.observability.export.otlp._grpc import GrpcExchange

        return GrpcExchange(request_body, options, signal)
    from pellucid.observability.export.otlp._http import HttpExchange

    return HttpExchange(request_body, options, signal)
