"""Secrets get into a run everywhere, and come out of it nowhere; nor does anything that forges or floods a line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.backends import Answer, HttpBackend
from tests.support.observed import RUN, observed_project
from tests.support.planted import (
    BODY,
    FORBIDDEN,
    PLACES,
    SECRETS,
    command_line,
    environment,
    free_port,
    planted,
    planted_project,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.observed import Observed

pytestmark = pytest.mark.processes

COMMANDS = (
    "runs list",
    "runs list --json",
    "runs show",
    "runs show --json",
    "runs show last-failed",
    "runs diff last last-failed",
    "runs export",
    "telemetry status",
    "telemetry status --json",
    "telemetry doctor",
    "telemetry doctor --json",
)


def found_in(place: str, data: bytes) -> list[str]:
    return [f"{name} in {place}" for name, text in FORBIDDEN.items() if text.encode() in data]


def files_of(observed: Observed) -> dict[str, bytes]:
    folder = observed.path / ".pellucid"
    files = {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}
    return {**files, "page": (observed.path / "data/page.txt").read_bytes()}


def command(observed: Observed, line: str, variables: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "pellucid", *line.split()],
        cwd=observed.path,
        env={**os.environ, **variables},
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("kind", ["sequential", pytest.param("spawn", marks=pytest.mark.long)])
def test_no_secret_comes_out(tmp_path: Path, kind: str) -> None:
    """Of a run that succeeds, one whose node fails and one whose dataset fails: no output, file or payload has any."""
    assert len(PLACES) >= 30
    with HttpBackend(behaviours=(Answer(200),)) as backend:
        port = free_port()
        observed = planted_project(tmp_path / "project", backend.port, port)
        variables = environment(backend.port, port)
        leaks: list[str] = []
        for name, pipeline, fails in (("good", "double", ""), ("bad", "double", "1"), ("broken", "broken", "")):
            code, out, err = observed.run(kind, planted(BODY), PIPELINE=pipeline, FAILS=fails, **variables)
            assert code == (0 if name == "good" else 1), err
            assert '"event":"telemetry.closed"' in err.replace('": "', '":"'), err
            leaks += found_in(f"stdout, {name}", out.encode()) + found_in(f"stderr, {name}", err.encode())
        later = {"SET_LATER_PASSWORD": SECRETS["environment_set_later"]}
        done = command(observed, command_line(), {**observed.environment(), **variables, **later})
        assert done.returncode == 0, done.stderr
        leaks += found_in("pellucid run", done.stdout + done.stderr)
        for line, fails in ((command_line(), "1"), (f"{command_line()} --traceback", "1"), ("run -p broken", "")):
            done = command(observed, line, {**observed.environment(), **variables, **later, "FAILS": fails})
            assert (done.returncode, b"The node '" in done.stderr) == (1, True), done.stderr
            leaks += found_in(f"{line}, on the terminal", done.stdout + done.stderr)
        files = files_of(observed)
        assert {"history.db", "metrics.db", "logs/pellucid.jsonl", "metrics.prom", "page"} <= files.keys()
        assert b"pellucid_node_runs_total" in files["page"]
        for path, data in files.items():
            leaks += found_in(path, data)
        results = [each.result for each in observed.runs()]
        assert results == [*["failure"] * 3, "success", "failure", "failure", "success"]
        for line in COMMANDS:
            done = command(observed, line, {**observed.environment(), **variables})
            if "--json" not in line:
                assert done.returncode == 0 or "doctor" in line, (line, done.stderr)
            leaks += found_in(line, done.stdout + done.stderr)
        requests = list(backend.requests)
    assert {each.path.partition("/job/")[0] for each in requests} >= {"/v1/traces", "/v1/logs", "/metrics"}
    for request in requests:
        leaks += found_in(f"body for {request.path}", request.body + request.path.encode())
    assert not leaks, "\n".join(sorted(set(leaks)))
    spans = [span.name for request in requests if request.path == "/v1/traces" for span in request.spans]
    assert {"use", "end", "measure"} <= set(spans)


FORGING = r"""
import logging
from opentelemetry import trace
from pellucid.pipeline import node, pipeline

EVIL = "\nFORGED \r\nFORGED\x1b[2J\x1b]0;FORGED\x07 \u2028FORGED \u2029FORGED \x85FORGED \x00\x0bFORGED\x0c"
EVIL += "\u202eFORGED\x9b31m"

class Evil(Exception):
    __qualname__ = __name__ = "Evil\nFORGED"

def forge(raw, parameters):
    extra = {"field" + EVIL: EVIL, "nested": {EVIL: [EVIL]}}
    logging.getLogger("evil" + EVIL).warning("It %s" + EVIL, EVIL, extra=extra)
    logging.getLogger("pellucid.events").warning("node.failed" + EVIL, extra={"event": EVIL, "node": EVIL})
    with trace.get_tracer("evil" + EVIL).start_as_current_span("span" + EVIL, attributes={"key" + EVIL: EVIL}) as span:
        span.add_event("event" + EVIL)
        span.set_status(trace.StatusCode.ERROR, EVIL)
    return EVIL

def fail(forged):
    try:
        raise KeyError(EVIL)
    except KeyError as error:
        raise Evil(EVIL, EVIL) from error

def create_pipeline(**kwargs):
    return pipeline([
        node(forge, ["raw_orders", "parameters"], "forged" + EVIL.replace("\x00", ""), name="forge"),
        node(fail, "forged" + EVIL.replace("\x00", ""), "never", name="fail"),
    ])
"""
QUIETLY = (
    f"try:\n{''.join('    ' + line + chr(10) for line in RUN.strip().splitlines())}except Exception:\n    sys.exit(1)\n"
)
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]")


def check_lines(place: str, text: str) -> None:
    """Check that nothing in a text controls a terminal, and that nobody's text begins a line."""
    assert CONTROL.findall(text) == [], place
    forged = [line for line in text.split("\n") if line.lstrip().startswith("FORGED")]
    assert forged == [], place


@pytest.mark.parametrize("form", ["json", "console"])
def test_nothing_forges_a_line(tmp_path: Path, form: str) -> None:
    """Line ends, escapes and marks of direction in any text show as escapes, in every sink and command."""
    observed = observed_project(
        tmp_path / "project", nodes=FORGING, parameters='evil: "a\\nFORGED \\e[31m\\L FORGED"\n'
    )
    observed.configure(
        f"logging: {{level: DEBUG, stderr: {form}}}\nmetrics: {{textfile: metrics.prom}}\nexit_budget_seconds: 20\n"
    )
    code, out, err = observed.run("sequential", QUIETLY)
    assert (code, out) == (1, ""), err
    assert "FORGED" in err
    log = (observed.path / ".pellucid/logs/pellucid.jsonl").read_bytes().decode()
    for text in (log, *([err] if form == "json" else [])):
        lines = [json.loads(line) for line in text.rstrip("\n").split("\n")]
        assert all(line["logger"] and line["event"] and line["timestamp"] for line in lines)
        assert [line["event"] for line in lines if line["logger"] == "pellucid.events"].count("node.failed") == 1
    check_lines("log", log)
    check_lines("stderr", err)
    check_lines("textfile", (observed.path / "metrics.prom").read_text())
    for line in ("runs list", "runs show", "runs show --json", "runs export", "telemetry status"):
        done = command(observed, line, observed.environment())
        assert done.returncode == 0, done.stderr
        check_lines(line, done.stdout.decode() + done.stderr.decode())
    for span in observed.spans():
        assert CONTROL.findall(span.name) == []
        texts = [str(each) for key, each in span.attributes.items() if key != "exception.stacktrace"]
        assert [CONTROL.findall(text) for text in [*span.attributes, *texts] if CONTROL.search(text)] == []


HUGE = """
import logging
from opentelemetry import trace
from pellucid.pipeline import node, pipeline

class Hostile:
    def __repr__(self): raise RuntimeError("no repr")
    __str__ = __len__ = __iter__ = __format__ = __bool__ = __repr__

class HostileError(Exception):
    def __str__(self): raise RuntimeError("no text")
    __repr__ = __str__

def flood(raw, parameters):
    huge = "x" * 100_000_000
    logger = logging.getLogger(__name__)
    logger.warning(huge)
    logger.warning("It is %s", huge, extra={"field": huge, "many": [huge] * 1000, huge[:1_000_000]: 1})
    logger.warning("This is %s and %r", Hostile(), Hostile(), extra={"hostile": Hostile()})
    with trace.get_tracer("mine").start_as_current_span(huge[:1_000_000]) as span:
        span.set_attribute("huge", huge)
        for number in range(300):
            span.set_attribute(f"a{number}", number)
    return Hostile()

def fail(hostile):
    huge = "y" * 100_000_000
    try:
        raise HostileError(hostile, huge)
    except HostileError as error:
        raise ValueError(huge) from error

def create_pipeline(**kwargs):
    return pipeline([
        node(flood, ["raw_orders", "parameters"], "hostile", name="flood"),
        node(fail, "hostile", "never", name="fail"),
    ])
"""
HUGE_RUN = QUIETLY.replace("KedroSession.create()", "KedroSession.create(runtime_params={{'big': 'z' * 100_000_000}})")


def test_huge_and_hostile_values_are_bounded(tmp_path: Path) -> None:
    """Texts of 100 MB, and objects that cannot be shown, cost neither disk nor the run."""
    catalog = "raw_orders: {type: text.TextDataset, filepath: data/raw_orders.txt}\n"
    catalog += "hostile: {type: MemoryDataset, copy_mode: assign}\n"
    observed = observed_project(tmp_path / "project", nodes=HUGE, catalog=catalog)
    observed.configure("logging: {level: DEBUG, stderr: json}\nexit_budget_seconds: 20\n")
    code, out, err = observed.run("sequential", HUGE_RUN)
    assert (code, out) == (1, ""), err[-2000:]
    assert len(err) < 500_000
    sizes = {each: each.stat().st_size for each in (observed.path / ".pellucid").rglob("*") if each.is_file()}
    assert sum(sizes.values()) < 2_000_000, sizes
    lines = [json.loads(line) for line in err.rstrip("\n").split("\n")]
    assert max(map(len, err.split("\n"))) < 200_000
    assert "HostileError" in next(each for each in lines if each["event"] == "node.failed")["traceback"]
    spans = {span.name[:10]: span for span in observed.spans()}
    assert spans["fail"].error_type == "ValueError"
    assert len(spans["xxxxxxxxxx"].attributes) <= 130
    done = command(observed, "runs show", observed.environment())
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) < 50_000


REFUSING = """
import logging
from pellucid.io import AbstractDataset

class Table(AbstractDataset):
    def __init__(self, credentials):
        logging.getLogger("driver").warning("Logging in with %s.", credentials["phrase"])
        raise ValueError(f"rejected {credentials['phrase']}")

    def _load(self): ...
    def _save(self, data): ...
    def _describe(self): return {}
"""


def test_credentials_are_known_before_any_dataset_is_made(tmp_path: Path) -> None:
    """What a dataset's constructor logs and raises has none: datasets are made when the catalog is there."""
    observed = observed_project(tmp_path / "project")
    package = observed.project.package
    observed.project.module("tables", REFUSING)
    observed.project.write(
        "conf/base/catalog.yml", f"raw_orders: {{type: {package}.tables.Table, credentials: warehouse}}\n"
    )
    observed.project.write("conf/local/credentials.yml", "warehouse: {phrase: correct horse battery}\n")
    code, _, err = observed.run("sequential", QUIETLY)
    assert code == 1
    assert "Logging in with <redacted>." in err
    assert "rejected <redacted>" in err
    assert "correct horse" not in err
    assert all(b"correct horse" not in each.read_bytes() for each in (observed.path / ".pellucid").rglob("*.*"))
