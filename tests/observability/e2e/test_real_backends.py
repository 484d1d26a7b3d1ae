"""Whole runs, and the backends that other people wrote."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from tests.support.backends import HttpBackend
from tests.support.external import binary, eventually, fetch, node_exporter, prometheus, pushgateway
from tests.support.faults import ACT, SPANS, Faulty, faulty_project, wait_for
from tests.support.rotel import rotel

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.external, pytest.mark.processes]

RUNS = 'pellucid_pipeline_runs_total{pipeline="__default__",result="success"}'
WAITS = "while not os.path.exists('go'): time.sleep(0.02)"


@pytest.fixture
def faulty(tmp_path: Path) -> Faulty:
    return faulty_project(tmp_path / "project")


def asked(port: int, api: str, **parameters: str) -> Any:
    """Return the data of an answer of Prometheus's API, if there is some."""
    reply = fetch(port, f"/api/v1/{api}?{urlencode(parameters)}")
    assert reply.status == 200, reply.body
    data = json.loads(reply.body)["data"]
    return data["result"] if isinstance(data, dict) else data


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def assert_promtool_agrees(page: bytes) -> None:
    """Hold that promtool has no objection."""
    checked = subprocess.run(
        [binary("promtool"), "check", "metrics"], input=page, capture_output=True, check=False, timeout=60
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def sample(page: bytes, pattern: str) -> float:
    """Return the value of the one sample whose name and labels match."""
    [found] = re.findall(rf"^{pattern} (\S+)$", page.decode(), re.MULTILINE)
    return float(found)


@pytest.mark.parametrize("kind", ["sequential", "fork"])
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_rotel_receives_a_run(tmp_path: Path, faulty: Faulty, protocol: str, kind: str) -> None:
    """The spans of the history, each of them as it is there, and the log lines."""
    with HttpBackend() as backend, rotel(tmp_path, backend.url) as (http, grpc):
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{grpc if protocol == 'grpc' else http}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OTEL_LOGS_EXPORTER": "otlp",
        }
        faulty.configure("exit_budget_seconds: 20\n")
        ended = faulty.watched(kind, "command", **variables)
        assert ended.code == 0, ended.err
        assert ended.last_line["delivered"] == ended.last_line["spans"] == SPANS

        def passed_on() -> dict[bytes, Any]:
            spans = [span for one in list(backend.taken) if "traces" in one.path for span in one.spans]
            assert len({span.span_id for span in spans}) == len(spans)
            return {span.span_id: span for span in spans} if len(spans) >= SPANS else {}

        received = eventually(passed_on, "rotel passes all spans on")
        eventually(lambda: any("logs" in one.path for one in list(backend.taken)), "rotel passes the logs on")
    stored = {span.span_id: span for span in faulty.all_spans()}
    assert received.keys() == stored.keys()
    for span_id, span in stored.items():
        other = received[span_id]
        assert (other.name, other.parent_span_id, other.trace_id) == (span.name, span.parent_id, span.trace_id)
        assert (other.start_time_unix_nano, other.end_time_unix_nano) == (span.started_ns, span.ended_ns)
        assert {each.key for each in other.attributes} == set(span.attributes)


def test_prometheus_scrapes_a_run_while_it_lasts(tmp_path: Path, faulty: Faulty) -> None:
    """Counters of what has ended, the gauge of what goes on, and exemplars that lead to the trace."""
    target = free_port()
    faulty.configure(f"metrics: {{scrape: true, scrape_port: {target}}}\nspool: {{roll_seconds: 0.2}}\n")
    assert faulty.watched().code == 0
    process = faulty.start("sequential", "command", **{ACT: WAITS})
    wait_for(process, lambda: any(line.startswith("busy") for line in faulty.notes()))
    try:
        with prometheus(tmp_path, target) as port:
            query = 'pellucid_node_runs_total{node="clean",result="success"} == 2'
            [found] = eventually(lambda: asked(port, "query", query=query), "Prometheus has scraped")
            assert found["metric"]["pipeline"] == "__default__"
            [active] = asked(port, "query", query="pellucid_pipeline_runs_active")
            assert (active["metric"]["pipeline"], active["value"][1]) == ("__default__", "1")
            [before] = asked(port, "query", query=RUNS)
            assert before["value"][1] == "1"
            now = time.time()
            span = {"start": str(now - 600), "end": str(now + 600)}
            name = "pellucid_node_run_duration_seconds_bucket"
            series = eventually(lambda: asked(port, "query_exemplars", query=name, **span), "the exemplars are there")
            traces = {each["labels"]["trace_id"] for one in series for each in one["exemplars"]}
            assert faulty.runs()[-1].trace_id.hex() in traces or len(traces) >= 1
            page = fetch(target, "/metrics").body
    finally:
        (faulty.path / "go").touch()
        ended = faulty.ended(process)
    assert ended.code == 0, ended.err
    assert_promtool_agrees(page)
    assert {run.trace_id.hex() for run in faulty.runs()} >= traces
    with pytest.raises(OSError, match="refused"):
        fetch(target, "/metrics")


def runs_in_a_row(faulty: Faulty) -> None:
    """Run it once, and then twice at once."""
    assert faulty.watched("sequential", "command").code == 0
    together = [faulty.start("sequential", "command"), faulty.start("fork", "command")]
    assert [faulty.ended(each).code for each in together] == [0, 0]


def assert_counts(page: bytes, runs: int, further: str = "") -> None:
    labels = rf'{{{further}pipeline="__default__",result="success"}}'
    assert sample(page, f"pellucid_pipeline_runs_total{labels}") == runs
    assert sample(page, f"pellucid_pipeline_run_duration_seconds_count{labels}") == runs
    for name in ("clean", "add_up", "scale", "report"):
        labels = rf'{{{further}node="{name}",pipeline="__default__",result="success"}}'
        assert sample(page, f"pellucid_node_runs_total{labels}") == runs


def test_node_exporter_serves_what_short_runs_counted(tmp_path: Path, faulty: Faulty) -> None:
    """The counters of three runs, two of them at once, are exact."""
    folder = tmp_path / "textfiles"
    folder.mkdir()
    faulty.configure(f"metrics: {{textfile: '{folder / 'pellucid.prom'}'}}\nexit_budget_seconds: 10\n")
    with node_exporter(tmp_path, folder) as port:
        runs_in_a_row(faulty)
        page = (folder / "pellucid.prom").read_bytes()
        assert_counts(page, 3)
        assert_promtool_agrees(page)
        served = fetch(port, "/metrics").body
        assert_counts(served, 3)
        assert b"node_textfile_scrape_error 0\n" in served
        assert faulty.watched().code == 0
        assert_counts(fetch(port, "/metrics").body, 4)


def test_pushgateway_gets_what_short_runs_counted_and_prometheus_scrapes_it(tmp_path: Path, faulty: Faulty) -> None:
    with pushgateway(tmp_path) as gateway:
        faulty.configure(f"metrics: {{pushgateway: 'http://127.0.0.1:{gateway}'}}\nexit_budget_seconds: 10\n")
        runs_in_a_row(faulty)
        [group] = json.loads(fetch(gateway, "/api/v1/metrics").body)["data"]
        assert group["labels"]["job"] == "observed_project"
        assert group["last_push_successful"] is True
        served = fetch(gateway, "/metrics").body
        labels = {name: value for name, value in group["labels"].items() if name != "job"}
        instance = f'instance="{labels.get("instance", "")}",job="observed_project",'
        assert_runs_at_the_gateway(served, instance, 3)
        own = b"\n".join(line for line in served.splitlines() if b"pellucid_" in line) + b"\n"
        assert_promtool_agrees(own)
        with prometheus(tmp_path, gateway) as port:
            [found] = eventually(lambda: asked(port, "query", query=RUNS), "Prometheus has scraped")
            assert (found["metric"]["job"], found["value"][1]) == ("observed_project", "3")


def assert_runs_at_the_gateway(page: bytes, further: str, runs: int) -> None:
    labels = rf'{{{further}pipeline="__default__",result="success"}}'
    assert sample(page, f"pellucid_pipeline_runs_total{labels}") == runs
