"""What plugins and projects build their commands with."""

from __future__ import annotations

import sys
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pellucid.framework import cli as cli_package
from pellucid.framework.cli import utils
from pellucid.framework.cli._commands import PellucidCommand
from pellucid.framework.cli._hints import nearest_or_all
from pellucid.framework.cli._params import parse_params
from pellucid.framework.cli._traceback import format_error
from pellucid.framework.cli.utils import (
    CommandCollection,
    KedroCliError,
    LazyGroup,
    _split_load_versions,
    _split_params,
    call,
    command_with_verbosity,
    env_option,
    forward_command,
    python_call,
    split_node_names,
    split_string,
    validate_conf_source,
)

CTX = click.Context(click.Command("x"))


def test_the_exports_are_the_intended_ones() -> None:
    assert set(cli_package.__all__) == {"command_with_verbosity", "load_entry_points", "main"}
    for name in utils.__all__:
        assert hasattr(utils, name)


@pytest.mark.parametrize(
    ("text", "names"), [("a, b", ["a", "b"]), ("a,,b", ["a", "b"]), ("", []), (" ", []), ("a", ["a"])]
)
def test_names_are_split_at_commas(text: str, names: list[str]) -> None:
    assert split_string(CTX, None, text) == names
    assert split_node_names(CTX, None, text) == names


def test_commas_in_default_names_of_nodes_do_not_split_them() -> None:
    names = ["f([x,y]) -> [z]", "g([x]) -> [y]", "plain"]
    assert split_node_names(CTX, None, ",".join(names)) == names


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("a=1", {"a": 1}),
        ("a.b.c=1.5", {"a": {"b": {"c": 1.5}}}),
        ("a=true,b=null,c=1e3,d=2020-01-01", {"a": True, "b": None, "c": 1000.0, "d": "2020-01-01"}),
        ("a=", {"a": None}),
        ("a=b=c", {"a": "b=c"}),
        ("a=1,a.b=2", {"a": {"b": 2}}),
        ("a=x y, b=  3", {"a": "x y", "b": 3}),
        ("a=1,,b=2", {"a": 1, "b": 2}),
        ('a="1"', {"a": "1"}),
        ('a="1,2",b=3', {"a": "1,2", "b": 3}),
        ("a=[1,{b: [2,3]}],c=4", {"a": [1, {"b": [2, 3]}], "c": 4}),
        ("a=http://x:80/y", {"a": "http://x:80/y"}),
        ("a=it's,b=2", {"a": "it's", "b": 2}),
        ("", {}),
    ],
)
def test_parameters_are_typed_as_in_yaml(text: str, params: dict[str, Any]) -> None:
    assert _split_params(CTX, None, text) == params


def test_a_mapping_is_left_as_it_is() -> None:
    assert _split_params(CTX, None, {"a": 1}) == {"a": 1}


@pytest.mark.parametrize("text", ["a", "=1", "a=1,b", "a=[1", ".a=1", "a.=1", "a={", "a='x"])
def test_what_is_no_parameter_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        _split_params(CTX, None, text)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True), st.integers() | st.booleans()))
def test_what_is_written_is_read(params: dict[str, Any]) -> None:
    assert parse_params(",".join(f"{key}={str(value).lower()}" for key, value in params.items())) == params


def test_a_load_version_may_contain_colons() -> None:
    assert _split_load_versions(CTX, None, "a:1, b:2026-01-01T00:00") == {"a": "1", "b": "2026-01-01T00:00"}
    assert _split_load_versions(CTX, None, "") == {}


@pytest.mark.parametrize("text", ["a", "a:", ":1", "a:1,b"])
def test_a_load_version_without_dataset_or_version_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        _split_load_versions(CTX, None, text)


def test_a_source_of_configuration_is_a_path_that_exists_or_a_url(tmp_path: Any) -> None:
    assert validate_conf_source(CTX, None, str(tmp_path)) == str(tmp_path)
    assert validate_conf_source(CTX, None, "s3://bucket/conf") == "s3://bucket/conf"
    assert not validate_conf_source(CTX, None, "")
    with pytest.raises(click.BadParameter):
        validate_conf_source(CTX, None, str(tmp_path / "none"))


def test_the_option_for_the_environment_goes_with_and_without_parentheses() -> None:
    for option in (env_option, env_option(), env_option(help="Another text.")):

        @click.command()
        @option
        def show(env: str | None) -> None:
            click.echo(f"env {env}")

        assert CliRunner().invoke(show, ["-e", "x"]).output == "env x\n"
        assert CliRunner().invoke(show, []).output == "env None\n"


class TestKedroCliError:
    def invoke(self, error: Exception, **attributes: Any) -> Any:
        @click.command()
        def fail() -> None:
            raise error from (KeyError("the cause") if attributes.pop("cause", False) else None)

        return CliRunner().invoke(fail, [])

    def test_it_is_a_message_without_the_trap_of_an_empty_traceback(self) -> None:
        result = self.invoke(KedroCliError("what went wrong"))
        assert (result.exit_code, result.stderr) == (2, "Error: what went wrong\n")

    @pytest.mark.parametrize("exists", [True, False])
    def test_with_a_cause_it_says_how_to_see_it_where_there_is_the_option(self, exists: bool) -> None:
        class Asked(KedroCliError):
            VERBOSE_EXISTS = exists

        assert self.invoke(Asked("what went wrong"), cause=True).stderr == "Error: what went wrong\n"

        @click.command(cls=PellucidCommand)
        def fail() -> None:
            raise Asked("what went wrong") from KeyError("the cause")

        assert ("--traceback" in CliRunner().invoke(fail, []).stderr) is exists

    def test_its_class_can_ask_for_tracebacks(self) -> None:
        class Verbose(KedroCliError):
            VERBOSE_ERROR = True

        assert "Traceback" in self.invoke(Verbose("what went wrong")).stderr
        shown = Verbose("never raised")
        shown.show()


class TestGroups:
    def test_a_lazy_group_imports_a_command_when_it_is_asked_for(self) -> None:
        group = LazyGroup(
            lazy_subcommands={
                "run": "pellucid.framework.cli.project.run",
                "odd": "pellucid.framework.cli.utils.ENV_HELP",
            }
        )
        assert group.list_commands(CTX) == ["odd", "run"]
        assert group.get_command(CTX, "run") is not None
        assert group.get_command(CTX, "other") is None
        with pytest.raises(TypeError, match="ENV_HELP should be a click command"):
            group.get_command(CTX, "odd")

    def test_a_collection_shows_each_command_once_and_takes_the_first(self) -> None:
        first, second = click.Group(), click.Group(params=[click.Option(["--flag"], is_flag=True)])
        for group, text in ((first, "one"), (second, "two")):
            group.add_command(click.Command("same", help=text, callback=lambda text=text: click.echo(text)))
        second.add_command(click.Command("other", help="Another."))
        second.add_command(click.Command("secret", hidden=True))
        collection = CommandCollection(("First", [first]), ("Second", [second]), ("None", [click.Group()]))
        shown = CliRunner().invoke(collection, ["--help"]).output
        assert (shown.count("same"), "secret" in shown, "None:" in shown, "--flag" in shown) == (1, False, False, True)
        assert CliRunner().invoke(collection, ["same"]).output == "one\n"
        assert "Did you mean 'same'" in CliRunner().invoke(collection, ["saem"]).output

    def test_a_command_of_a_plugin_gets_the_option_for_tracebacks(self) -> None:
        group = click.Group()

        def do() -> None:
            """Do it."""
            click.echo("done")

        command_with_verbosity(group, "do")(do)
        assert CliRunner().invoke(group, ["do", "--verbose"]).output == "done\n"
        assert CliRunner().invoke(group, ["do", "-h"]).exit_code == 0

    @pytest.mark.parametrize(("forward_help", "output"), [(True, "('--x', '1', '--help')\n"), (False, "Usage")])
    def test_a_command_forwards_its_words(self, forward_help: bool, output: str) -> None:
        group = click.Group()

        def tool(args: tuple[str, ...]) -> None:
            click.echo(args)

        forward_command(group, "tool", forward_help=forward_help)(tool)
        assert CliRunner().invoke(group, ["tool", "--x", "1", "--help"]).output.startswith(output)


class TestCall:
    def test_a_program_that_works_is_shown_and_run(self, capfd: pytest.CaptureFixture[str]) -> None:
        python_call("this", [], env={"PYTHONHASHSEED": "0"})
        assert capfd.readouterr().out.startswith(f"{sys.executable} -m this\n")

    @pytest.mark.parametrize(
        ("code", "ended"), [("import sys; sys.exit(3)", 3), ("import os; os.kill(os.getpid(), 9)", 137)]
    )
    def test_one_that_fails_ends_the_command_with_its_code(self, code: str, ended: int) -> None:
        with pytest.raises(click.exceptions.Exit) as info:
            call([sys.executable, "-c", code])
        assert info.value.exit_code == ended

    def test_one_that_is_not_there_is_told(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(click.exceptions.Exit):
            call(["no-such-program"])
        assert "'no-such-program' is not installed" in capsys.readouterr().err


def test_causes_keep_the_users_frames() -> None:
    def inner() -> None:
        raise KeyError("inner")

    def outer() -> None:
        try:
            inner()
        except KeyError as error:
            raise ValueError("outer") from error

    try:
        outer()
    except ValueError as error:
        text = format_error(error)
    assert text.count("Traceback") == 2
    assert "in inner" in text


def test_a_circle_of_causes_ends() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert "first" in format_error(first)


@pytest.mark.parametrize(
    ("known", "hint"),
    [
        (["alpha", "beta"], " There are: alpha, beta."),
        (["zz1", "alpha"], " Did you mean 'zz1'?"),
        ([], ""),
        (
            [f"name_{letter}" for letter in "abcdefghijkl"],
            " There are: " + ", ".join(f"name_{letter}" for letter in "abcdefghij") + " and 2 more.",
        ),
    ],
)
def test_where_nothing_is_near_the_names_that_there_are_are_listed(known: list[str], hint: str) -> None:
    assert nearest_or_all("zz", known) == hint
