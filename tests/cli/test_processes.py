"""The command as a process: exit codes, signals, pipes and what is imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.cli import FRAMES_OF_PELLUCID, PACKAGE, make_project, pellucid, start, unmeasured

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes

HEAVY = ("pandas", "numpy", "omegaconf", "fsspec", "yaml", "pluggy", "multiprocessing", "asyncio", PACKAGE)


def test_a_complete_run_ends_with_0_and_logs_to_stderr(project: Path) -> None:
    done = pellucid(project, "run")
    assert done.returncode == 0
    assert done.stdout == "value 1\n" * 3
    assert "Completed 3 out of 3" in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("runner", ["SequentialRunner", "ThreadRunner", "ParallelRunner"])
def test_a_failed_node_ends_with_1(project: Path, runner: str) -> None:
    done = pellucid(project, "run", "-p", "boom", "-r", runner)
    assert done.returncode == 1
    assert done.stderr.count("Traceback (most recent call last)") == 1
    assert FRAMES_OF_PELLUCID not in done.stderr
    assert done.stderr.index("Repeat the previous command") < done.stderr.index("The node 'boom_node' failed:")
    if sys.version_info >= (3, 11):
        assert done.stderr.rstrip().endswith("RuntimeError: boom 1\na note of the user")


@pytest.mark.parametrize("runner", ["SequentialRunner", "ThreadRunner", "ParallelRunner"])
def test_sys_exit_0_in_a_node_does_not_end_with_0(project: Path, runner: str) -> None:
    assert pellucid(project, "run", "-p", "leave", "-r", runner).returncode == 1


def test_a_killed_worker_ends_with_1_and_is_named(project: Path) -> None:
    done = pellucid(project, "run", "-p", "die", "-r", "ParallelRunner")
    assert done.returncode == 1
    assert "SIGKILL" in done.stderr
    assert "'die_node'" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "sigterm"])
@pytest.mark.parametrize("runner", ["SequentialRunner", "ThreadRunner", "ParallelRunner"])
def test_a_signal_ends_the_run_with_its_code(project: Path, number: int, code: int, runner: str) -> None:
    process = start(project, "run", "-p", "wait", "-r", runner, env=unmeasured())
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in errors


def test_a_reader_that_goes_away_is_no_traceback(project: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as nowhere:
        process = start(project, "registry", "list", stdout=nowhere)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors == ""


def test_nobody_reading_stderr_leaves_the_code(project: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as nowhere:
        process = start(project, "run", "-p", "nowhere", stderr=nowhere)
    process.communicate(timeout=30)
    assert process.returncode not in (0, None)


def test_the_project_runs_as_a_package(tmp_path: Path) -> None:
    main = """
    from pathlib import Path
    from pellucid.framework.cli.utils import find_run_command
    from pellucid.framework.project import configure_project

    package = Path(__file__).parent.name
    configure_project(package)
    find_run_command(package)()
    """
    project = make_project(tmp_path / "p", __main__=main)

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(project / "src"), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path}
        command = [sys.executable, "-m", PACKAGE, *args]
        return subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    done = run("--params", "a=7")
    assert (done.returncode, done.stdout) == (0, "value 7\n" * 3)
    assert run("-p", "boom").returncode == 1
    missing = run("-p", "god")
    assert (missing.returncode, "'good'" in missing.stderr) == (2, True)
    assert f"python -m {PACKAGE}" in run("--help").stdout


@pytest.mark.parametrize("args", [["--version"], ["-V"], ["--help"], ["-h"], ["run", "--help"], ["new", "--help"]])
def test_questions_are_answered_without_importing_the_project_or_anything_heavy(project: Path, args: list[str]) -> None:
    code = (
        "import sys\nfrom pellucid.framework.cli import main\n"
        f"try:\n    main({args!r})\nexcept SystemExit as stop:\n    assert stop.code == 0, stop.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=project, env=unmeasured(), capture_output=True, text=True, check=True)
    assert done.stdout
    assert done.stderr == "[]\n"


def test_help_shows_the_projects_own_commands(tmp_path: Path) -> None:
    own = "import click\n@click.group()\ndef cli():\n    pass\n@cli.command()\ndef greet():\n    'Say hello.'\n"
    done = pellucid(make_project(tmp_path / "p", cli=own), "--help")
    assert done.returncode == 0
    assert "Commands of this project:\n  greet  Say hello." in done.stdout


def test_a_working_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = "import os, sys; os.rmdir(os.getcwd()); from pellucid.framework.cli import main; main(['info'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=gone, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "working directory" in done.stderr
    assert "Traceback" not in done.stderr
