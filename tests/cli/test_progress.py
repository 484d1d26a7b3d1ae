"""The line at the bottom of a terminal."""

from __future__ import annotations

import os
import pickle
import pty
import re
import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.cli import make_project
from tests.support.cli_terminal import Screen, on_terminal, set_size

from pellucid.framework.cli._progress import ProgressDisplay, elapsed_text
from pellucid.framework.cli._terminal import BottomLine, fitted, is_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NODES = """
import os
import sys
import time

def slow(x):
    print("printed by a node")
    time.sleep(0.6)
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


@pytest.fixture
def slow_project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "p", nodes=NODES, pipeline_registry=REGISTRY)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("runner", "method"),
    [
        ("SequentialRunner", "fork"),
        ("ThreadRunner", "fork"),
        ("ParallelRunner", "fork"),
        ("ParallelRunner", "spawn"),
        ("ParallelRunner", "forkserver"),
    ],
)
def test_the_line_is_refreshed_and_gone_at_the_end_with_log_and_prints_intact(
    slow_project: Path, runner: str, method: str
) -> None:
    code, output = on_terminal(
        slow_project, "run", "-r", runner, columns=160, environment={"PELLUCID_MP_CONTEXT": method}
    )
    assert code == 0
    assert re.search(r"0/2 nodes · 0:\d\d · the_first_node", output)
    assert re.search(r"1/2 nodes · 0:\d\d · the_second_node", output)
    shown = Screen(160).feed(output)
    assert shown.margins == (0, 23)
    assert not [line for line in shown.lines if "nodes ·" in line]
    assert shown.lines.count("printed by a node") == 2
    assert len([line for line in shown.lines if line.endswith("Completed 2 out of 2 tasks")]) == 1


FOREIGN = """
    os.system("echo first from a child; echo second from a child; echo third from a child")
    sys.stdout.write("the beginning")
    sys.stdout.flush()
    time.sleep(0.6)
    os.system("printf ' and the'")
    sys.stdout.write(" end\\n")
    return x
"""


@pytest.mark.processes
@pytest.mark.parametrize("runner", ["SequentialRunner", "ParallelRunner"])
@pytest.mark.parametrize("rows", [24, 5], ids=["high", "low"])
def test_what_other_programs_write_and_half_lines_stay_whole(slow_project: Path, runner: str, rows: int) -> None:
    nodes = slow_project / "src" / "demo_project" / "nodes.py"
    nodes.write_text(NODES.replace("    return x\n", FOREIGN))
    code, output = on_terminal(slow_project, "run", "-r", runner, columns=160, rows=rows)
    assert code == 0
    assert "nodes ·" in output
    lines = Screen(160, rows).feed(output).lines
    assert not [line for line in lines if "nodes ·" in line]
    for text in ("first from a child", "second from a child", "third from a child", "the beginning and the end"):
        assert lines.count(text) == 2, lines


@pytest.mark.processes
@pytest.mark.parametrize("runner", ["SequentialRunner", "ParallelRunner"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "sigterm"])
def test_a_run_that_is_ended_by_a_signal_leaves_the_terminal_as_it_was(
    slow_project: Path, runner: str, number: signal.Signals, code: int
) -> None:
    nodes = slow_project / "src" / "demo_project" / "nodes.py"
    nodes.write_text(NODES.replace("time.sleep(0.6)", "[time.sleep(0.1) for _ in range(600)]"))
    ended, output = on_terminal(slow_project, "run", "-r", runner, columns=160, end_by=number)
    shown = Screen(160).feed(output)
    assert (ended, shown.margins) == (code, (0, 23))
    assert not [line for line in shown.lines if "nodes ·" in line]


@pytest.mark.processes
def test_the_line_is_cut_to_the_terminals_width(slow_project: Path) -> None:
    _, output = on_terminal(slow_project, "run", columns=24)
    drawn = re.findall(r"\x1b\[24;1H\x1b\[m([^\x1b]+)", output)
    assert drawn
    assert max(map(len, drawn)) == 23


@pytest.mark.processes
@pytest.mark.parametrize(
    ("columns", "environment"),
    [(100, {"TERM": "dumb"}), (100, {"TERM": ""}), (10, {}), (100, {"PELLUCID_PROGRESS": "0"})],
)
def test_a_terminal_that_cannot_show_it_or_shall_not_gets_plain_lines(
    slow_project: Path, columns: int, environment: dict[str, str]
) -> None:
    code, output = on_terminal(slow_project, "run", columns=columns, environment=environment)
    assert code == 0
    assert "nodes ·" not in output
    assert "\x1b" not in output


@pytest.mark.processes
def test_a_switch_that_is_neither_is_told(slow_project: Path) -> None:
    code, output = on_terminal(slow_project, "run", environment={"PELLUCID_PROGRESS": "off"})
    assert code == 0
    assert output.count("Warning: PELLUCID_PROGRESS should be 0 or 1, not 'off'; it counts as 1.") == 1
    assert "nodes ·" in output


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
        display = ProgressDisplay(print, clock=lambda: 5.0)
        first, second = SimpleNamespace(name="first"), SimpleNamespace(name="second")
        display.before_pipeline_run(SimpleNamespace(nodes=[first, second]))
        shown = [display.text()]
        for node in (first, second):
            display.after_node_dispatched(node)
            shown.append(display.text())
        for node, error in ((first, None), (second, ValueError())):
            display.after_node_settled(node, error)
            shown.append(display.text())
        assert shown == [
            "0/2 nodes · 0:00",
            "0/2 nodes · 0:00 · first",
            "0/2 nodes · 0:00 · first, second",
            "1/2 nodes · 0:00 · second",
            "1/2 nodes · 0:00",
        ]
        display.stop()

    def test_it_tells_what_is_left_by_earlier_runs(self) -> None:
        now = 0.0
        nodes = [SimpleNamespace(name=name) for name in ("first", "second", "third")]
        expected = {"first": 10.0, "second": 20.0, "third": 60.0}
        display = ProgressDisplay(print, clock=lambda: now, expect=lambda pipeline: expected)
        display.before_pipeline_run(SimpleNamespace(nodes=nodes))
        shown = [display.text()]
        for node in nodes[:2]:
            display.after_node_dispatched(node)
        shown.append(display.text())
        now = 15.0  # the first one takes longer than it did
        shown.append(display.text())
        display.after_node_settled(nodes[0], None)
        display.after_node_settled(nodes[1], None)
        shown.append(display.text())
        display.stop()
        assert shown == [
            "0/3 nodes · 0:00 · about 1:30 left",
            "0/3 nodes · 0:00 · about 0:45 left · first, second",
            "0/3 nodes · 0:15 · about 0:32 left · first, second",
            "2/3 nodes · 0:15 · about 1:00 left",
        ]

    def test_it_does_not_guess_while_a_node_is_left_that_never_ran(self) -> None:
        nodes = [SimpleNamespace(name=name) for name in ("known", "new")]
        display = ProgressDisplay(print, clock=lambda: 0.0, expect=lambda pipeline: {"known": 10.0})
        display.before_pipeline_run(SimpleNamespace(nodes=nodes))
        shown = [display.text()]
        display.after_node_dispatched(nodes[1])
        display.after_node_settled(nodes[1], None)
        shown.append(display.text())
        display.stop()
        assert shown == ["0/2 nodes · 0:00", "1/2 nodes · 0:00 · about 0:10 left"]

    def test_it_does_not_say_that_no_time_is_left(self) -> None:
        now = 0.0
        display = ProgressDisplay(print, clock=lambda: now, expect=lambda pipeline: {"only": 10.0})
        display.before_pipeline_run(SimpleNamespace(nodes=[SimpleNamespace(name="only")]))
        display.after_node_dispatched(SimpleNamespace(name="only"))
        now = 60.0
        shown = display.text()
        display.stop()
        assert shown == "0/1 nodes · 1:00 · only"

    def test_it_shows_nothing_once_it_is_stopped(self) -> None:
        shown: list[str] = []
        display = ProgressDisplay(shown.append)
        display.stop()
        display.after_node_dispatched(SimpleNamespace(name="first"))
        display.stop()
        assert shown == []

    def test_it_does_not_travel_to_workers(self) -> None:
        travelled: Any = pickle.loads(pickle.dumps(ProgressDisplay(print)))
        assert type(travelled) is object

    def test_a_file_is_no_terminal(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TERM", "xterm")
        with (tmp_path / "file").open("w") as file:
            assert not is_terminal(file)
        assert not is_terminal(None)
        assert not is_terminal(file)


class Terminal:
    """A terminal whose screen can be looked at."""

    def __init__(self, rows: int) -> None:
        self.parent, child = pty.openpty()
        set_size(child, rows, 100)
        self.stream = os.fdopen(child, "w")
        self.screen = Screen(100, rows)

    def write(self, text: str) -> None:
        """Write as any program does."""
        self.stream.write(text)
        self.stream.flush()

    def resize(self, rows: int) -> None:
        self.look()
        set_size(self.parent, rows, 100)
        self.screen.resize(rows)

    def look(self) -> Screen:
        """Return the screen after all that was written."""
        os.write(self.stream.fileno(), b"\0")
        received = b""
        while not received.endswith(b"\0"):
            received += os.read(self.parent, 65536)
        return self.screen.feed(received[:-1].decode())


class TestBottomLine:
    @pytest.fixture
    def terminal(self) -> Iterator[Terminal]:
        made = Terminal(rows=6)
        yield made
        made.stream.close()
        os.close(made.parent)

    @pytest.mark.parametrize("before", [0, 3, 5, 20])
    def test_what_is_written_scrolls_above_it(self, terminal: Terminal, before: int) -> None:
        texts = [f"before {number}" for number in range(before)]
        terminal.write("".join(f"{text}\n" for text in texts))
        line = BottomLine(terminal.stream)
        line.show("the line")
        assert (terminal.look().last, terminal.screen.lines[:before]) == ("the line", texts)
        terminal.write("half a ")
        line.show("another line")
        terminal.write("line\nmore\nand more\n")
        shown = terminal.look()
        assert shown.last == "another line"
        assert "the line" not in shown.lines
        line.end()
        terminal.write("after\n")
        assert terminal.look().lines == [*texts, "half a line", "more", "and more", "after"]
        line.show("never")
        assert "never" not in terminal.look().lines

    @pytest.mark.parametrize("rows", [5, 9])
    def test_a_window_of_another_size_gets_it_on_its_last_row(self, terminal: Terminal, rows: int) -> None:
        terminal.write("a\nb\n")
        line = BottomLine(terminal.stream)
        line.show("line one")
        terminal.resize(rows)
        line.show("line two")
        assert terminal.look().last == "line two"
        terminal.write("".join(f"{number}\n" for number in range(10)))
        line.end()
        shown = terminal.look()
        assert (shown.lines[-1], shown.margins) == ("9", (0, rows - 1))
        assert "line two" not in shown.lines

    def test_a_window_that_became_too_small_has_none(self, terminal: Terminal) -> None:
        line = BottomLine(terminal.stream)
        line.show("line")
        terminal.resize(3)
        line.show("line")
        assert (terminal.look().lines, terminal.screen.margins) == ([""], (0, 2))
        terminal.resize(6)
        line.show("line")
        assert terminal.look().last == "line"

    def test_a_forked_process_leaves_it_alone(self, terminal: Terminal) -> None:
        line = BottomLine(terminal.stream)
        line.show("line")
        line._pid = os.getppid()
        line.end()
        assert terminal.look().last == "line"

    def test_a_terminal_that_is_gone_is_left_alone(self, terminal: Terminal) -> None:
        line = BottomLine(terminal.stream)
        line.show("line")
        line._descriptor = 10_000
        line.end()
        line.show("line")
        line.end()
        assert terminal.look().last == "line"
