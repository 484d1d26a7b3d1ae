"""The line at the bottom of a terminal."""

from __future__ import annotations

import fcntl
import os
import pickle
import pty
import re
import struct
import subprocess
import sys
import termios
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.cli import make_project

from pellucid.framework.cli._progress import ProgressDisplay, WorkerOutput, elapsed_text
from pellucid.framework.cli._terminal import BottomLine, fitted, is_terminal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NODES = """
import time

def slow(x):
    print("printed by a node")
    time.sleep(0.4)
    return x
"""
REGISTRY = """
from pellucid.pipeline import node, pipeline
from .nodes import slow

def register_pipelines():
    return {"__default__": pipeline([
        node(slow, "params:a", "b", name="the_first_node"), node(slow, "b", "c", name="the_second_node"),
    ])}
"""


def on_terminal(
    folder: Path, *args: str, columns: int = 100, environment: Mapping[str, str] | None = None, hang_up: bool = False
) -> tuple[int, str]:
    """Run the command line with a terminal for its output; return its exit code and what the terminal got."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "pellucid", *args],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=child,
        stderr=child,
        env={**os.environ, "TERM": "xterm", **(environment or {})},
    )
    os.close(child)
    received = b""
    while True:
        try:
            chunk = os.read(parent, 65536)
        except OSError:  # the other end is closed
            break
        received += chunk
        if not chunk or (hang_up and b"the_first_node" in received):
            break
    os.close(parent)
    return process.wait(timeout=60), received.decode()


def screen(output: str, columns: int = 100) -> list[str]:
    """Return the lines that a terminal shows after such output."""
    lines, line, column = [], [" "] * columns, 0
    position = 0
    while position < len(output):
        letter = output[position]
        if output.startswith("\x1b[K", position):
            line[column:] = [" "] * (columns - column)
            position += 3
            continue
        if letter == "\r":
            column = 0
        elif letter == "\n":
            lines.append("".join(line).rstrip())
            line = [" "] * columns
        else:
            assert letter != "\x1b", repr(output[position : position + 10])
            if column == columns:  # the terminal goes on in the next line
                lines.append("".join(line).rstrip())
                line, column = [" "] * columns, 0
            line[column] = letter
            column += 1
        position += 1
    return [*lines, "".join(line).rstrip()]


@pytest.fixture
def slow_project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "p", nodes=NODES, pipeline_registry=REGISTRY)


@pytest.mark.processes
@pytest.mark.parametrize("runner", ["SequentialRunner", "ThreadRunner", "ParallelRunner"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_the_line_is_refreshed_and_gone_at_the_end_with_log_and_prints_intact(
    slow_project: Path, runner: str, method: str
) -> None:
    if method != "fork" and runner != "ParallelRunner":
        method = "fork"
    code, output = on_terminal(
        slow_project, "run", "-r", runner, columns=160, environment={"PELLUCID_MP_CONTEXT": method}
    )
    assert code == 0
    assert re.search(r"0/2 nodes · 0:\d\d · the_first_node", output)
    assert re.search(r"1/2 nodes · 0:\d\d · the_second_node", output)
    assert "2/2 nodes" in output
    shown = screen(output, 160)
    assert shown[-1] == ""
    assert not [line for line in shown if "nodes ·" in line]
    assert shown.count("printed by a node") == 2
    assert len([line for line in shown if line.endswith("Completed 2 out of 2 tasks")]) == 1


@pytest.mark.processes
def test_the_line_is_cut_to_the_terminals_width(slow_project: Path) -> None:
    _, output = on_terminal(slow_project, "run", columns=24)
    drawn = [part.split("\r")[0] for part in output.split("\r\x1b[K") if "nodes ·" in part]
    assert drawn
    assert max(map(len, drawn)) == 23


@pytest.mark.processes
@pytest.mark.parametrize(("columns", "environment"), [(100, {"TERM": "dumb"}), (100, {"TERM": ""}), (10, {})])
def test_a_terminal_that_cannot_show_it_gets_plain_lines(
    slow_project: Path, columns: int, environment: dict[str, str]
) -> None:
    code, output = on_terminal(slow_project, "run", columns=columns, environment=environment)
    assert code == 0
    assert "nodes ·" not in output


@pytest.mark.processes
def test_a_terminal_that_goes_away_does_not_stop_the_display_from_being_left(slow_project: Path) -> None:
    """The process gets no SIGHUP, as the terminal is not its controlling one."""
    quiet = slow_project / "src" / "demo_project" / "nodes.py"
    quiet.write_text(NODES.replace('    print("printed by a node")\n', ""))
    code, _ = on_terminal(
        slow_project, "run", hang_up=True, environment={"PELLUCID_LOGGING_CONFIG": _quiet(slow_project)}
    )
    assert code == 0


def _quiet(folder: Path) -> str:
    path = folder / "quiet.yml"
    path.write_text("version: 1\n")
    return str(path)


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("e\u0301e\u0301", 2, "e\u0301e\u0301"),
        ("a\x1b[31mb\n", 20, "a?[31mb?"),
        ("", 3, ""),
    ],
)
def test_a_text_is_fitted_by_the_columns_it_takes(text: str, columns: int, shown: str) -> None:
    assert fitted(text, columns) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(0.9, "0:00"), (61, "1:01"), (3600, "1:00:00"), (36_061, "10:01:01")])
def test_time_is_shown_in_short(seconds: float, shown: str) -> None:
    assert elapsed_text(seconds) == shown


class TestDisplay:
    def test_it_counts_what_is_done_and_names_what_runs(self) -> None:
        shown: list[str] = []
        display = ProgressDisplay(shown.append, clock=lambda: 5.0)
        first, second = SimpleNamespace(name="first"), SimpleNamespace(name="second")
        display.before_pipeline_run(SimpleNamespace(nodes=[first, second]))
        for node in (first, second):
            display.after_node_dispatched(node)
        display.after_node_settled(first, None)
        display.after_node_settled(second, ValueError())
        display.stop()
        display.stop()
        display.after_node_settled(second, None)
        assert shown == [
            "0/2 nodes · 0:00",
            "0/2 nodes · 0:00 · first",
            "0/2 nodes · 0:00 · first, second",
            "1/2 nodes · 0:00 · second",
            "1/2 nodes · 0:00",
        ]

    def test_it_travels_to_a_worker_as_what_keeps_out_of_its_way(self) -> None:
        travelled: Any = pickle.loads(pickle.dumps(ProgressDisplay(print)))
        assert isinstance(travelled, WorkerOutput)
        travelled.after_worker_started()  # no terminal here: nothing happens

    def test_a_file_is_no_terminal(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TERM", "xterm")
        with (tmp_path / "file").open("w") as file:
            assert not is_terminal(file)
        assert not is_terminal(None)
        assert not is_terminal(file)


def _written(stream: Any, parent: int) -> list[str]:
    """Return what a terminal shows of all that was written to it since the last time."""
    stream.flush()
    os.write(stream.fileno(), b"#")  # no text of these tests has it
    received = b""
    while not received.endswith(b"#"):
        received += os.read(parent, 65536)
    return screen(received[:-1].decode())


class TestBottomLine:
    @pytest.fixture
    def terminal(self) -> Any:
        parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        with os.fdopen(child, "w") as stream:
            yield stream, lambda: _written(stream, parent)
            stream.close()
        os.close(parent)

    def test_text_without_an_end_of_line_is_not_drawn_over(self, terminal: Any) -> None:
        stream, shown = terminal
        line = BottomLine(stream)
        line.show("line")
        line.write_above(stream, "half a ")
        line.show("line again")
        line.write_above(stream, "")
        line.write_above(stream, "line\n")
        assert shown() == ["half a line", "line again"]
        line.end()
        line.show("never")
        assert shown() == [""]

    def test_another_process_clears_the_line_before_it_writes(self, terminal: Any) -> None:
        stream, shown = terminal
        line = BottomLine(stream)
        line.show("a line that is rather long")
        line.belongs_to_parent()
        for text in ("ab", "", "c\n", "d\n"):
            line.write_above(stream, text)
        stream.flush()
        assert shown()[:2] == ["abc", "d"]

    def test_a_terminal_that_is_gone_is_left_alone(self, terminal: Any) -> None:
        stream, _ = terminal
        line = BottomLine(stream)
        line._descriptor = 10_000
        line.show("line")
        line.end()
