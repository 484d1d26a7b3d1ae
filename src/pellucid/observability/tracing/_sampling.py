"""Whether a trace is to be delivered, decided once, at its beginning.

Source: OpenTelemetry SDK specification, "Built-in samplers"; general SDK configuration, ``OTEL_TRACES_SAMPLER``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pellucid.observability.options import TracingOptions
    from pellucid.observability.tracing._propagation import RemoteParent

_GROUP = "opentelemetry_traces_sampler"
_PARENT_BASED = "parentbased_"
_ROOTS = ("always_on", "always_off", "traceidratio")


def is_native(sampler: str) -> bool:
    """Tell whether a sampler needs no library."""
    return sampler.strip().lower().removeprefix(_PARENT_BASED) in _ROOTS


def is_sampled(options: TracingOptions, trace_id: bytes, parent: RemoteParent | None = None) -> bool:
    """Return the decision of the sampler that is configured.

    Args:
        options: with the sampler's name: always_on, always_off, traceidratio, any of them after ``parentbased_``, or
            the name of one that is installed for OpenTelemetry's SDK; and its argument, for traceidratio the ratio,
            which is 1 if that is no number from 0 to 1.
        trace_id: 16 bytes.
        parent: the span of another process that the trace began with.

    Returns:
        whether the trace is to be delivered; True for a sampler that is unknown or that fails.
    """
    sampler, argument = options.sampler, options.sampler_argument
    name = sampler.strip().lower()
    if not is_native(name):
        return _foreign(sampler.strip(), argument, trace_id, parent)
    if name.startswith(_PARENT_BASED):
        if parent is not None:
            return parent.sampled
        name = name.removeprefix(_PARENT_BASED)
    if name == "traceidratio":
        return int.from_bytes(trace_id[8:], "big") < round(_ratio(argument) * (1 << 64))
    return name == "always_on"


def _ratio(argument: str) -> float:
    try:
        ratio = float(argument)
    except ValueError:
        return 1.0
    return ratio if not math.isnan(ratio) and 0 <= ratio <= 1 else 1.0


def _foreign(name: str, argument: str, trace_id: bytes, parent: RemoteParent | None) -> bool:
    from importlib.metadata import entry_points

    try:
        for found in entry_points(group=_GROUP, name=name):
            sampler = found.load()(argument)
            result = sampler.should_sample(_context(parent), int.from_bytes(trace_id, "big"), "session")
            return bool(result.decision.is_sampled())
    except Exception:
        return True
    return True


def _context(parent: RemoteParent | None) -> Any:
    from opentelemetry import trace
    from opentelemetry.context import Context

    if parent is None:
        return Context()
    remote = trace.SpanContext(
        int.from_bytes(parent.trace_id, "big"),
        int.from_bytes(parent.span_id, "big"),
        is_remote=True,
        trace_flags=trace.TraceFlags(int(parent.sampled)),
        trace_state=trace.TraceState.from_header([parent.trace_state]),
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(remote), Context())
