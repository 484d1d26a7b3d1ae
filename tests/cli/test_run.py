"""``pellucid run`` in a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner, Result
from tests.support.cli import FRAMES_OF_PELLUCID, PACKAGE, invoke, make_project

from pellucid.framework.cli.project import run as run_command
from pellucid.framework.cli.utils import find_run_command
from pellucid.framework.project import _state, configure_project
from pellucid.framework.startup import bootstrap_project

if TYPE_CHECKING:
    from pathlib import Path


def test_a_complete_run_ends_with_0(project: Path) -> None:
    result = invoke(project, "run")
    assert (result.exit_code, result.stdout.count("value 1")) == (0, 3)


def test_a_project_of_kedro_runs(tmp_path: Path) -> None:
    assert invoke(make_project(tmp_path / "p", section="kedro"), "run").exit_code == 0


@pytest.mark.parametrize(
    "runner", ["SequentialRunner", "ThreadRunner", "pellucid.runner.ThreadRunner", "kedro.runner.ThreadRunner"]
)
def test_a_runner_is_chosen_by_name(project: Path, runner: str) -> None:
    assert invoke(project, "run", "-r", runner).exit_code == 0


def test_a_runner_of_the_project_is_chosen_by_its_dotted_name(tmp_path: Path) -> None:
    own = "from pellucid.runner import SequentialRunner\nclass Own(SequentialRunner):\n    pass\n"
    assert invoke(make_project(tmp_path / "p", runners=own), "run", "-r", f"{PACKAGE}.runners.Own").exit_code == 0


def test_parameters_are_typed_and_nested(project: Path) -> None:
    params = "a=2,b.c=x y,b.d=[1,2],e=true,f=1.5,g=null"
    result = invoke(project, "run", "-p", "show", "--params", params)
    assert '{"a": 2, "b": {"c": "x y", "d": [1, 2]}, "e": true, "f": 1.5, "g": null}' in result.stdout


@pytest.mark.parametrize(
    ("args", "ran"),
    [
        (["--nodes", "second,third"], 2),
        (["-n", "second", "-n", "third"], 2),
        (["--from-nodes", "second"], 2),
        (["--to-nodes", "first"], 1),
        (["--from-inputs", "y_out"], 1),
        (["--to-outputs", "x"], 1),
        (["--tags", "tagged"], 1),
        (["-t", "tagged", "-p", "good"], 1),
        (["--pipelines", "good,show"], 3),
        (["--async"], 3),
    ],
)
def test_options_choose_what_runs(project: Path, args: list[str], ran: int) -> None:
    assert invoke(project, "run").exit_code == 0
    result = invoke(project, "run", *args)
    assert (result.exit_code, result.stdout.count("value")) == (0, ran)


def test_only_missing_outputs_are_made(project: Path) -> None:
    assert invoke(project, "run").exit_code == 0
    (project / "data" / "x.pkl").unlink()
    result = invoke(project, "run", "--only-missing-outputs", "--to-nodes", "second")
    assert (result.exit_code, result.stdout.count("value")) == (0, 1)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["-p", "god"], ["'god'", "'good'"]),
        (["-n", "frist"], ["'frist'", "'first'"]),
        (["-t", "taged"], ["'taged'", "'tagged'"]),
        (["--to-outputs", "yout"], ["'yout'", "'y_out'"]),
        (["-ns", "nowhere"], ["'nowhere'"]),
        (["-e", "bsae"], ["'bsae'", "base"]),
        (["-r", "ThredRunner"], ["'ThredRunner'", "'ThreadRunner'"]),
        (["-r", "pellucid.runner.Sequential"], ["SequentialRunner"]),
        (["-r", "nowhere.Runner"], ["'nowhere'"]),
        (["-r", "pathlib.Path"], ["'pathlib.Path' is no runner"]),
        (["--runner-params", "max_wrkers=2", "-r", "ThreadRunner"], ["'max_wrkers'", "'max_workers'"]),
        (["--runner-params", "max_workers=2"], ["'max_workers'", "is_async"]),
        (["--runner-params", "max_workers=0", "-r", "ThreadRunner"], ["ThreadRunner cannot be made", "max_workers=0"]),
        (["--runner-params", "max_workers=abc", "-r", "ThreadRunner"], ["ThreadRunner", "max_workers='abc'"]),
        (["-r", "§§§"], ["There are: ParallelRunner, SequentialRunner, ThreadRunner."]),
        (["--params", "a"], ["'a' is not of the form 'key=value'"]),
        (["--params", "a=[1"], ["'a=[1'"]),
        (["--params", "a..b=1"], ["'a..b'"]),
        (["-lv", "x"], ["'x'", "dataset:version"]),
        (["--conf-source", "nowhere"], ["'nowhere' does not exist"]),
        (["--config", "nowhere.yml"], ["nowhere.yml"]),
        (["-p", "good", "--pipelines", "show"], ["not both"]),
        (["--pipline", "good"], ["--pipline", "--pipeline"]),
        (["-p", "empty"], ["nothing to run", "'empty'"]),
        (["--pipelines", "empty"], ["nothing to run"]),
        (["-p", "show", "--tags", "tagged"], ["tagged"]),
        (["--nodes", "second", "--tags", "tagged"], ["tagged"]),
        (["-r", "pellucid..Runner"], ["--runner"]),
        (["-r", ".Runner"], ["--runner"]),
    ],
)
def test_a_mistake_is_one_message_with_code_2(project: Path, args: list[str], words: list[str]) -> None:
    result = invoke(project, "run", *args)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    assert "NoneType: None" not in result.stderr
    for word in words:
        assert word in result.stderr


def test_a_failed_node_is_shown_with_the_frames_of_the_user_alone(project: Path) -> None:
    result = invoke(project, "run", "-p", "boom")
    assert result.exit_code == 1
    assert "The node 'boom_node' failed:\nTraceback" in result.stderr
    assert "nodes.py" in result.stderr
    assert FRAMES_OF_PELLUCID not in result.stderr
    assert "click" not in result.stderr
    assert result.stderr.rstrip().endswith("a note of the user")


def test_the_frames_of_pellucid_are_shown_on_demand(project: Path) -> None:
    assert FRAMES_OF_PELLUCID in invoke(project, "run", "-p", "boom", "--traceback").stderr


def test_the_traceback_of_a_mistake_is_shown_on_demand(project: Path) -> None:
    result = invoke(project, "run", "-p", "god", "-v")
    assert (result.exit_code, "Traceback" in result.stderr) == (2, True)


def test_sys_exit_in_a_node_is_a_failed_run(project: Path) -> None:
    result = invoke(project, "run", "-p", "leave")
    assert (result.exit_code, "'leave_node' called sys.exit(0)" in result.stderr) == (1, True)


def test_a_node_that_interrupts_ends_with_130(project: Path) -> None:
    result = invoke(project, "run", "-p", "interrupt")
    assert (result.exit_code, "Interrupted" in result.stderr) == (130, True)


@pytest.mark.parametrize("module", ["pipeline_registry", "settings"])
@pytest.mark.parametrize("code", ["import sys\nsys.exit(0)\n", "1 / 0\n", "def broken(:\n", "import nowhere_at_all\n"])
def test_a_module_of_the_project_that_cannot_be_imported_is_named_with_code_2(
    tmp_path: Path, module: str, code: str
) -> None:
    result = invoke(make_project(tmp_path / "p", **{module: code}), "run")
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    assert module in result.stderr


def test_a_hook_that_raises_before_the_run_is_shown_with_its_traceback(tmp_path: Path) -> None:
    settings = """
    from pellucid.framework.hooks import hook_impl
    class Hooks:
        @hook_impl
        def after_context_created(self, context):
            raise ValueError("from the hook")
    HOOKS = (Hooks(),)
    """
    result = invoke(make_project(tmp_path / "p", settings=settings), "run")
    assert result.exit_code == 1
    assert "settings.py" in result.stderr
    assert "ValueError: from the hook" in result.stderr
    assert "src/pellucid" not in result.stderr


def test_yaml_that_is_none_is_told_with_file_and_line(project: Path) -> None:
    (project / "conf" / "base" / "catalog.yml").write_text("a: 1\nb: [1\n")
    result = invoke(project, "run")
    assert (result.exit_code, "catalog.yml:" in result.stderr, "Traceback" in result.stderr) == (2, True, False)


def test_outside_of_a_project_run_says_so(tmp_path: Path) -> None:
    result = invoke(tmp_path, "run")
    assert (result.exit_code, "no project" in result.stderr) == (2, True)


def test_a_folder_within_a_project_is_in_it(project: Path) -> None:
    assert invoke(project / "conf" / "base", "run").exit_code == 0


def test_a_session_class_without_a_registry_of_hooks_is_served(tmp_path: Path) -> None:
    settings = """
    from pellucid.framework.session.abstract_session import AbstractSession

    class Session(AbstractSession):
        @classmethod
        def create(cls, **kwargs):
            return cls()
        def close(self):
            pass
        def load_context(self):
            pass
        def run(self, **kwargs):
            print("ran", kwargs["pipeline_names"])

    SESSION_CLASS = Session
    """
    result = invoke(make_project(tmp_path / "p", settings=settings), "run", "-p", "good")
    assert (result.exit_code, result.stdout) == (0, "ran ['good']\n"), result.stderr


@pytest.mark.parametrize(
    ("code", "params", "ended"),
    [
        ("import nowhere_at_all\n", "a=1", 1),
        ("class Own(SequentialRunner):\n    def __init__(self, **kwargs):\n        super().__init__()\n", "a=1", 0),
        ("class Own(SequentialRunner):\n    def __init__(self, **kwargs):\n        raise TypeError\n", "a=1", 2),
    ],
)
def test_a_runner_of_the_project_may_take_and_need_what_it_likes(
    tmp_path: Path, code: str, params: str, ended: int
) -> None:
    own = f"from pellucid.runner import SequentialRunner\n{code}"
    project = make_project(tmp_path / "p", runners=own)
    result = invoke(project, "run", "-r", f"{PACKAGE}.runners.Own", "--runner-params", params)
    assert result.exit_code == ended


def test_a_runner_without_a_name_is_told(project: Path) -> None:
    assert invoke(project, "run", "-r", "pellucid.runner.").exit_code == 2


class TestCommandOfAPackage:
    """What ``python -m package`` and notebooks call."""

    def call(self, project: Path, *args: str, **extra: object) -> Result:
        run = find_run_command(PACKAGE)
        assert isinstance(run, click.Command)
        return CliRunner().invoke(run, list(args), obj=extra.get("obj"))

    def test_the_built_in_one_runs_the_configured_package(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(project)
        monkeypatch.syspath_prepend(str(project / "src"))
        configure_project(PACKAGE)
        assert self.call(project).exit_code == 0
        assert self.call(project, "-p", "god").exit_code == 2

    def test_the_metadata_of_a_project_may_be_passed(self, project: Path) -> None:
        assert self.call(project, obj=bootstrap_project(project)).exit_code == 0

    @pytest.mark.parametrize(
        "own",
        [
            "import click\n@click.command()\ndef run():\n    click.echo('own run')\n",
            "import click\ncli = click.Group()\n@cli.command()\ndef run():\n    click.echo('own run')\n",
        ],
    )
    def test_the_projects_own_one_wins(self, tmp_path: Path, own: str) -> None:
        project = make_project(tmp_path / "p", cli=own)
        bootstrap_project(project)
        assert self.call(project).stdout == "own run\n"

    @pytest.mark.parametrize("own", ["import click\n@click.group()\ndef cli():\n    pass\n", "x = 1\n"])
    def test_own_commands_without_run_leave_the_built_in_one(self, tmp_path: Path, own: str) -> None:
        project = make_project(tmp_path / "p", cli=own)
        bootstrap_project(project)
        assert find_run_command(PACKAGE) is run_command

    def test_outside_of_standalone_mode_it_returns_the_result_and_raises(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(project)
        assert list(run_command(["-p", "good"], standalone_mode=False)) == ["z"]
        with pytest.raises(RuntimeError, match="boom"):
            run_command(["-p", "boom"], standalone_mode=False)

    def test_without_a_project_it_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(_state.process, "project", _state.Project())
        result = CliRunner().invoke(run_command, [])
        assert (result.exit_code, "no project" in result.stderr) == (2, True)


class TestConfigFile:
    def run(self, project: Path, text: str, *args: str) -> tuple[int, str]:
        (project / "run.yml").write_text(text)
        result = invoke(project, "run", "--config", "run.yml", *args)
        return result.exit_code, result.stdout + result.stderr

    def test_its_section_gives_options(self, project: Path) -> None:
        text = "run:\n  pipeline: show\n  params: {a: 5, b: {c: [1]}}\n  runner: ThreadRunner\n  is_async: false\n"
        code, output = self.run(project, text)
        assert code == 0
        assert '{"a": 5, "b": {"c": [1]}}' in output

    @pytest.mark.parametrize("key", ["nodes", "node_names"])
    @pytest.mark.parametrize("value", ["first", "[first]"])
    def test_an_option_goes_by_its_name_or_that_of_its_argument(self, project: Path, key: str, value: str) -> None:
        code, output = self.run(project, f"run:\n  {key}: {value}\n  to-outputs:\n  load_versions: {{}}\n")
        assert (code, output.count("value")) == (0, 1)

    def test_lists_are_read_as_repeated_options_are(self, project: Path) -> None:
        text = "run:\n  pipeline: show\n  params: ['a=1,b=2', 'c.d=[3,4]']\n"
        code, output = self.run(project, text)
        assert (code, '{"a": 1, "b": 2, "c": {"d": [3, 4]}}' in output) == (0, True), output
        text = "run:\n  runner: ThreadRunner\n  runner_params: [max_workers=2]\n"
        assert self.run(project, text)[0] == 0
        code, output = self.run(project, "run:\n  load_versions: [x:2020, 'z:a:b']\n")
        assert (code, "Traceback" in output, "'z'" in output) == (2, False, True), output

    def test_the_command_line_wins(self, project: Path) -> None:
        text = "run:\n  pipelines: boom,leave\n  params: a=5\n"
        code, output = self.run(project, text, "-p", "show", "--params", "a=6")
        assert (code, '{"a": 6}' in output) == (0, True)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("run:\n  pipline: show\n", ["'pipline'", "'pipeline'"]),
            ("run:\n  config: show\n", ["'config'"]),
            ("run:\n  async: maybe\n", ["'async'", "'maybe'"]),
            ("run:\n  pipeline: [a]\n", ["'pipeline'", "text"]),
            ("run:\n  params: a\n", ["run.yml: 'params'", "'a'"]),
            ("run:\n  params: [a]\n", ["run.yml: 'params'", "'a' is not of the form 'key=value'"]),
            ("run:\n  params: [{a: 1}]\n", ["run.yml: 'params'", "{'a': 1}"]),
            ("run:\n  load_versions: [x]\n", ["run.yml: 'load_versions'", "'x'", "dataset:version"]),
            ("run:\n  runner_params: [1]\n", ["run.yml: 'runner_params'", "'1'"]),
            ("run:\n  tags: [[a]]\n", ["run.yml: 'tags'", "['a']"]),
            ("run:\n  tags: [~]\n", ["run.yml: 'tags'", "None"]),
            ("other: 1\n", ["section 'run'"]),
            ("- 1\n", ["section 'run'"]),
            ("run: [1\n", ["run.yml:2"]),
            ("run:\n  env: ${oc.env:NO_SUCH_VARIABLE}\n", ["NO_SUCH_VARIABLE"]),
        ],
    )
    def test_a_mistake_in_it_is_named(self, project: Path, text: str, words: list[str]) -> None:
        code, output = self.run(project, text)
        assert code == 2
        assert "Traceback" not in output
        for word in words:
            assert word in output


@pytest.mark.parametrize("failing", ["leave", "boom"])
def test_a_failed_run_of_a_command_of_the_projects_own_ends_with_1(tmp_path: Path, failing: str) -> None:
    own = f"""
        import click
        from pellucid.framework.session import KedroSession

        @click.command()
        def run():
            with KedroSession.create() as session:
                session.run({failing!r})
    """
    assert invoke(make_project(tmp_path / "p", cli=own), "run").exit_code == 1
