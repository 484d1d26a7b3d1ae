"""Spans: encoded, sampled, handed on to child processes, and shared with OpenTelemetry where that is in use."""

from typing import TYPE_CHECKING

from pellucid._util.lazily import names_from
from pellucid.observability.tracing._context import suppressed
from pellucid.observability.tracing._encoding import LOST, SpanEncoder, seal
from pellucid.observability.tracing._entry import tracer_provider
from pellucid.observability.tracing._environment import ChildEnvironment
from pellucid.observability.tracing._propagation import (
    RemoteParent,
    format_parent,
    parse_parent,
    parse_state,
    propagates,
    remote_parent,
)
from pellucid.observability.tracing._sampling import is_sampled
from pellucid.observability.tracing._shared import Redacts
from pellucid.observability.tracing._tracing import Tracing

if TYPE_CHECKING:
    from pellucid.observability.tracing._unbundling import SpansOfBundles, sealed_spans

__all__ = [
    "LOST",
    "ChildEnvironment",
    "Redacts",
    "RemoteParent",
    "SpanEncoder",
    "SpansOfBundles",
    "Tracing",
    "format_parent",
    "is_sampled",
    "parse_parent",
    "parse_state",
    "propagates",
    "remote_parent",
    "seal",
    "sealed_spans",
    "suppressed",
    "tracer_provider",
]

# What a run has no use for is imported when it is asked for.
__getattr__ = names_from(__name__, {"_unbundling": ("SpansOfBundles", "sealed_spans")})
