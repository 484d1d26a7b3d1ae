"""Runs at the same time, of which one has the port for the metrics page."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

from tests.support.external import fetch

from pellucid.observability.flow import Flow
from pellucid.observability.hooks._opening import open_spool
from pellucid.observability.options import MetricsOptions, Options
from pellucid.observability.recording import Recording

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def session(path: Path, port: int, host: str = "127.0.0.1") -> tuple[Recording, Flow]:
    options = Options(exit_budget_seconds=60, metrics=MetricsOptions(scrape=True, scrape_host=host, scrape_port=port))
    recording = Recording(options, path, "demo", f"session-{port}")
    return recording, Flow(recording, open_spool(recording))


def test_a_port_that_another_run_has_is_no_fault_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pellucid.telemetry")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        recording, flow = session(tmp_path, port)
        for _ in range(3):
            flow.start_background()
        (record,) = [each for each in caplog.records if each.name == "pellucid.telemetry"]
        assert (record.levelno, flow.scrape_url) == (logging.INFO, "")
        assert f"127.0.0.1 port {port} is taken" in record.getMessage()
    flow.start_background()  # of a later run in the same session, when the other one has ended
    assert fetch(port, "/metrics").status == 200
    flow.finish()
    assert recording.guard.faults == {}


def test_an_address_that_is_none_is_a_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recording, flow = session(tmp_path, 0, host="192.0.2.1")
    flow.start_background()
    assert recording.guard.faults == {"scrape": 1}
    assert "Metrics cannot be served at 192.0.2.1" in caplog.text
    flow.finish()
