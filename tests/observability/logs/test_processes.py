"""Real pipes, terminals and deaths."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.logs import lines_of, log_file

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes

CHILD = """
import logging, sys, time
from pathlib import Path
from tests.support.logs import logged, recording_in, runtime_logging, span_of
folder, form, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with runtime_logging(), logged(recording_in(folder, stderr=form)) as (hooks, _):
    for number in range(count):
        hooks.on_span_ended(span_of("node", node=f"node{number}"))
        logging.getLogger("demo").info("message \\x1b[2J %d", number)
    ended = time.monotonic()
print(time.monotonic() - ended)
"""


def started(folder: Path, form: str, count: int, **given: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CHILD, folder, form, str(count)], stdout=subprocess.PIPE, **given)


def test_a_pipe_that_nobody_reads_delays_the_end_by_two_seconds_at_most(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with started(tmp_path, "json", 2000, stderr=writing) as process:
        os.close(writing)
        late, _ = process.communicate(timeout=60)
    os.close(reading)
    assert process.returncode == 0
    assert float(late) < 2
    events = lines_of(log_file(tmp_path))
    assert len([each for each in events if each["event"] == "node.finished"]) == 2000
    told = [each["event"] for each in events if each["logger"] == "pellucid.telemetry"]
    assert told == ["Log lines for stderr are dropped, as nobody reads it."]


def test_stderr_that_is_closed_changes_nothing(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with started(tmp_path, "json", 5, stderr=writing) as process:
        os.close(writing)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert len(lines_of(log_file(tmp_path))) == 12  # the lines, that stderr is closed, and the last one


def test_a_program_without_stderr_logs_to_the_file(tmp_path: Path) -> None:
    code = (
        f"import os; os.close(2); os.execv({sys.executable!r}, [{sys.executable!r}, '-c', {CHILD!r}, *os.sys.argv[1:]])"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path, "auto", "5"], check=False, timeout=60)
    assert done.returncode == 0
    assert len(lines_of(log_file(tmp_path))) == 11


def test_a_pipe_gets_json_that_parses(tmp_path: Path) -> None:
    with started(tmp_path, "auto", 500, stderr=subprocess.PIPE) as process:
        _, errors = process.communicate(timeout=60)
    assert [json.loads(line) for line in errors.splitlines()] == lines_of(log_file(tmp_path))


@pytest.mark.parametrize("colour", [True, False])
def test_a_terminal_gets_lines_for_people(tmp_path: Path, colour: bool) -> None:
    parent, child = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm"}
    with started(
        tmp_path, "auto", 1, stderr=child, env={**environment, **({} if colour else {"NO_COLOR": "1"})}
    ) as process:
        os.close(child)
        received = b""
        while True:
            try:
                received += os.read(parent, 65536)
            except OSError:  # the other end is closed
                break
        process.communicate(timeout=60)
    os.close(parent)
    text = received.decode()
    assert "node0 succeeded in 0.250 s" in text
    assert "demo: message " in text
    assert "\x1b[2J" not in text
    assert ("\x1b[32m" in text) is colour
    assert text.count("\r\n") == 3


def test_a_killed_process_leaves_whole_lines(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    path = log_file(tmp_path)
    with started(tmp_path, "off", 10**9, stderr=writing) as process:
        os.close(writing)
        deadline = time.monotonic() + 60
        while not path.exists() or path.stat().st_size < 100_000:
            assert time.monotonic() < deadline
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    os.close(reading)
    lines = path.read_bytes().split(b"\n")
    assert lines[-1] == b""
    assert len([json.loads(line) for line in lines[:-1]]) > 100
