"""The extension of IPython, in a real shell."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from tests.support.cli import PACKAGE, install_plugin, make_project, pellucid

from pellucid import ipython as extension
from pellucid.exceptions import NotAProjectError, UnknownNameError
from pellucid.ipython import load_ipython_extension, magic_load_node, magic_reload_kedro, reload_kedro

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

VARIABLES = {"catalog", "context", "pipelines", "session"}

NODES = '''
from __future__ import annotations

import json as j
from . import other
from .other import VALUE


def combine(first, *rest, scale=2):
    """Combine them."""
    return [first, rest, scale, VALUE, j]


def begin():
    return 5


combine_again = combine
'''
REGISTRY = """
from pellucid.pipeline import node, pipeline
from .nodes import begin, combine

def register_pipelines():
    return {"__default__": pipeline([
        node(combine, ["params:a", "params:b", "params:c"], "listed", name="listed"),
        node(combine, {"first": "params:a", "scale": "params:b"}, "named", name="named"),
        node(combine, "params:a", "single", name="single"),
        node(dict, None, "nothing", name="built_in"),
        node(begin, None, "begun", name="begin"),
    ])}
"""


@pytest.fixture
def shell() -> Iterator[Any]:
    made: Any = InteractiveShell.instance()
    yield made
    made.history_manager.end_session()
    InteractiveShell.clear_instance()


@pytest.fixture
def rich_project(tmp_path: Path) -> Path:
    project = make_project(tmp_path / "rich", nodes=NODES, pipeline_registry=REGISTRY, other="VALUE = 1\n")
    (project / "conf" / "base" / "parameters.yml").write_text("a: 1\nb: 2\nc: 3\n")
    return project


def test_the_exports_are_the_intended_ones() -> None:
    assert set(extension.__all__) == {
        "load_ipython_extension",
        "magic_load_node",
        "magic_reload_kedro",
        "register_magics",
        "reload_kedro",
    }


def test_the_module_imports_without_ipython() -> None:
    code = "import sys; sys.modules['IPython'] = None; import pellucid.ipython"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_loading_the_extension_loads_the_project_around(
    project: Path, shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / "conf")
    shell.extension_manager.load_extension("pellucid.ipython")
    assert set(shell.user_ns) >= VARIABLES
    assert shell.user_ns["catalog"].load("params:a") == 1
    shell.run_line_magic("reload_pellucid", "--env local --params=a=5,b.c=x")
    assert shell.user_ns["catalog"].load("params:b.c") == "x"
    shell.run_line_magic("reload_kedro", f"'{project}'")
    assert shell.user_ns["catalog"].load("params:a") == 1


def test_without_a_project_it_says_so_and_has_the_magics(
    tmp_path: Path, shell: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    load_ipython_extension(shell)
    assert "%reload_pellucid <folder>" in caplog.text
    assert not VARIABLES & set(shell.user_ns)
    assert shell.find_line_magic("load_node") is not None


def test_magics_of_plugins_are_added(tmp_path: Path, site: Path, shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "def shout(line):\n    return line.upper()\n"
    install_plugin(site, "plugin-magic", "[kedro.line_magic]\nshout = plugin_magic:shout\n", code)
    monkeypatch.chdir(tmp_path)
    load_ipython_extension(shell)
    assert shell.run_line_magic("shout", "hello") == "HELLO"


def test_reloading_sees_changed_code_and_configuration(project: Path) -> None:
    namespace: dict[str, Any] = {}
    reload_kedro(str(project), local_namespace=namespace)
    registry = project / "src" / PACKAGE / "pipeline_registry.py"
    registry.write_text("def register_pipelines():\n    return {}\n")
    (project / "conf" / "base" / "parameters.yml").write_text("a: 22\n")
    magic_reload_kedro("", namespace)
    assert dict(namespace["pipelines"]) == {}
    assert namespace["catalog"].load("params:a") == 22


def test_without_a_namespace_the_variables_are_those_of_the_shell(project: Path, shell: Any) -> None:
    reload_kedro(str(project))
    assert set(shell.user_ns) >= VARIABLES


def test_the_session_runs(project: Path) -> None:
    namespace: dict[str, Any] = {}
    reload_kedro(str(project), local_namespace=namespace)
    assert namespace["session"].run(node_names=["first"]) is not None


def test_a_mistake_in_the_line_does_not_end_the_shell(project: Path) -> None:
    with pytest.raises(ValueError, match="unrecognized"):
        magic_reload_kedro(f"{project} --nonsense", {})


@pytest.mark.parametrize(
    ("magic", "line", "word"),
    [
        ("reload_pellucid", "--env=nope", "'nope'"),
        ("reload_pellucid", "--nonsense", "--nonsense"),
        ("reload_pellucid", "--params=a", "key=value"),
        ("reload_pellucid", "'half", "quotation"),
        ("reload_pellucid", "/", "no project"),
        ("load_node", "frist", "'first'"),
    ],
)
def test_a_mistake_in_a_magic_is_one_line_and_fails_the_cell(
    project: Path,
    shell: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    magic: str,
    line: str,
    word: str,
) -> None:
    monkeypatch.chdir(project)
    load_ipython_extension(shell)
    capsys.readouterr()
    done = shell.run_cell(f"%{magic} {line}")
    shown = capsys.readouterr()
    assert not done.success
    assert word in shown.err
    assert "Traceback" not in shown.out + shown.err


def test_a_project_that_cannot_be_loaded_is_one_line(
    project: Path, shell: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "conf" / "base" / "catalog.yml").write_text("a: [\n")
    monkeypatch.chdir(project)
    assert not shell.run_cell("%load_ext pellucid.ipython").success
    shown = capsys.readouterr()
    assert "catalog.yml:" in shown.err
    assert "Traceback" not in shown.out + shown.err
    assert shell.find_line_magic("reload_pellucid") is not None


def test_a_folder_without_a_project_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotAProjectError, match="no project"):
        reload_kedro(str(tmp_path), local_namespace={})


def test_outside_of_a_shell_the_magics_say_so(project: Path) -> None:
    with pytest.raises(RuntimeError, match="IPython"):
        reload_kedro(str(project))
    with pytest.raises(RuntimeError, match="IPython"):
        magic_load_node("first")


class TestLoadNode:
    def source(self, shell: Any, name: str) -> str:
        magic_load_node(name)
        text = shell.payload_manager.read_payload()[-1]["text"] if shell.rl_next_input is None else shell.rl_next_input
        return str(text)

    @pytest.fixture(autouse=True)
    def loaded(self, rich_project: Path, shell: Any) -> None:
        reload_kedro(str(rich_project), local_namespace=shell.user_ns)

    @pytest.mark.parametrize(
        ("name", "call", "result"),
        [
            ("listed", "combine(first, rest_0, rest_1)", [1, (2, 3), 2, 1]),
            ("named", "combine(first=first, scale=scale)", [1, (), 2, 1]),
            ("single", "combine(first)", [1, (), 2, 1]),
        ],
    )
    def test_the_code_of_a_node_runs_step_by_step(self, shell: Any, name: str, call: str, result: list[Any]) -> None:
        text = self.source(shell, name)
        assert text.endswith(call)
        assert f"from {PACKAGE}.other import VALUE" in text
        assert f"from {PACKAGE} import other" in text
        assert "__future__" not in text
        done = shell.run_cell(text)
        assert done.result[:4] == result

    def test_a_node_without_inputs_is_called_with_nothing(self, shell: Any) -> None:
        text = self.source(shell, "begin")
        assert (text.endswith("\nbegin()"), "catalog.load" in text) == (True, False)
        assert shell.run_cell(text).result == 5

    def test_an_unknown_node_is_told_with_the_nearest(self) -> None:
        with pytest.raises(UnknownNameError, match="'listed'"):
            magic_load_node("lister")

    def test_the_code_of_a_built_in_function_cannot_be_had(self) -> None:
        with pytest.raises(ValueError, match="cannot be had"):
            magic_load_node("built_in")


@pytest.mark.processes
class TestCommand:
    @pytest.fixture
    def ipython(self, project: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
        """Return what runs the command with IPython's settings apart."""
        environment = {**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")}
        return lambda *args: pellucid(project, "ipython", *args, env=environment)

    def test_it_opens_ipython_with_the_project(self, ipython: Any) -> None:
        code = "print(catalog.load('params:a'), sorted(pipelines)[:1], session is not None, context.env)"
        done = ipython("--params", "a=[7,x],b.c=1", "--env", "local", "-c", code)
        assert "[7, 'x'] ['__default__'] True local" in done.stdout, done.stderr
        assert (done.returncode, done.stderr.count("Error")) == (0, 0), done.stderr

    def test_the_magics_are_there_and_know_the_project(self, ipython: Any, tmp_path: Path) -> None:
        script = tmp_path / "script.ipy"
        script.write_text("import os\nos.chdir('/')\n%reload_pellucid --params=a=9\nprint(catalog.load('params:a'))\n")
        done = ipython(str(script))
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "9"), done.stderr

    @pytest.mark.parametrize(
        ("options", "word"),
        [(["--env", "nope"], "'nope'"), (["--conf-source", "nowhere"], "'nowhere'"), (["--params", "a"], "'a'")],
    )
    def test_a_mistake_ends_the_command_before_the_shell_starts(
        self, ipython: Any, options: list[str], word: str
    ) -> None:
        done = ipython(*options, "--simple-prompt", "-c", "print('started')")
        assert (done.returncode, done.stdout) == (2, "")
        assert word in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr

    def test_a_mistake_in_a_magic_is_a_failure(self, ipython: Any) -> None:
        assert ipython("-c", "%reload_pellucid --env=nope").returncode == 1

    @pytest.mark.parametrize(
        "args",
        [
            ["-c", "print(1)"],
            ["-c", "1/0"],
            ["-c", "import sys; sys.exit(3)"],
            ["{script}"],
            ["--no-such-option=1"],
        ],
    )
    def test_it_ends_with_the_code_of_ipython(self, ipython: Any, tmp_path: Path, args: list[str]) -> None:
        """The same as that of IPython alone, whose versions differ."""
        script = tmp_path / "script.py"
        script.write_text("import sys\nsys.exit(3)\n")
        words = [each.format(script=script) for each in args]
        alone = subprocess.run([sys.executable, "-m", "IPython", *words], capture_output=True, check=False)
        done = ipython(*words)
        assert done.returncode == alone.returncode, done.stderr
        assert "sys.exit(1) was called" not in done.stderr

    def test_without_ipython_it_says_so(self, project: Path) -> None:
        code = (
            "import sys, importlib.util as u\nfind = u.find_spec\n"
            "u.find_spec = lambda name, *a: None if name == 'IPython' else find(name, *a)\n"
            "from pellucid.framework.cli import main\nmain(['ipython'])\n"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False)
        assert (done.returncode, "pip install ipython" in done.stderr) == (2, True)
