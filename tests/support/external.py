"""Real servers, started on loopback with ports of their own: from Debian's packages, where they are installed.

A test that needs one takes a fixture that begins with ``binary``, and carries the marker ``external``.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REQUIRED = "PELLUCID_TEST_REQUIRE_EXTERNAL"
START_SECONDS = 60.0
PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-pushgateway": "prometheus-pushgateway",
    "prometheus-node-exporter": "prometheus-node-exporter",
}

T = TypeVar("T")


def binary(name: str) -> str:
    """Return the path of a program; the test is skipped where there is none, or fails if none may be missing."""
    found = shutil.which(name)
    if found is not None:
        return found
    text = f"'{name}' is not installed (Debian's package {PACKAGES.get(name, name)})"
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{text}, and {REQUIRED} is set")
    pytest.skip(text)


def eventually(read: Callable[[], T | None], what: str, seconds: float = START_SECONDS) -> T:
    """Return what ``read`` returns once it is something: other processes do their work when they come to it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = read()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"{what}: not within {seconds:g} s")


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    fields: dict[str, str]
    body: bytes


def fetch(port: int, path: str, *, method: str = "GET", timeout_seconds: float = 30.0, **fields: str) -> Reply:
    """Send one request to a port of the loopback; an underscore in a field's name stands for a dash."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_seconds)
    with contextlib.closing(connection):
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in fields.items()})
        with connection.getresponse() as response:
            names = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, names, response.read())


@contextlib.contextmanager
def running(command: list[str], log: Path, listening: str) -> Iterator[int]:
    """Run a server for the length of the block, and yield the port that it took.

    Args:
        command: that starts it, with port 0.
        log: for what it prints; shown if it does not start.
        listening: a pattern of the line that tells the port, which is its first group.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield _port_of(process, log, listening)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _port_of(process: subprocess.Popen[bytes], log: Path, listening: str) -> int:
    def told() -> int | None:
        found = re.search(listening, log.read_text("utf-8", "replace"))
        if found is None and process.poll() is not None:
            pytest.fail(f"{process.args!r} ended with {process.returncode}:\n{log.read_text('utf-8', 'replace')}")
        return int(found[1]) if found else None

    end = time.monotonic() + START_SECONDS
    while (port := told()) is None:
        if time.monotonic() > end:
            pytest.fail(f"{process.args!r} does not tell its port:\n{log.read_text('utf-8', 'replace')}")
        time.sleep(0.05)
    return port


GO_LISTENING = r'msg="Listening on" address=127\.0\.0\.1:(\d+)'
"""How Prometheus and what belongs to it tell their port."""


@contextlib.contextmanager
def prometheus(folder: Path, target: int) -> Iterator[int]:
    """Run a Prometheus that scrapes a port of the loopback, exemplars too, as the job ``demo``.

    Labels of the target's are kept, as for a Pushgateway they have to be.
    """
    program, folder = binary("prometheus"), folder / "prometheus"
    folder.mkdir()
    config = folder / "prometheus.yml"
    job = f"{{job_name: demo, honor_labels: true, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}"
    config.write_text(f"global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs: [{job}]\n", "utf-8")
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--web.listen-address=127.0.0.1:0",
        "--enable-feature=exemplar-storage",
    ]
    with running(command, folder / "log", GO_LISTENING) as port:
        eventually(lambda: fetch(port, "/-/ready").status == 200, "Prometheus is ready")
        yield port


@contextlib.contextmanager
def pushgateway(folder: Path) -> Iterator[int]:
    """Run a Pushgateway."""
    # Without a file: Debian's default would keep, in a folder of the system, what is pushed.
    command = [binary("prometheus-pushgateway"), "--web.listen-address=127.0.0.1:0", "--persistence.file="]
    with running(command, folder / "pushgateway.log", GO_LISTENING) as port:
        eventually(lambda: fetch(port, "/-/ready").status == 200, "Pushgateway is ready")
        yield port


@contextlib.contextmanager
def node_exporter(folder: Path, textfiles: Path) -> Iterator[int]:
    """Run a node-exporter that reads a folder of text files, and nothing else."""
    command = [
        binary("prometheus-node-exporter"),
        "--web.listen-address=127.0.0.1:0",
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={textfiles}",
    ]
    with running(command, folder / "node-exporter.log", GO_LISTENING) as port:
        yield port
