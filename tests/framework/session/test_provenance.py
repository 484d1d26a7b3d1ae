from __future__ import annotations

import getpass
import pwd
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from pellucid.framework.session import KedroSession
from pellucid.framework.session import _provenance as provenance
from pellucid.framework.session.session import _describe_git, _jsonify_cli_context, kedro_version
from pellucid.framework.startup import bootstrap_project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.framework import ProjectFolder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def commit(repository: Path) -> str:
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "commit", "-qm", "first", "--allow-empty"], check=True)
    found = subprocess.run([*git, "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True)
    return found.stdout.strip()


def test_a_clean_and_a_dirty_repository(repository: Path) -> None:
    sha = commit(repository)
    assert _describe_git(repository) == {"git": {"commit_sha": sha, "dirty": False}}
    (repository / "new").touch()
    below = repository / "below"
    below.mkdir()
    assert _describe_git(below) == {"git": {"commit_sha": sha, "dirty": True}}


def test_no_repository_and_no_commit_say_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _describe_git(tmp_path / "not there") == {}
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert _describe_git(tmp_path) == {}
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert _describe_git(tmp_path) == {}


def test_a_machine_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert _describe_git(repository) == {}


@pytest.mark.processes
def test_a_git_that_hangs_is_not_waited_for(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = repository / "git"
    hanging.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    hanging.chmod(0o755)
    monkeypatch.setenv("PATH", str(repository))
    monkeypatch.setattr(provenance, "_TIMEOUT_SECONDS", 0.2)
    assert _describe_git(repository) == {}


def test_the_user_may_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_number: int) -> str:
        raise KeyError("no user")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    assert provenance.username() == {"username": getpass.getuser()}
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert provenance.username() == {}


@pytest.mark.parametrize("name", ["LOGNAME", "USER", "LNAME", "USERNAME"])
def test_the_user_is_whom_the_environment_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(each, "")
    monkeypatch.setenv(name, "somebody")
    assert provenance.username() == {"username": getpass.getuser()} == {"username": "somebody"}


def test_the_command_is_noted(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    bootstrap_project(project.path)
    monkeypatch.setattr(sys, "argv", ["pellucid", "work", "--n", "3"])

    @click.command()
    @click.option("--n", type=int)
    def work(n: int) -> None:
        with KedroSession.create() as session:
            cli = session.store["cli"]
        assert (cli["command_name"], cli["params"], cli["args"]) == ("work", {"n": n}, [])
        assert cli["command_path"] == "pellucid work --n 3"
        assert cli == _jsonify_cli_context(click.get_current_context())

    work.main(["--n", "3"], standalone_mode=False)
    with KedroSession.create() as session:
        assert "cli" not in session.store


def test_without_click_there_is_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "click")
    assert provenance.cli_context() == {}


@pytest.mark.parametrize(
    ("variables", "expected"), [({"KEDRO_ENV": "k"}, "k"), ({"KEDRO_ENV": "k", "PELLUCID_ENV": "p"}, "p")]
)
def test_the_environment_may_be_a_variable(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    bootstrap_project(project.path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with KedroSession.create() as session:
        assert session.store["env"] == expected
    with KedroSession.create(env="given") as session:
        assert session.store["env"] == "given"


def test_the_api_that_is_followed() -> None:
    assert kedro_version.startswith("1.")
