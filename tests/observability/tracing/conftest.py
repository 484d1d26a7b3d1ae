"""OpenTelemetry's API keeps one provider for a process; each test has it as if it were new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.util._once import Once
from tests.support.otlp import Stage

from pellucid.observability.current import current_span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    for name in ("OTEL_PYTHON_TRACER_PROVIDER", "TRACEPARENT", "TRACESTATE", "OTEL_PROPAGATORS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()
    assert current_span.get() is None
    assert not trace.get_current_span().get_span_context().is_valid
