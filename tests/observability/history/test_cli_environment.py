"""The commands read the history that a run of the same environment writes."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from tests.support.flow import header
from tests.support.history import RunMaker, failed_run

from pellucid.exceptions import MissingConfigException
from pellucid.framework.session._opening import chosen_env
from pellucid.observability._cli._project import environment
from pellucid.observability._cli.runs import commands
from pellucid.observability._cli.telemetry import commands as telemetry_commands
from pellucid.observability.history import HistoryStore
from pellucid.observability.recording import STREAM_SPANS
from pellucid.observability.spool import Limits, SegmentWriter

if TYPE_CHECKING:
    from pathlib import Path

ALL_COMMANDS = (("list",), ("show",), ("diff", "last", "last"), ("export",), ("prune", "--dry-run"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose environment ``prod`` has a history of its own, with one run; in the other one is another."""
    (tmp_path / "pyproject.toml").write_text('[tool.pellucid]\npackage_name = "demo_project"\nproject_name = "Demo"\n')
    (tmp_path / "src").mkdir()
    for name in ("base", "local", "prod"):
        (tmp_path / "conf" / name).mkdir(parents=True)
    (tmp_path / "conf/prod/observability.yml").write_text("history: {path: prod/runs.db}\n")
    HistoryStore(tmp_path / "prod/runs.db").take(failed_run(1).segment("a"))
    HistoryStore(tmp_path / ".pellucid/history.db").take(RunMaker(2).run(1.0).segment("b"))
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "PELLUCID_ENV", "KEDRO_ENV"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def _call(*args: str) -> Result:
    return CliRunner().invoke(commands, ["runs", *args])


def _pipelines(*args: str) -> list[str]:
    result = _call("list", "--json", *args)
    assert result.exit_code == 0, result.output
    return [json.loads(line)["pipeline"] for line in result.stdout.splitlines()]


def test_the_history_is_that_of_the_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _pipelines() == ["__default__"]
    assert _pipelines("--env", "prod") == _pipelines("-e", "prod") == ["train"]
    monkeypatch.setenv("KEDRO_ENV", "prod")
    assert _pipelines() == ["train"]
    assert _pipelines("--env", "local") == ["__default__"]
    monkeypatch.setenv("PELLUCID_ENV", "local")
    assert _pipelines() == ["__default__"]


@pytest.mark.parametrize("args", ALL_COMMANDS)
def test_each_command_takes_an_environment(project: Path, args: tuple[str, ...]) -> None:
    (project / ".pellucid/history.db").unlink()
    result = _call(*args, "--env", "prod")
    assert result.exit_code == 0, result.output
    assert not (project / ".pellucid/history.db").exists()


@pytest.mark.parametrize("args", ALL_COMMANDS)
def test_an_environment_that_is_not_there_is_told(project: Path, args: tuple[str, ...]) -> None:
    error = _call(*args, "--env", "prdo").exception
    assert isinstance(error, MissingConfigException)
    assert str(error).endswith("Did you mean 'prod'?")


@pytest.mark.parametrize("command", ["status", "replay", "doctor"])
def test_commands_of_telemetry_take_the_same(project: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    (project / "conf/prod/observability.yml").write_text("spool: {path: prod/spool}\nenabled: false\n")
    result = CliRunner().invoke(telemetry_commands, ["telemetry", "doctor", "--json", "--env", "prod"])
    assert json.loads(result.stdout)["settings"]["spool.path"]["value"] == "prod/spool"
    monkeypatch.setenv("KEDRO_ENV", "prdo")
    error = CliRunner().invoke(telemetry_commands, ["telemetry", command]).exception
    assert isinstance(error, MissingConfigException)


def test_what_a_killed_run_left_goes_to_the_history_of_the_environment(project: Path) -> None:
    made = RunMaker(3, "left").run(1.0)
    writer = SegmentWriter(project / ".pellucid/spool", header(traces=False, logs=False), limits=Limits())
    for number, body in enumerate(made.bodies):
        writer.end(STREAM_SPANS, number.to_bytes(8, "big"), body)
    writer.close()
    assert _pipelines("--env", "prod") == ["train", "left"]
    assert _pipelines() == ["__default__"]


def test_the_environment_is_that_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, ours, theirs in itertools.product((None, "", "a"), (None, "", "b"), (None, "", "c")):
        for name, value in (("PELLUCID_ENV", ours), ("KEDRO_ENV", theirs)):
            monkeypatch.delenv(name, raising=False)
            if value is not None:
                monkeypatch.setenv(name, value)
        assert environment(given) == chosen_env(given)


def test_of_another_loader_only_that_one_knows_the_environments(project: Path) -> None:
    package = project / "src/demo_project"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "settings.py").write_text(
        "from pellucid.config import AbstractConfigLoader\n"
        "class Loader(AbstractConfigLoader):\n    pass\n"
        "CONFIG_LOADER_CLASS = Loader\n"
    )
    assert _pipelines("--env", "anything") == ["__default__"]


@pytest.mark.parametrize("setting", ["enabled", "tracing.enabled", "history.enabled"])
def test_a_history_that_is_not_kept_says_so(project: Path, setting: str) -> None:
    (project / ".pellucid/history.db").unlink()
    *group, key = setting.split(".")
    text = f"{group[0]}: {{{key}: false}}\n" if group else f"{key}: false\n"
    (project / "conf/base/observability.yml").write_text(text)
    for args in (("list",), ("show",)):
        assert f"Runs are not kept: {setting} is false, by conf/base/observability.yml." in _call(*args).stderr


def test_of_a_pipeline_without_runs_the_nearest_is_named(project: Path) -> None:
    assert _call("list", "--pipeline", "__defalt__").stderr == (
        "There is no run of a pipeline '__defalt__' in the history. Did you mean '__default__'?\n"
    )
    assert _call("list", "-p", "xxx").stderr.endswith(" There are '__default__'.\n")
    assert _call("list", "-p", "__default__", "--result", "skip").stderr == "No run fits.\n"


@pytest.mark.parametrize("text", ["history: {path: 3}\n", "history: {pth: x}\n", "history: {path: [\n", "spool: 3\n"])
def test_a_setting_that_cannot_be_used_is_told_with_the_other_history(project: Path, text: str) -> None:
    (project / "conf/prod/observability.yml").write_text(f"{text}tracing: {{sampler: none}}\n")
    result = _call("list", "--env", "prod", "--json")
    assert json.loads(result.stdout)["pipeline"] == "__default__"
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Warning: ")]
    assert line.startswith("Warning: conf/prod/observability.yml: ")
    status = CliRunner().invoke(telemetry_commands, ["telemetry", "status", "--env", "prod"])
    assert "'history" not in status.stderr
    assert "Warning: conf/prod/observability.yml: " in status.stderr
