"""The commands that show, deliver and check what is kept."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import pytest
from click.testing import CliRunner, Result
from tests.support.flow import span, written

from pellucid.observability._cli.telemetry import commands
from pellucid.observability.flow import Backlog
from pellucid.observability.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Project(NamedTuple):
    project_path: Path
    package_name: str = "demo"


class _Backend(BaseHTTPRequestHandler):
    code = 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.send_response(self.code)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class _Refusing(_Backend):
    code = 400


@pytest.fixture(params=[_Backend])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), request.param)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join(10)
    server.server_close()


refusing = pytest.mark.parametrize("backend", [_Refusing], indirect=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "conf/base").mkdir(parents=True)
    (tmp_path / "conf/local").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def call(project: Path, *words: str) -> Result:
    return CliRunner().invoke(commands, ["telemetry", *words], obj=Project(project))


def configure(project: Path, text: str) -> None:
    (project / "conf/base/observability.yml").write_text(text, encoding="utf-8")


def leave_span(project: Path) -> None:
    """Leave one span, as a process does that has ended."""
    written(project / ".pellucid/spool", [span("node")], logs=False, history=False, metrics=False).close()


def checks(result: Result) -> dict[str, dict[str, str]]:
    return {each["name"]: each for each in json.loads(result.stdout)["checks"]}


def test_the_group_is_found_as_a_plugin() -> None:
    group = commands.get_command(click.Context(commands), "telemetry")
    assert isinstance(group, click.Group)
    assert sorted(group.commands) == ["doctor", "replay", "status"]


def test_nothing_is_kept_of_a_new_project(project: Path) -> None:
    result = call(project, "status")
    assert result.exit_code == 0, result.output
    assert "no process writes" in result.output
    assert "not delivered anywhere" in result.output
    result = call(project, "replay")
    assert (result.exit_code, "no endpoint is configured" in result.output) == (0, True)


def test_what_is_kept_is_shown_and_delivered(project: Path, backend: str) -> None:
    configure(project, f"tracing: {{otlp: {{endpoint: '{backend}/v1/traces'}}}}")
    leave_span(project)
    before = json.loads(call(project, "status", "--json").stdout)
    assert before["to_collect"]["files"] == 1
    assert before["signals"]["traces"]["endpoint"] == f"{backend}/v1/traces"
    result = call(project, "replay", "--json", "--timeout", "20")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["delivered"]["traces"] == 1
    after = json.loads(call(project, "status", "--json").stdout)
    assert (after["to_collect"]["files"], after["signals"]["traces"]["records"]) == (0, 0)
    assert "Traces: 0 delivered, 0 refused, 0 kept" in call(project, "replay").output


@refusing
def test_what_is_refused_is_set_aside_with_the_reason(project: Path, backend: str) -> None:
    configure(project, f"tracing: {{otlp: {{endpoint: '{backend}/v1/traces'}}}}")
    leave_span(project)
    assert call(project, "replay", "--timeout", "20").exit_code == 1
    found = json.loads(call(project, "status", "--json").stdout)["quarantine"]
    assert found["files"] == 1
    assert "400" in "".join(found["reasons"].values())
    assert "400" in call(project, "status").output


@refusing
def test_what_was_refused_is_tried_again_when_that_is_asked(
    project: Path, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(project, f"tracing: {{otlp: {{endpoint: '{backend}/v1/traces'}}}}")
    leave_span(project)
    assert call(project, "replay", "--timeout", "20").exit_code == 1
    assert call(project, "replay", "--timeout", "20").exit_code == 0, "nothing waits"
    again = call(project, "replay", "--refused", "--timeout", "20", "--json")
    assert json.loads(again.stdout)["refused"]["traces"] == 1
    assert json.loads(call(project, "status", "--json").stdout)["quarantine"]["files"] == 1
    monkeypatch.setattr(_Refusing, "code", 200)  # the backend has learned to take it
    taken = call(project, "replay", "--refused", "--timeout", "20", "--json")
    assert (taken.exit_code, json.loads(taken.stdout)["delivered"]["traces"]) == (0, 1)
    assert not [each for each in (project / ".pellucid/spool/quarantine").iterdir() if each.is_file()]


def test_what_a_store_could_not_take_is_shown(project: Path) -> None:
    assert "History     nothing waits" in call(project, "status").output
    written(project / ".pellucid/spool", [span("node")], traces=False, logs=False).close()
    for name in ("history", "metrics"):
        (project / f".pellucid/{name}.db").mkdir()
    assert Backlog(project, Options()).collect(30)
    found = json.loads(call(project, "status", "--json").stdout)
    assert {name: kept["files"] for name, kept in found["stores"].items()} == {"history": 1, "totals": 1}
    assert found["to_collect"]["files"] == 0
    text = call(project, "status").output
    assert re.search(
        r"^History     1 file, \d+ B, the oldest of .*, as it could not be written to$", text, re.MULTILINE
    )
    assert re.search(r"^Totals      1 file, ", text, re.MULTILINE)


@pytest.mark.processes
def test_who_writes_is_shown(project: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pellucid.observability.spool import Limits, SegmentWriter\n"
        "writer = SegmentWriter(Path('.pellucid/spool'), b'{}', limits=Limits())\n"
        "writer.start(1, b'12345678', b'')\n"
        "print('writes', flush=True)\n"
        "sys.stdin.read()\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], cwd=project, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writes\n"
        found = call(project, "status")
        process.communicate()
    assert f"Live        process {process.pid}: 1 file, " in found.output


def test_what_cannot_be_delivered_remains(project: Path) -> None:
    configure(project, "tracing: {otlp: {endpoint: 'http://127.0.0.1:9/v1/traces'}}")
    leave_span(project)
    result = call(project, "replay", "--timeout", "2")
    assert result.exit_code == 1
    assert "1 kept" in result.output
    assert re.search(r"^  not delivered at \S+: no connection to ", call(project, "status").output, re.MULTILINE)


def test_what_no_endpoint_is_configured_for_stays_and_is_no_failure(project: Path) -> None:
    leave_span(project)
    result = call(project, "replay", "--timeout", "20")
    assert result.exit_code == 0, result.output
    assert "Traces: 0 delivered, 0 refused, 1 kept" in result.output
    assert "traces: no endpoint is configured" in result.output
    assert json.loads(call(project, "replay", "--json").stdout)["is_complete"] is True
    told = " ".join(call(project, "replay", "--help").output.split())
    assert "what no endpoint is configured for stays, and is no failure." in told


def test_a_metrics_page_that_does_not_arrive_is_a_failure(project: Path) -> None:
    configure(project, "metrics: {pushgateway: 'http://127.0.0.1:9'}")
    result = call(project, "replay", "--timeout", "5")
    assert result.exit_code == 1, result.output
    assert "  pushgateway: PushError: Metrics were not pushed to" in result.output


def test_why_the_last_delivery_failed_is_shown_until_one_succeeds(project: Path, backend: str) -> None:
    configure(project, "tracing: {otlp: {endpoint: 'http://127.0.0.1:9/v1/traces'}}")
    leave_span(project)
    assert json.loads(call(project, "status", "--json").stdout)["signals"]["traces"]["last_failure"] is None
    assert call(project, "replay", "--timeout", "2").exit_code == 1
    signals = json.loads(call(project, "status", "--json").stdout)["signals"]
    assert signals["traces"]["last_failure"].keys() == {"reason", "time"}
    assert signals["logs"]["last_failure"] is None
    configure(project, f"tracing: {{otlp: {{endpoint: '{backend}/v1/traces'}}}}")
    assert call(project, "replay", "--timeout", "60").exit_code == 0
    assert json.loads(call(project, "status", "--json").stdout)["signals"]["traces"]["last_failure"] is None


def test_the_doctor_finds_a_good_configuration_good(project: Path, backend: str) -> None:
    configure(
        project,
        f"tracing: {{otlp: {{endpoint: '{backend}/v1/traces', headers: {{key: s3cr3t}}}}}}\n"
        f"metrics: {{pushgateway: '{backend}', scrape: true, scrape_port: 0, textfile: x.prom}}",
    )
    found = call(project, "doctor", "--json")
    states = {name: each["state"] for name, each in checks(found).items()}
    expected = ("settings", "history", "spool", "textfile", "clock", "spans", "clock of spans", "pushgateway", "scrape")
    assert {name: states[name] for name in expected} == dict.fromkeys(expected, "OK"), found.stdout
    assert "s3cr3t" not in found.stdout
    settings = json.loads(found.stdout)["settings"]
    assert settings["metrics.scrape"] == {"value": "true", "origin": "conf/base/observability.yml"}


@refusing
def test_the_doctor_tells_what_is_wrong(project: Path, backend: str) -> None:
    leave_span(project)
    (project / ".pellucid/spool").chmod(0o755)
    port = backend.rpartition(":")[2]
    configure(
        project,
        f"tracing: {{sampler: x, otlp: {{endpoint: '{backend}'}}}}\nlogging: {{otlp: {{endpoint: 'http://127.0.0.1:9'}}}}\n"
        f"metrics: {{pushgateway: '{backend}', scrape: true, scrape_host: 300.0.0.1, textfile: no/x.prom}}\n"
        f"history: {{path: conf/base/observability.yml/x.db}}\nspool: {{total_bytes: {2**40}}}",
    )
    result = call(project, "doctor", "--json", "--pipeline", "none")
    found = checks(result)
    assert result.exit_code == 1
    for name in ("settings", "spans", "log records", "pushgateway", "textfile", "history", "sizes"):
        assert found[name]["state"] == "FAIL", name
    for name in ("spool", "scrape"):
        assert found[name]["state"] == "WARN", name
    assert f"port {9}" in found["log records"]["text"]
    assert port in found["spans"]["text"]
    text = call(project, "doctor")
    assert text.exit_code == 1
    assert "FAIL" in text.output
    assert "tracing.sampler " in text.output


def test_the_doctor_says_that_nothing_is_sent_or_recorded(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    result = call(project, "doctor")
    assert "nothing is recorded, by OTEL_SDK_DISABLED" in result.output
    assert "nothing is sent anywhere" in result.output


def test_outside_of_a_project_there_is_nothing_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(commands, ["telemetry", "status"]).exit_code != 0
