"""All commands: their help, their lookup, and those that show and change a project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import textwrap
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click
import pytest
import yaml
from tests.support.cli import PACKAGE, install_plugin, invoke, make_project, pellucid

from pellucid.framework.cli.cli import KedroCLI

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OWN = """
import click

@click.group()
def cli():
    "Own commands."

@cli.command()
@click.pass_obj
def whoami(metadata):
    "Say the project's name."
    click.echo(metadata.project_name)

@cli.command()
def run():
    "Run in another way."
    click.echo("own run")
"""


def walk(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, click.Command]]:
    yield ctx.command_path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            assert inner is not None
            yield from walk(inner, click.Context(inner, parent=ctx, info_name=name))


def test_every_command_and_option_has_a_help_text(project: Path) -> None:
    cli = KedroCLI(project)
    found = dict(walk(cli, click.Context(cli, info_name="pellucid")))
    assert {"pellucid run", "pellucid catalog resolve-patterns", "pellucid starter list"} <= set(found)
    for path, command in found.items():
        assert command.help, path
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{path} {parameter.name}"


def test_every_command_shows_tracebacks_on_demand(project: Path) -> None:
    cli = KedroCLI(project)
    for path, command in walk(cli, click.Context(cli, info_name="pellucid")):
        if path.startswith(("pellucid runs", "pellucid telemetry")):
            continue  # they come by entry points, as those of a plugin, which are given the option where it is used
        assert "--traceback" in [name for option in command.params for name in option.opts], path


class TestLookup:
    def test_unknown_commands_are_told_with_the_nearest(self, project: Path) -> None:
        for args, hint in ((["rnu"], "'run'"), (["catalog", "list-pattern"], "'list-patterns'"), (["nwe"], "'new'")):
            result = invoke(project, *args)
            assert result.exit_code == 2
            assert f"Did you mean {hint}" in result.stderr

    def test_where_no_command_is_near_those_that_there_are_are_listed(self, project: Path) -> None:
        result = invoke(project, "catalog", "§§§")
        assert "There are: describe-datasets, list-datasets, list-patterns, resolve-patterns." in result.stderr
        everywhere = invoke(project, "§§§")
        assert (everywhere.exit_code, "There are: catalog, info, " in everywhere.stderr) == (2, True)

    def test_without_a_command_help_is_shown(self, project: Path) -> None:
        assert "Project commands:" in invoke(project).output

    def test_outside_of_a_project_its_commands_are_not_shown(self, tmp_path: Path) -> None:
        result = invoke(tmp_path, "--help")
        assert "Project commands" not in result.stdout
        assert "Global commands" in result.stdout

    def test_the_help_of_project_commands_is_there_outside_of_one(self, tmp_path: Path) -> None:
        assert "--pipelines" in invoke(tmp_path, "run", "--help").stdout

    def test_the_projects_own_commands_come_first(self, tmp_path: Path) -> None:
        project = make_project(tmp_path / "p", cli=OWN)
        assert invoke(project, "run").stdout == "own run\n"
        assert invoke(project, "whoami").stdout == "Demo\n"
        assert invoke(project, "registry", "list").exit_code == 0
        help_text = invoke(project, "--help").stdout
        assert help_text.count("  run ") == 1
        assert "Run in another way." in help_text

    def test_a_run_command_alone_is_enough(self, tmp_path: Path) -> None:
        own = "import click\n@click.command()\ndef run():\n    click.echo('own run')\n"
        assert invoke(make_project(tmp_path / "p", cli=own), "run").stdout == "own run\n"

    @pytest.mark.parametrize("own", ["1 / 0\n", "import sys\nsys.exit(0)\n", "x = 1\n"])
    def test_own_commands_that_are_broken_stop_what_needs_the_project_alone(self, tmp_path: Path, own: str) -> None:
        project = make_project(tmp_path / "p", cli=own)
        for args in (["run"], ["whoami"]):
            result = invoke(project, *args)
            assert result.exit_code == 2
            assert "cli" in result.stderr
            assert "Traceback" not in result.stderr
        assert invoke(project, "info").exit_code == 0
        listed = invoke(project, "--help")
        assert (listed.exit_code, "Warning" in listed.stderr, "  run " in listed.stdout) == (0, True, True)

    def test_a_pyproject_that_is_broken_is_told(self, project: Path) -> None:
        (project / "pyproject.toml").write_text("[tool.pellucid]\npackage_name = \n")
        result = invoke(project, "run")
        assert (result.exit_code, "pyproject.toml" in result.stderr) == (2, True)
        assert invoke(project, "info").exit_code == 0

    def test_an_own_command_keeps_its_exit_code(self, tmp_path: Path) -> None:
        own = (
            "import click, sys\n@click.group()\ndef cli():\n    pass\n"
            "@cli.command()\n@click.argument('code')\ndef leave(code):\n"
            "    sys.exit(None if code == 'none' else int(code) if code.isdigit() else code)\n"
            "@cli.command()\ndef abort():\n    raise click.Abort\n"
            "@cli.command()\ndef fail():\n    raise click.ClickException('as click does')\n"
            "@cli.command()\ndef kedro():\n"
            "    from pellucid.framework.cli.utils import KedroCliError\n"
            "    try:\n        1 / 0\n    except ZeroDivisionError as error:\n"
            "        raise KedroCliError('as plugins do') from error\n"
            "@cli.command()\n@click.option('--traceback', is_flag=True)\ndef told(traceback):\n    kedro.callback()\n"
            "@cli.command()\ndef crash():\n    raise KeyError('x')\n"
        )
        project = make_project(tmp_path / "p", cli=own)
        assert [invoke(project, "leave", code).exit_code for code in ("0", "3", "none", "text")] == [0, 3, 0, 1]
        assert "Aborted" in invoke(project, "abort").stderr
        failed = invoke(project, "fail")
        assert (failed.exit_code, failed.stderr) == (1, "Error: as click does\n")
        kedro = invoke(project, "kedro")
        assert (kedro.exit_code, kedro.stderr.splitlines()[0]) == (2, "Error: as plugins do")
        assert "ZeroDivisionError" in invoke(project, "told", "--traceback").stderr
        crashed = invoke(project, "crash")
        assert (crashed.exit_code, "KeyError: 'x'" in crashed.stderr, "click/" in crashed.stderr) == (1, True, False)

    def test_without_standalone_mode_errors_are_raised_and_values_returned(self, tmp_path: Path) -> None:
        with pytest.raises(click.UsageError):
            KedroCLI(tmp_path).main(["nothing"], standalone_mode=False)

    def test_completion_is_clicks(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("_PELLUCID_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", "pellucid regis")
        monkeypatch.setenv("COMP_CWORD", "1")
        assert "registry" in invoke(project).stdout


class TestPlugins:
    ENTRY_POINTS = "[{0}.global_commands]\none = plugin_one:group\n[{0}.project_commands]\ntwo = plugin_one:project\n"
    CODE = """
    import click

    @click.group()
    def group():
        pass

    @group.command()
    def hello():
        "Say hello."
        click.echo("hello")

    @click.group()
    def project():
        pass

    @project.command()
    @click.pass_obj
    def where(metadata):
        "Say where."
        click.echo(metadata.package_name)

    @project.command()
    def run():
        "Run as the plugin does."
        click.echo("plugin run")
    """

    @pytest.mark.parametrize("root", ["pellucid", "kedro"])
    def test_their_commands_are_found_and_win_over_built_in_ones(self, project: Path, site: Path, root: str) -> None:
        install_plugin(site, "plugin-one", self.ENTRY_POINTS.format(root), self.CODE)
        assert invoke(project.parent, "hello").stdout == "hello\n"
        assert invoke(project, "where").stdout == f"{PACKAGE}\n"
        assert invoke(project, "run").stdout == "plugin run\n"
        help_text = invoke(project, "--help").stdout
        assert "Say hello." in help_text
        assert "Run as the plugin does." in help_text
        assert "plugin-one: 1.0 (entry points: global, project)" in invoke(project, "info").stdout

    def test_the_plugins_run_is_that_of_a_packaged_project(self, project: Path, site: Path) -> None:
        from pellucid.framework.cli.utils import find_run_command
        from pellucid.framework.startup import bootstrap_project

        bootstrap_project(project)
        assert getattr(find_run_command(PACKAGE), "name", "") == "run"
        install_plugin(site, "plugin-one", self.ENTRY_POINTS.format("kedro"), self.CODE)
        assert getattr(find_run_command(PACKAGE), "help", "") == "Run as the plugin does."

    def test_kedro_telemetry_is_left_out(self, project: Path, site: Path) -> None:
        install_plugin(site, "kedro-telemetry", self.ENTRY_POINTS.format("kedro"), self.CODE, module="plugin_one")
        assert invoke(project, "hello").exit_code == 2

    def test_a_broken_one_is_warned_about_and_stops_nothing(
        self, project: Path, site: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        install_plugin(site, "plugin-one", self.ENTRY_POINTS.format("kedro"), self.CODE)
        points = "[pellucid.global_commands]\nbad = plugin_bad:group\n"
        install_plugin(site, "plugin-bad", points, "import nowhere_at_all\n")
        install_plugin(site, "plugin-odd", "[pellucid.global_commands]\nodd = plugin_odd:group\n", "group = 1\n")
        assert invoke(project, "hello").stdout == "hello\n"
        assert "'plugin-bad'" in caplog.text
        assert "nowhere_at_all" in caplog.text
        assert "a click group was expected, not int" in caplog.text

    def test_init_is_called_before_a_command(self, project: Path, site: Path) -> None:
        install_plugin(
            site, "plugin-init", "[kedro.init]\nx = plugin_init:start\n", "def start():\n    print('started')\n"
        )
        assert invoke(project, "registry", "list").stdout.startswith("started\n")

    HOOKS = """
    from pellucid.framework.cli.hooks import cli_hook_impl

    class Hooks:
        @cli_hook_impl
        def before_command_run(self, project_metadata, command_args):
            print("before", getattr(project_metadata, "project_name", None), command_args)

        @cli_hook_impl
        def after_command_run(self, project_metadata, command_args, exit_code):
            print("after", exit_code)
            if "--help" in command_args:
                raise ValueError("too late")

    hooks = Hooks()
    """

    def test_hooks_are_called_around_a_command(self, project: Path, site: Path) -> None:
        install_plugin(site, "plugin-hooks", "[kedro.cli_hooks]\nx = plugin_hooks:hooks\n", self.HOOKS)
        lines = invoke(project, "run", "-p", "god").stdout.splitlines()
        assert lines == ["before Demo ['run', '-p', 'god']", "after 2"]
        assert invoke(project.parent, "info").stdout.startswith("before None ['info']\n")

    def test_a_hook_that_fails_afterwards_changes_nothing(
        self, project: Path, site: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        install_plugin(site, "plugin-hooks", "[kedro.cli_hooks]\nx = plugin_hooks:hooks\n", self.HOOKS)
        assert invoke(project, "--help").exit_code == 0
        assert "too late" in caplog.text

    def test_a_broken_project_does_not_keep_hooks_from_being_called(self, project: Path, site: Path) -> None:
        install_plugin(site, "plugin-hooks", "[kedro.cli_hooks]\nx = plugin_hooks:hooks\n", self.HOOKS)
        (project / "pyproject.toml").write_text("[tool.pellucid]\n")
        assert invoke(project, "run").stdout == "before None ['run']\nafter 2\n"

    def test_a_class_of_hooks_is_left_out(self, project: Path, site: Path, caplog: pytest.LogCaptureFixture) -> None:
        install_plugin(site, "plugin-hooks", "[kedro.cli_hooks]\nx = plugin_hooks:Hooks\n", self.HOOKS)
        assert invoke(project, "info").exit_code == 0
        assert "not a class" in caplog.text

    def test_a_hook_that_fails_before_stops_the_command(self, project: Path, site: Path) -> None:
        code = self.HOOKS.replace('print("before"', 'raise ValueError("stop"')
        install_plugin(site, "plugin-hooks", "[kedro.cli_hooks]\nx = plugin_hooks:hooks\n", code)
        result = invoke(project, "run")
        assert (result.exit_code, "value" in result.stdout) == (1, False)
        assert "ValueError: ('stop'" in result.stderr

    def plugin(self, site: Path, purpose: str, code: str) -> None:
        """Install a plugin whose hooks, or whose ``start``, are these lines."""
        body = textwrap.indent(textwrap.dedent(code), "    ")
        if purpose == "init":
            text = f"import sys, click\ndef start():\n{body}"
        else:
            text = (
                "import sys, click\nfrom pellucid.framework.cli.hooks import cli_hook_impl\nclass Hooks:\n"
                f"{body}\nstart = Hooks()\n"
            )
        install_plugin(site, "plugin-stop", f"[kedro.{purpose}]\nx = plugin_stop:start\n", text)

    @pytest.mark.parametrize("leave", ["sys.exit(0)", "sys.exit()", "sys.exit(3)", "raise click.exceptions.Exit(0)"])
    def test_init_cannot_end_a_command_as_if_it_were_done(self, project: Path, site: Path, leave: str) -> None:
        self.plugin(site, "init", leave)
        result = invoke(project, "run")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("Error: sys.exit(")
        assert "plugin_stop.py:" in result.stderr

    @pytest.mark.parametrize("leave", ["sys.exit(0)", "raise click.exceptions.Exit(0)"])
    def test_a_hook_before_cannot_end_a_command_as_if_it_were_done(self, project: Path, site: Path, leave: str) -> None:
        code = f"""
        @cli_hook_impl
        def before_command_run(self):
            {leave}
        @cli_hook_impl
        def after_command_run(self, exit_code):
            print("after", exit_code)
        """
        self.plugin(site, "cli_hooks", code)
        result = invoke(project, "run")
        assert (result.exit_code, result.stdout) == (2, "after 2\n")
        assert result.stderr.startswith("Error: sys.exit(0) was called at ")

    @pytest.mark.parametrize("error", ["SystemExit(0)", "ValueError('too late')", "click.exceptions.Exit(0)"])
    @pytest.mark.parametrize(("args", "code"), [(["run", "--nodes", "nope"], 2), (["registry", "list"], 0)])
    def test_a_hook_after_never_changes_the_code(
        self, project: Path, site: Path, error: str, args: list[str], code: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.plugin(site, "cli_hooks", f"@cli_hook_impl\ndef after_command_run(self):\n    raise {error}")
        assert invoke(project, *args).exit_code == code
        assert [record.levelname for record in caplog.records if "after the command" in record.message] == ["WARNING"]

    @pytest.mark.parametrize(("args", "code"), [(["run", "--nodes", "nope"], 2), (["registry", "list"], 130)])
    def test_a_ctrl_c_while_a_hook_is_at_work_afterwards_keeps_a_failure(
        self, project: Path, site: Path, args: list[str], code: int
    ) -> None:
        self.plugin(site, "cli_hooks", "@cli_hook_impl\ndef after_command_run(self):\n    raise KeyboardInterrupt")
        assert invoke(project, *args).exit_code == code

    def test_hooks_with_a_wrong_argument_are_left_out(
        self, project: Path, site: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.plugin(site, "cli_hooks", "@cli_hook_impl\ndef before_command_run(self, argumens):\n    pass")
        assert invoke(project, "info").exit_code == 0
        assert "'plugin-stop' is left out" in caplog.text
        assert "argumens" in caplog.text


OWN_FAILURES = """
import click
from pellucid.exceptions import PellucidError

@click.group()
def cli():
    pass

def _fail():
    try:
        1 / 0
    except ZeroDivisionError as error:
        raise PellucidError("a mistake") from error

@cli.command()
def plain():
    _fail()

@cli.command()
@click.option("--verbose", is_flag=True)
@click.option("--text", default="")
def own(verbose, text):
    click.echo(f"{verbose} {text}")
    _fail()

@cli.group()
def inner():
    pass

@inner.command()
def deep():
    _fail()

class Lazy(click.Group):
    def list_commands(self, ctx):
        return ["broken", "fine"]
    def get_command(self, ctx, name):
        if name == "broken":
            raise ImportError("only when it is asked for")
        return plain if name == "fine" else None

cli.add_command(Lazy("lazy"))

@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def forward(words):
    click.echo(words)
"""


class TestTraceback:
    """What the hint promises holds for every command, whoever wrote it."""

    @pytest.mark.parametrize(
        "args",
        [
            ["plain", "--traceback"],
            ["plain", "-v"],
            ["--traceback", "plain"],
            ["own", "-v"],
            ["inner", "deep", "--traceback"],
            ["inner", "--traceback", "deep"],
            ["lazy", "fine", "--traceback"],
        ],
    )
    def test_own_commands_and_groups_take_the_option(self, tmp_path: Path, args: list[str]) -> None:
        project = make_project(tmp_path / "p", cli=OWN_FAILURES)
        bare = invoke(project, *(word for word in args if not word.startswith("-")))
        assert (bare.exit_code, "Run with --traceback" in bare.stderr) == (2, True)
        shown = invoke(project, *args)
        assert (shown.exit_code, "ZeroDivisionError" in shown.stderr) == (2, True), shown.stderr

    def test_what_a_command_makes_of_such_words_is_its_own(self, tmp_path: Path) -> None:
        project = make_project(tmp_path / "p", cli=OWN_FAILURES)
        assert invoke(project, "own", "--verbose", "--text", "-v").stdout == "True -v\n"
        assert invoke(project, "forward", "-v", "--traceback").stdout == "('-v', '--traceback')\n"

    @pytest.mark.parametrize("args", [["registry", "--traceback", "list"], ["--verbose", "registry", "list"]])
    def test_groups_of_ours_take_it(self, tmp_path: Path, args: list[str]) -> None:
        result = invoke(tmp_path, *args)
        assert (result.exit_code, "Traceback" in result.stderr, "no project" in result.stderr) == (2, True, True)


class TestShow:
    def test_registered_pipelines_are_listed(self, project: Path) -> None:
        listed = yaml.safe_load(invoke(project, "registry", "list").stdout)
        assert listed == sorted(listed)
        assert {"__default__", "good", "boom"} <= set(listed)

    @pytest.mark.parametrize("args", [[], ["good"]])
    def test_a_pipeline_is_described_by_its_nodes(self, project: Path, args: list[str]) -> None:
        described = yaml.safe_load(invoke(project, "registry", "describe", *args).stdout)
        assert described == {"Nodes": ["first (same)", "second (same)", "third (same)"]}

    @pytest.mark.parametrize("args", [["registry", "describe", "god"], ["catalog", "resolve-patterns", "-p", "god"]])
    def test_an_unknown_pipeline_is_told_with_the_nearest(self, project: Path, args: list[str]) -> None:
        result = invoke(project, *args)
        assert (result.exit_code, "Did you mean 'good'" in result.stderr) == (2, True)

    def test_a_registry_that_ends_the_process_is_told(self, tmp_path: Path) -> None:
        project = make_project(tmp_path / "p", pipeline_registry="import sys\nsys.exit(0)\n")
        result = invoke(project, "registry", "list")
        assert result.exit_code == 2
        assert "SystemExit: 0" in result.stderr
        assert "pipeline_registry.py:" in result.stderr

    @pytest.mark.parametrize("command", ["describe-datasets", "list-datasets"])
    def test_datasets_are_grouped_by_type(self, project: Path, command: str) -> None:
        shown = yaml.safe_load(invoke(project, "catalog", command, "-p", "good").stdout)
        assert list(shown) == ["good"]
        assert [list(shown["good"][kind].values()) for kind in ("datasets", "factories", "defaults")] == [
            [["x"]],
            [["y_out"]],
            [["z"]],
        ]

    def test_all_pipelines_are_shown_if_none_is_named(self, project: Path) -> None:
        assert "boom" in yaml.safe_load(invoke(project, "catalog", "describe-datasets").stdout)

    def test_patterns_are_listed_and_resolved(self, project: Path) -> None:
        assert yaml.safe_load(invoke(project, "catalog", "list-patterns").stdout)[0] == "{name}_out"
        resolved = yaml.safe_load(invoke(project, "catalog", "resolve-patterns", "-p", "good").stdout)
        assert resolved["y_out"]["filepath"].endswith("data/y.pkl")

    def test_the_catalog_of_a_context_of_ones_own_is_shown(self, tmp_path: Path) -> None:
        settings = """
        from pellucid.framework.context import KedroContext
        from pellucid.io import DataCatalog
        class Context(KedroContext):
            @property
            def catalog(self):
                return DataCatalog.from_config({"own_{name}": {"type": "MemoryDataset"}})
        CONTEXT_CLASS = Context
        """
        project = make_project(tmp_path / "p", settings=settings)
        assert yaml.safe_load(invoke(project, "catalog", "list-patterns").stdout)[0] == "own_{name}"

    def test_an_unknown_environment_is_told(self, project: Path) -> None:
        assert invoke(project, "catalog", "list-patterns", "-e", "nowhere").exit_code == 2


class TestPipelineFiles:
    def test_a_pipeline_is_made_and_deleted(self, project: Path) -> None:
        made = invoke(project, "pipeline", "create", "fresh")
        assert made.exit_code == 0
        folder = project / "src" / PACKAGE / "pipelines" / "fresh"
        assert sorted(each.name for each in folder.iterdir()) == ["__init__.py", "nodes.py", "pipeline.py"]
        assert (project / "conf" / "base" / "parameters_fresh.yml").exists()
        test = (project / "tests" / "pipelines" / "fresh" / "test_pipeline.py").read_text()
        assert f"from {PACKAGE}.pipelines.fresh import" in test
        again = invoke(project, "pipeline", "create", "fresh")
        assert (again.exit_code, "already" in again.stderr) == (2, True)
        kept = invoke(project, "pipeline", "delete", "fresh", typed="n\n")
        assert (kept.exit_code, folder.exists()) == (1, True)
        near = invoke(project, "pipeline", "delete", "frsh", "-y")
        assert (near.exit_code, "'fresh'" in near.stderr) == (2, True)
        assert invoke(project, "pipeline", "delete", "fresh", typed="y\n").exit_code == 0
        assert not folder.exists()
        assert not (project / "conf" / "base" / "parameters_fresh.yml").exists()

    def test_what_is_made_is_a_pipeline_that_is_found(self, project: Path) -> None:
        registry = project / "src" / PACKAGE / "pipeline_registry.py"
        registry.write_text(
            "from pellucid.framework.project import find_pipelines\n"
            "def register_pipelines():\n    return find_pipelines(raise_errors=True)\n"
        )
        assert invoke(project, "pipeline", "create", "fresh", "--skip-config").exit_code == 0
        assert not (project / "conf" / "base" / "parameters_fresh.yml").exists()
        assert "fresh" in yaml.safe_load(invoke(project, "registry", "list").stdout)

    @pytest.mark.parametrize("place", ["option", "project"])
    def test_a_template_of_ones_own_is_used(self, project: Path, tmp_path: Path, place: str) -> None:
        template = tmp_path / "own" if place == "option" else project / "templates" / "pipeline"
        template.mkdir(parents=True)
        (template / "{{ pipeline_name }}_nodes.py").write_text("# {{ pipeline_name }}\n")
        args = ["--template", str(template)] if place == "option" else []
        assert invoke(project, "pipeline", "create", "fresh", *args).exit_code == 0
        made = project / "src" / PACKAGE / "pipelines" / "fresh" / "fresh_nodes.py"
        assert made.read_text() == "# fresh\n"

    @pytest.mark.parametrize(
        ("args", "word"), [(["1st"], "1st"), (["class"], "class"), (["fresh", "-e", "bsae"], "'base'")]
    )
    def test_a_name_that_cannot_be_used_is_told_with_the_reason(
        self, project: Path, args: list[str], word: str
    ) -> None:
        result = invoke(project, "pipeline", "create", *args)
        assert (result.exit_code, word in result.stderr) == (2, True)

    def test_a_project_without_configuration_has_no_environment(self, project: Path) -> None:
        (project / "src" / PACKAGE / "settings.py").write_text("CONF_SOURCE = 'elsewhere'\n")
        assert invoke(project, "pipeline", "create", "fresh").exit_code == 2

    def test_files_that_cannot_be_written_are_one_message(self, project: Path) -> None:
        taken = project / "src" / PACKAGE / "pipelines"
        taken.touch()
        result = invoke(project, "pipeline", "create", "fresh")
        assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
        assert result.stderr.startswith(f"Error: The pipeline 'fresh' cannot be made: {taken}")

    def test_files_that_cannot_be_deleted_are_one_message(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A folder that is read-only stops everybody but the superuser, so the system's answer is made up."""
        assert invoke(project, "pipeline", "create", "fresh").exit_code == 0

        def refuse(path: Path) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(shutil, "rmtree", refuse)
        result = invoke(project, "pipeline", "delete", "fresh", "-y")
        folder = project / "src" / PACKAGE / "pipelines" / "fresh"
        assert result.exit_code == 2
        assert result.stderr == f"Error: The pipeline 'fresh' cannot be deleted: {folder}: Permission denied\n"

    def test_nothing_is_there_to_be_deleted(self, project: Path) -> None:
        assert invoke(project, "pipeline", "delete", "fresh").exit_code == 2


class TestPackage:
    def test_the_configuration_is_archived_without_what_is_local(
        self, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With a pip of the test's own, as building a wheel needs a network."""
        pip = tmp_path / "fake" / "pip"
        pip.mkdir(parents=True)
        (pip / "__init__.py").touch()
        (pip / "__main__.py").write_text("import sys\nprint('pip', sys.argv[1:])\n")
        monkeypatch.setenv("PYTHONPATH", str(pip.parent))
        for name in ("credentials.yml", ".gitkeep"):
            (project / "conf" / "local" / name).write_text("secret: 1\n")
        assert invoke(project, "package").exit_code == 0
        with tarfile.open(project / "dist" / f"conf-{PACKAGE}.tar.gz") as archive:
            names = archive.getnames()
        assert "conf/base/catalog.yml" in names
        assert "conf/local/.gitkeep" in names
        assert "conf/local/credentials.yml" not in names

    def test_a_build_that_fails_ends_with_its_code(
        self, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pip = tmp_path / "fake" / "pip"
        pip.mkdir(parents=True)
        (pip / "__init__.py").touch()
        (pip / "__main__.py").write_text("import sys\nsys.exit(3)\n")
        monkeypatch.setenv("PYTHONPATH", str(pip.parent))
        assert invoke(project, "package", "--no-isolation").exit_code == 3

    def test_a_project_without_configuration_is_told(self, project: Path) -> None:
        (project / "src" / PACKAGE / "settings.py").write_text("CONF_SOURCE = 'elsewhere'\n")
        result = invoke(project, "package")
        assert (result.exit_code, "elsewhere" in result.stderr) == (2, True)

    def test_a_folder_that_cannot_be_written_is_one_message(self, project: Path) -> None:
        (project / "dist").touch()
        result = invoke(project, "package")
        assert result.exit_code == 2
        assert result.stderr == f"Error: The project cannot be packaged: {project / 'dist'}: File exists\n"

    @pytest.mark.processes
    def test_the_wheel_runs_where_it_is_installed(self, tmp_path: Path) -> None:
        """Built with the backend that is installed, or else with one that pip fetches for it."""
        assert invoke(tmp_path, "new", "-n", "Demo App", "-s", "blank").exit_code == 0
        project = tmp_path / "demo-app"
        registry = project / "src" / "demo_app" / "pipeline_registry.py"
        registry.write_text(
            "from pellucid.pipeline import node, pipeline\n\n\ndef register_pipelines():\n"
            "    return {'__default__': pipeline([node(print, 'params:greeting', None, name='greet')])}\n"
        )
        (project / "conf" / "base" / "parameters.yml").write_text("greeting: hello from the wheel\n")
        packaged = pellucid(project, "package", *(["--no-isolation"] if find_spec("hatchling") else []))
        assert packaged.returncode == 0, packaged.stdout + packaged.stderr
        (wheel,) = (project / "dist").glob("*.whl")
        site = tmp_path / "installed"
        pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--target", str(site), str(wheel)]
        subprocess.run(pip, check=True, capture_output=True, timeout=60)
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        command = [sys.executable, "-m", "demo_app", "--conf-source", str(project / "dist" / "conf-demo_app.tar.gz")]
        path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            command,
            cwd=elsewhere,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stdout) == (0, "hello from the wheel\n"), done.stderr
