"""What a process of the command line imports before it answers, and that its answers are the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from tests.support.cli import install_plugin, make_project, pellucid, unmeasured

from pellucid._version import __version__
from pellucid.framework.cli._builtin import GLOBAL_COMMANDS, PROJECT_COMMANDS
from pellucid.framework.cli._commands import DescribedGroup
from pellucid.framework.cli.cli import KedroCLI
from pellucid.observability._cli import runs, telemetry

pytestmark = pytest.mark.processes

LIBRARIES = (
    *(
        "asyncio",
        "click",
        "dataclasses",
        "email",
        "fsspec",
        "hashlib",
        "importlib.metadata",
        "inspect",
        "json",
        "logging",
    ),
    *(
        "logging.config",
        "multiprocessing",
        "omegaconf",
        "opentelemetry",
        "pathlib",
        "pluggy",
        "prometheus_client",
        "re",
    ),
    *("socket", "sqlite3", "ssl", "statistics", "structlog", "tempfile", "typing", "yaml"),
    *("pellucid.framework.project", "pellucid.framework.session", "pellucid.framework.startup"),
    *("pellucid.io", "pellucid.pipeline", "pellucid.runner"),
    # Of these no command that goes well has need.
    *("getpass", "unicodedata", "pellucid.framework.hooks._misfits", "pellucid.framework.session.service_session"),
    *("pellucid.observability._cli._runs_commands", "pellucid.observability._cli._telemetry_commands"),
    *("pellucid.framework.cli.utils", "pellucid.observability.export"),
)
ALLOWED = {
    "--version": set(),
    "--help": {"click", "inspect", "logging", "pathlib", "re", "typing"},
    "run": {
        *("click", "dataclasses", "inspect", "json", "logging", "pathlib", "pluggy", "re", "sqlite3", "typing", "yaml"),
        *("pellucid.framework.project", "pellucid.framework.session", "pellucid.framework.startup"),
        *("pellucid.io", "pellucid.pipeline", "pellucid.runner"),
    },
}
LOOK = """
import atexit, sys
before = set(sys.modules)
def show():
    print(*[name for name in {libraries!r} if name in sys.modules and name not in before], file=sys.stderr)
atexit.register(show)
from pellucid.framework.cli import main
main()
"""


@pytest.mark.parametrize("word", ALLOWED)
def test_a_command_imports_no_more_than_it_needs(project: Path, word: str) -> None:
    code = LOOK.format(libraries=LIBRARIES)
    command = [sys.executable, "-S", "-c", code, word]  # without what a site imports
    env = {**unmeasured(), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=True)
    imported = set(done.stderr.splitlines()[-1].split())
    assert imported <= ALLOWED[word]


@pytest.mark.parametrize("word", ["--version", "-V"])
def test_the_version_is_shown_as_click_shows_it(project: Path, word: str) -> None:
    done = pellucid(project, word)
    by_click = pellucid(project, word, "--traceback")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"pellucid, version {__version__}\n", "")
    assert (by_click.returncode, by_click.stdout, by_click.stderr) == (0, done.stdout, "")


def test_a_version_that_cannot_be_written_fails_as_all_commands_do(project: Path) -> None:
    for words in (["--version"], ["--version", "--traceback"]):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run([sys.executable, "-m", "pellucid", *words], cwd=project, stdout=full, check=False)
        assert done.returncode == 1


def test_hooks_of_commands_hear_of_the_version(project: Path, tmp_path: Path) -> None:
    code = """
    from pellucid.framework.cli.hooks import cli_hook_impl
    class Hooks:
        @cli_hook_impl
        def before_command_run(self, project_metadata, command_args):
            print("heard", command_args)
    hooks = Hooks()
    """
    install_plugin(tmp_path / "site", "listener", "[pellucid.cli_hooks]\nx = listener:hooks\n", code)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])}
    done = pellucid(project, "--version", env=env)
    assert done.stdout == f"heard ['--version']\npellucid, version {__version__}\n"


def test_commands_are_listed_as_they_describe_themselves(tmp_path: Path) -> None:
    command_line = KedroCLI(make_project(tmp_path / "project"))
    ctx = click.Context(command_line)
    groups = (DescribedGroup(GLOBAL_COMMANDS), DescribedGroup(PROJECT_COMMANDS), runs.commands, telemetry.commands)
    for group in groups:
        for name in group.list_commands(ctx):
            described, real = group.described(name), group.get_command(ctx, name)
            assert real is not None
            assert (described.hidden, described.deprecated) == (real.hidden, real.deprecated)
            for limit in (10, 30, 45, 70, 200):
                assert described.get_short_help_str(limit) == real.get_short_help_str(limit)


def test_what_is_imported_is_left_alone_by_the_collector_in_a_process_of_its_own(project: Path) -> None:
    # Python 3.12 sets some objects aside by itself.
    look = (
        "\nimport atexit, gc\nbefore = gc.get_freeze_count()\n"
        "atexit.register(lambda: print('frozen', gc.get_freeze_count() > before, gc.isenabled()))\n"
    )
    code = f"{look}from pellucid.framework.cli import main\nmain()\n"
    done = subprocess.run(
        [sys.executable, "-c", code, "run"], cwd=project, capture_output=True, text=True, check=True, env=unmeasured()
    )
    assert done.stdout.splitlines()[-1] == "frozen True True"
    code = f"{look}from pellucid.framework.cli import main\nmain(['run'])\n"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True, env=unmeasured()
    )
    assert done.stdout.splitlines()[-1] == "frozen False True"


def test_nothing_is_collected_while_rooms_are_imported(project: Path) -> None:
    rooms = ("framework.hooks", "framework.session", "io", "observability", "pipeline", "runner")
    look = (
        "import atexit, gc, sys\nfound = {}\n"
        "class Look:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        found[name] = gc.isenabled()\n"
        f"atexit.register(lambda: print('found', *[found['pellucid.' + each] for each in {rooms!r}], gc.isenabled()))\n"
        "sys.meta_path.insert(0, Look())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{look}from pellucid.framework.cli import main\nmain()\n", "run"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
        env=unmeasured(),
    )
    assert done.stdout.splitlines()[-1] == f"found{' False' * len(rooms)} True"


def test_the_package_is_imported_without_typing() -> None:
    code = "import sys, pellucid; print('typing' in sys.modules)"
    env = {**unmeasured(), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout == "False\n"
