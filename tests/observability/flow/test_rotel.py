"""A collector of somebody else's takes what is delivered, and passes on what was recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.backends import HttpBackend
from tests.support.external import eventually
from tests.support.flow import SESSION, header, log, span
from tests.support.rotel import rotel

from pellucid.observability.flow import Flow
from pellucid.observability.options import LoggingOptions, Options, OtlpOptions, TracingOptions
from pellucid.observability.recording import STREAM_LOGS, STREAM_SPANS, Recording
from pellucid.observability.spool import Limits, SegmentWriter

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.external
@pytest.mark.processes
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_rotel_receives_what_was_recorded(tmp_path: Path, protocol: Any, compression: Any) -> None:
    records = [span(f"{index}", padding=100) for index in range(50)]
    with HttpBackend() as backend, rotel(tmp_path, backend.url) as (http, grpc):
        target = f"http://127.0.0.1:{http}/v1/traces" if protocol != "grpc" else f"127.0.0.1:{grpc}"
        otlp = OtlpOptions(endpoint=target, protocol=protocol, compression=compression, insecure=True)
        logs = replace(otlp, endpoint=target.replace("traces", "logs"))
        options = Options(exit_budget_seconds=20, tracing=TracingOptions(otlp=otlp), logging=LoggingOptions(otlp=logs))
        writer = SegmentWriter(tmp_path / ".pellucid" / "spool", header(), limits=Limits())
        for index, record in enumerate(records):
            writer.end(STREAM_SPANS, index.to_bytes(8, "big"), record)
        writer.end(STREAM_LOGS, b"l" * 8, log("said"))
        outcome = Flow(Recording(options, tmp_path, "spaceflights", SESSION), writer).finish()
        assert (outcome.delivered, outcome.kept) == (50, 0)
        eventually(lambda: len(backend.requests) >= 2, "rotel passes both signals on")
    spans = [each.SerializeToString() for one in backend.requests if "traces" in one.path for each in one.spans]
    assert sorted(spans) == sorted(records)
    said = [each.body.string_value for one in backend.requests if "logs" in one.path for each in one.logs]
    assert said == ["said"]
