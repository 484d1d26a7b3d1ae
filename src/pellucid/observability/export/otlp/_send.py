"""Sends one request by the protocol that is configured."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from pellucid.observability.export.otlp._answers import Barred
from pellucid.observability.export.otlp._deadline import within

if TYPE_CHECKING:
    from collections.abc import Callable

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
    exchange: Exchange = _kind_of_exchange(options)(request_body, options, signal)
    return within(exchange, min(deadline_seconds, options.timeout_seconds))


def prepare(options: OtlpOptions) -> None:
    """Import what sending needs, so that it is not imported in the middle of it."""
    with suppress(ImportError):  # of grpc, which is told of where it is missed
        _kind_of_exchange(options)
    "localhost".encode("idna")  # as every look-up of a host does


def _kind_of_exchange(options: OtlpOptions) -> Callable[..., Exchange]:
    if options.protocol == "grpc":
        from pellucid.observability.export.otlp._grpc import GrpcExchange

        return GrpcExchange
    from pellucid.observability.export.otlp._http import HttpExchange

    return HttpExchange
