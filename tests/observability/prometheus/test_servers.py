"""The three ways, to the servers that they are for."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from tests.support.external import binary, eventually, fetch, node_exporter, prometheus, pushgateway
from tests.support.scrape import TRACE_ID, demo_page

from pellucid.observability.export.prometheus import PushError, ScrapeServer, push, write_textfile

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.external, pytest.mark.processes]

RUNS = 'demo_runs_total{pipeline="a \\"quoted\\" pipe}",result="success"}'


def asked(port: int, api: str, **parameters: str) -> Any:
    """Return the data of an answer of Prometheus's API, if there is some."""
    reply = fetch(port, f"/api/v1/{api}?{urlencode(parameters)}")
    assert reply.status == 200, reply.body
    data = json.loads(reply.body)["data"]
    return data["result"] if isinstance(data, dict) else data


def test_prometheus_scrapes_the_page_with_its_exemplars(tmp_path: Path) -> None:
    pages: list[str] = []
    page = demo_page()

    def noted(accept: str) -> tuple[bytes, str]:
        content, content_type = page(accept)
        pages.append(content_type)
        return content, content_type

    with ScrapeServer(noted, port=0) as server, prometheus(tmp_path, server.port) as port:
        [result] = eventually(lambda: asked(port, "query", query=RUNS), "Prometheus has scraped")
        assert result["value"][1] == "41"
        assert result["metric"]["job"] == "demo"
        [bucket] = asked(port, "query", query='demo_duration_seconds_bucket{le="1.0"}')
        assert bucket["value"][1] == "1"
        now = time.time()
        found = eventually(
            lambda: asked(
                port,
                "query_exemplars",
                query="demo_duration_seconds_bucket",
                start=str(now - 600),
                end=str(now + 600),
            ),
            "Prometheus has the exemplar",
        )
        [exemplar] = found[0]["exemplars"]
        assert exemplar["labels"] == {"trace_id": TRACE_ID}
        assert exemplar["value"] == "0.5"
        [up] = asked(port, "query", query="up")
        assert up["value"][1] == "1"
    assert pages[0].startswith("application/openmetrics-text; version=1.0.0")
    assert server.failures == server.late == 0


def test_promtool_finds_nothing_wrong_with_the_page() -> None:
    program = binary("promtool")
    with ScrapeServer(demo_page(), port=0) as server:
        page = fetch(server.port, "/metrics").body
    checked = subprocess.run([program, "check", "metrics"], input=page, capture_output=True, check=False, timeout=60)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_node_exporter_serves_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "textfiles"
    folder.mkdir()
    write_textfile(folder / "demo.prom", demo_page()("")[0])
    with node_exporter(tmp_path, folder) as port:
        served = fetch(port, "/metrics").body.decode()
        assert f"{RUNS} 41\n" in served
        assert "node_textfile_scrape_error 0\n" in served
        write_textfile(folder / "demo.prom", b"# TYPE jobs_total counter\njobs_total 2\n")
        served = fetch(port, "/metrics").body.decode()
        assert "jobs_total 2\n" in served
        assert "demo_runs_total" not in served
        assert "node_textfile_scrape_error 0\n" in served


@pytest.mark.parametrize("instance", ["a-worker", "a/b", "", "ä"])
def test_pushgateway_takes_the_push_and_prometheus_scrapes_it(tmp_path: Path, instance: str) -> None:
    with pushgateway(tmp_path) as gateway:
        body, content_type = demo_page()("")
        push(f"http://127.0.0.1:{gateway}", "etl jobs", {"instance": instance}, body, content_type, 30)
        [group] = json.loads(fetch(gateway, "/api/v1/metrics").body)["data"]
        assert group["labels"] == {"job": "etl jobs", "instance": instance}
        assert group["last_push_successful"] is True
        if instance != "a-worker":
            return
        with prometheus(tmp_path, gateway) as port:
            [result] = eventually(lambda: asked(port, "query", query=RUNS), "Prometheus has scraped")
            assert result["value"][1] == "41"
            assert (result["metric"]["job"], result["metric"]["instance"]) == ("etl jobs", "a-worker")


def test_a_push_replaces_the_group(tmp_path: Path) -> None:
    with pushgateway(tmp_path) as gateway:
        for page in (b"# TYPE old_total counter\nold_total 1\n", b"# TYPE jobs_total counter\njobs_total 2\n"):
            push(f"http://127.0.0.1:{gateway}", "etl", {}, page, "text/plain; version=0.0.4", 30)
        served = fetch(gateway, "/metrics").body
        assert b'jobs_total{instance="",job="etl"} 2\n' in served
        assert b"old_total" not in served


def test_what_pushgateway_refuses_is_told(tmp_path: Path) -> None:
    with pushgateway(tmp_path) as gateway, pytest.raises(PushError, match=r"answered 400: .*timestamp") as caught:
        push(f"http://127.0.0.1:{gateway}", "etl", {}, b"jobs_total 1 1700000000000\n", "text/plain", 30)
    assert caught.value.status == 400
