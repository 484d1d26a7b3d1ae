"""rotel, a collector of somebody else's, as a process on the loopback that passes on what it receives."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.external import REQUIRED

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 30.0


def program() -> Path:
    """Return the collector's binary; without it the test is skipped, or fails if it may not be missing."""
    spec = importlib.util.find_spec("rotel")
    found = None if spec is None or spec.origin is None else Path(spec.origin).parent / "rotel-agent"
    if found is not None and found.exists():
        return found
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"'rotel' is not installed, and {REQUIRED} is set")
    pytest.skip("'rotel' is not installed (PyPI's package rotel)")


@contextlib.contextmanager
def rotel(folder: Path, next_url: str) -> Iterator[tuple[int, int]]:
    """Run a collector for the length of the block; yield its ports for HTTP and for gRPC.

    Args:
        folder: for its files.
        next_url: where it sends traces, and logs, by http/protobuf.
    """
    ports = _free_ports(2)
    command = [
        str(program()),
        "start",
        f"--pid-file={folder / 'rotel.pid'}",
        f"--log-file={folder / 'rotel.log'}",
        f"--otlp-http-endpoint=127.0.0.1:{ports[0]}",
        f"--otlp-grpc-endpoint=127.0.0.1:{ports[1]}",
        "--exporter=otlp",
        "--otlp-exporter-protocol=http",
        f"--otlp-exporter-traces-endpoint={next_url}",
        f"--otlp-exporter-logs-endpoint={next_url.replace('traces', 'logs')}",
        f"--otlp-exporter-metrics-endpoint={next_url.replace('traces', 'metrics')}",
        "--batch-timeout=50ms",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
    with (folder / "rotel.out").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        for port in ports:
            _wait_for(port, process, folder)
        yield ports[0], ports[1]
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in listeners]


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"rotel does not listen:\n{(folder / 'rotel.out').read_text('utf-8', 'replace')}")
