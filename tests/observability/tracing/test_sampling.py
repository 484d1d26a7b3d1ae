"""What is sampled here is what OpenTelemetry's SDK would sample."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import sampling

from pellucid.observability.options import TracingOptions
from pellucid.observability.tracing import RemoteParent, is_sampled

IDS = st.binary(min_size=16, max_size=16).filter(any)
NAMES = ["always_on", "always_off", "traceidratio"]
BOTH = [*NAMES, *[f"parentbased_{each}" for each in NAMES]]


def theirs(name: str, ratio: float) -> sampling.Sampler:
    root = {
        "always_on": sampling.ALWAYS_ON,
        "always_off": sampling.ALWAYS_OFF,
        "traceidratio": sampling.TraceIdRatioBased(ratio),
    }[name.removeprefix("parentbased_")]
    return sampling.ParentBased(root) if name.startswith("parentbased_") else root


@given(st.sampled_from(BOTH), st.floats(0, 1), IDS, st.sampled_from([None, False, True]))
def test_decisions_are_those_of_the_sdk(name: str, ratio: float, trace_id: bytes, parent: bool | None) -> None:
    context, ours = Context(), None
    if parent is not None:
        remote = trace.SpanContext(
            int.from_bytes(trace_id, "big"), 1, is_remote=True, trace_flags=trace.TraceFlags(int(parent))
        )
        context = trace.set_span_in_context(trace.NonRecordingSpan(remote), context)
        ours = RemoteParent(trace_id, b"\x01" * 8, parent)
    result = theirs(name, ratio).should_sample(context, int.from_bytes(trace_id, "big"), "session")
    options = TracingOptions(sampler=name, sampler_argument=repr(ratio))

    assert is_sampled(options, trace_id, ours) is (result.decision is sampling.Decision.RECORD_AND_SAMPLE)


@pytest.mark.parametrize("argument", ["", "half", "nan", "-0.1", "1.1", "inf"])
def test_a_ratio_that_is_none_takes_all(argument: str) -> None:
    assert is_sampled(TracingOptions(sampler="traceidratio", sampler_argument=argument), b"\xff" * 16)


def test_names_are_read_leniently() -> None:
    assert not is_sampled(TracingOptions(sampler=" Always_Off "), b"\x01" * 16)


def test_an_unknown_sampler_takes_all() -> None:
    assert is_sampled(TracingOptions(sampler="nobody_has_it"), b"\x01" * 16)


class OddIds(sampling.Sampler):
    """Takes traces with odd ids, and what a sampled parent with a state asks for."""

    def __init__(self, argument: str) -> None:
        self.argument = argument
        if argument == "broken":
            raise ValueError

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: trace.SpanKind | None = None,
        attributes: Any = None,
        links: Any = None,
        trace_state: trace.TraceState | None = None,
    ) -> sampling.SamplingResult:
        parent = trace.get_current_span(parent_context).get_span_context()
        wanted = parent.trace_flags.sampled and parent.trace_state.get("ask") == self.argument
        taken = bool(trace_id % 2) or wanted
        return sampling.SamplingResult(sampling.Decision.RECORD_AND_SAMPLE if taken else sampling.Decision.DROP)

    def get_description(self) -> str:
        return "OddIds"


def test_a_sampler_of_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is installed for the SDK is used with its argument, and its faults take all."""
    found = EntryPoint("odd_ids", "tests_odd_ids:OddIds", "opentelemetry_traces_sampler")
    monkeypatch.setattr(EntryPoint, "load", lambda self: OddIds)
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda **wanted: [found] if wanted["name"] == "odd_ids" else []
    )
    odd = TracingOptions(sampler="odd_ids", sampler_argument="yes")

    assert is_sampled(odd, b"\x01" * 16)
    assert not is_sampled(odd, b"\x02" * 16)
    assert is_sampled(odd, b"\x02" * 16, RemoteParent(b"\x02" * 16, b"\x02" * 8, True, "ask=yes"))
    assert not is_sampled(odd, b"\x02" * 16, RemoteParent(b"\x02" * 16, b"\x02" * 8, True, "ask=no"))
    assert is_sampled(TracingOptions(sampler="odd_ids", sampler_argument="broken"), b"\x02" * 16)
