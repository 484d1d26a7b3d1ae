"""``pellucid new``: names, starters and what is written."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.support.cli import install_plugin, invoke, pellucid

from pellucid import __version__
from pellucid.framework.cli._names import names_from
from pellucid.framework.cli._template import write_template

if TYPE_CHECKING:
    from pathlib import Path


def test_a_blank_project_is_made_and_says_that_there_is_nothing_to_run(tmp_path: Path) -> None:
    made = invoke(tmp_path, "new", "--name", "My First Project", "--starter", "blank")
    assert made.exit_code == 0
    assert "no pipeline yet" in made.stdout
    steps = [shlex.split(line, comments=True) for line in made.stdout.splitlines() if line.startswith("  ")]
    assert steps == [["cd", "my-first-project"], ["pellucid", "pipeline", "create", "first"], ["pellucid", "run"]]
    project = tmp_path / "my-first-project"
    assert (project / ".gitignore").is_file()
    assert (project / "src" / "my_first_project" / "settings.py").is_file()
    assert f'pellucid_init_version = "{__version__}"' in (project / "pyproject.toml").read_text()
    left = [path for path in project.rglob("*") if path.is_file() and b"{{" in path.read_bytes()]
    assert left == []
    ran = invoke(project, "run")
    assert (ran.exit_code, "nothing to run" in ran.stderr) == (2, True)
    assert "'pellucid pipeline create NAME'" in ran.stderr
    assert invoke(project, *steps[1][1:]).exit_code == 0
    (file,) = re.findall(r"# then add nodes to (\S+)$", made.stdout, re.MULTILINE)
    assert "def create_pipeline(" in (project / file).read_text()
    assert invoke(project, "registry", "list").exit_code == 0


@pytest.mark.processes
def test_the_default_starter_runs_at_once(tmp_path: Path) -> None:
    assert invoke(tmp_path, "new", "-n", "Demo", "--directory", str(tmp_path / "there")).exit_code == 0
    project = tmp_path / "there"
    done = pellucid(project, "run")
    assert done.returncode == 0, done.stderr


@pytest.mark.processes
@pytest.mark.parametrize("starter", ["blank", "weather"])
def test_the_tests_of_a_new_project_pass_with_a_pipeline_more(tmp_path: Path, starter: str) -> None:
    project = tmp_path / "there"
    assert invoke(tmp_path, "new", "-n", "Demo", "-s", starter, "--directory", str(project)).exit_code == 0
    done = pellucid(project, "pipeline", "create", "more")
    assert done.returncode == 0, done.stderr
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    tested = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout


def test_an_empty_folder_is_filled_and_another_one_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    args = ["new", "-n", "Demo", "-s", "blank"]
    assert invoke(tmp_path, *args).exit_code == 0
    again = invoke(tmp_path, *args)
    assert (again.exit_code, "not empty" in again.stderr) == (2, True)
    file = invoke(tmp_path, *args, "--directory", str(tmp_path / "demo" / "pyproject.toml"))
    assert file.exit_code == 2


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = invoke(tmp_path, "new", "-n", "Demo", "-s", "blank", "--directory", str(tmp_path / "file" / "below"))
    assert (result.exit_code, "Traceback" in result.stderr) == (2, False)


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("")
    result = invoke(tmp_path, "new", "-n", "Demo", "-s", "blank")
    assert (result.exit_code, "no folder" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x", "at least two"),
        ("Ünïcode", "letters, digits"),
        ("-dash", "begin"),
        ("1st", "begin with a letter"),
        ("class", "word of the language"),
        ("json", "standard library"),
        ("pellucid", "library that the project needs"),
    ],
)
def test_a_name_that_cannot_be_used_is_told_with_the_reason(tmp_path: Path, name: str, reason: str) -> None:
    result = invoke(tmp_path, "new", f"--name={name}")
    assert (result.exit_code, reason in result.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9 _-]{0,12}", fullmatch=True))
def test_derived_names_can_always_be_used(name: str) -> None:
    try:
        names = names_from(name)
    except ValueError:
        return
    assert names.python_package.isidentifier()
    assert "/" not in names.repo_name
    assert " " not in names.repo_name


class TestConfig:
    def new(self, folder: Path, text: str) -> tuple[int, str]:
        (folder / "new.yml").write_text(text)
        result = invoke(folder, "new", "--config", "new.yml", "-s", "blank")
        return result.exit_code, result.output

    def test_a_file_gives_the_names(self, tmp_path: Path) -> None:
        text = "project_name: Demo\nrepo_name: the-repo\npython_package: the_package\noutput_dir: ~\n"
        assert self.new(tmp_path, text)[0] == 0
        assert (tmp_path / "the-repo" / "src" / "the_package").is_dir()

    def test_a_file_names_the_parent_folder_unless_the_command_line_names_the_folder(self, tmp_path: Path) -> None:
        text = f"project_name: Demo\noutput_dir: {tmp_path / 'parent'}\n"
        code, output = self.new(tmp_path, text)
        assert code == 0
        assert f"cd {tmp_path / 'parent' / 'demo'}" in output
        assert (tmp_path / "parent" / "demo" / "pyproject.toml").exists()
        assert invoke(tmp_path, "new", "-c", "new.yml", "-s", "blank", "--directory", "here").exit_code == 0
        assert (tmp_path / "here" / "pyproject.toml").exists()

    @pytest.mark.parametrize(
        ("text", "word"),
        [
            ("project_nam: Demo\n", "'project_name'"),
            ("- a\n", "project_name"),
            ("a: [\n", "new.yml:"),
            ("project_name: Demo\npython_package: a-b\n", "'a-b'"),
            ("project_name: Demo\nrepo_name: a/b\n", "'a/b'"),
            ("repo_name: a\n", "--name"),
        ],
    )
    def test_a_mistake_in_it_is_named(self, tmp_path: Path, text: str, word: str) -> None:
        code, output = self.new(tmp_path, text)
        assert (code, word in output) == (2, True)


class TestAsking:
    def test_nobody_is_asked_without_a_terminal(self, tmp_path: Path) -> None:
        result = invoke(tmp_path, "new", typed="Demo\n")
        assert (result.exit_code, "--name" in result.stderr) == (2, True)

    @pytest.mark.processes
    @pytest.mark.parametrize(("typed", "code"), [(b"x\nMy Demo\n", 0), (b"\x03", 130)], ids=["name", "ctrl-c"])
    def test_the_name_is_asked_for_on_a_terminal(self, tmp_path: Path, typed: bytes, code: int) -> None:
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(tmp_path)
            os.execv(sys.executable, [sys.executable, "-m", "pellucid", "new", "-s", "blank"])  # noqa: S606 - a terminal of its own
        try:
            received = _read_until(terminal, b"Name of the project")
            os.write(terminal, typed)
            received += _read_until(terminal, None, again=typed if code else b"")
        finally:
            os.close(terminal)
            _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == code, received
        assert (tmp_path / "my-demo").is_dir() == (code == 0)


def _read_until(terminal: int, wanted: bytes | None, again: bytes = b"") -> bytes:
    """Read from a terminal until something appears, or until the other end is closed.

    A Ctrl-C that comes before Python's ``input`` waits is noticed by it no earlier than the next key, so it is typed
    ``again`` while nothing happens.
    """
    received = b""
    while wanted is None or wanted not in received:
        if again and not select.select([terminal], [], [], 0.5)[0]:
            os.write(terminal, again)
            continue
        try:
            received += os.read(terminal, 1000)
        except OSError:
            break
    return received


class TestStarters:
    def test_they_are_listed(self, tmp_path: Path, site: Path) -> None:
        code = (
            "from pellucid.framework.cli.starters import KedroStarterSpec\n"
            f"starters = [KedroStarterSpec('mine', {str(tmp_path)!r}, 'folder'), KedroStarterSpec('far', 'git+https://x')]\n"
        )
        install_plugin(site, "plugin-starters", "[kedro.starters]\nx = plugin_starters:starters\n", code)
        listed = yaml.safe_load(invoke(tmp_path, "starter", "list").stdout)
        assert {"blank", "weather"} <= set(listed["pellucid"])
        assert listed["plugin-starters"] == ["mine", "far"]
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "{{ repo_name }}.txt").write_text("{{ project_name }} {{ unknown }}")
        assert invoke(tmp_path, "new", "-n", "Demo", "-s", "mine").exit_code == 0
        assert (tmp_path / "demo" / "demo.txt").read_text() == "Demo {{ unknown }}"
        far = invoke(tmp_path, "new", "-n", "Other", "-s", "far")
        assert (far.exit_code, "git+https://x" in far.stderr) == (2, True)

    @pytest.mark.parametrize("inner", ["", "template"])
    def test_a_folder_is_one(self, tmp_path: Path, inner: str) -> None:
        template = tmp_path / "own" / inner
        (template / "src" / "__package__").mkdir(parents=True)
        (template / "src" / "__package__" / "__init__.py").write_text('"""{{ project_name }}."""\r\n', newline="")
        (template / "image.bin").write_bytes(b"\0{{ project_name }}")
        (template / "latin.txt").write_bytes(b"\xe9{{ project_name }}")
        (template / "__pycache__").mkdir()
        (template / "__pycache__" / "x.pyc").write_bytes(b"")
        assert invoke(tmp_path, "new", "-n", "Demo", "-s", str(tmp_path / "own")).exit_code == 0
        assert (tmp_path / "demo" / "src" / "demo" / "__init__.py").read_bytes() == b'"""Demo."""\r\n'
        assert (tmp_path / "demo" / "image.bin").read_bytes() == b"\0{{ project_name }}"
        assert (tmp_path / "demo" / "latin.txt").read_bytes() == b"\xe9{{ project_name }}"
        assert not (tmp_path / "demo" / "__pycache__").exists()

    @pytest.mark.parametrize(
        ("starter", "word"),
        [
            ("wether", "'weather'"),
            ("zzz", "blank"),
            ("https://host/starter.git", "not downloaded"),
            ("cc", "cookiecutter"),
        ],
    )
    def test_one_that_cannot_be_used_is_told(self, tmp_path: Path, starter: str, word: str) -> None:
        (tmp_path / "cc").mkdir()
        (tmp_path / "cc" / "cookiecutter.json").write_text("{}")
        result = invoke(tmp_path, "new", "-n", "Demo", "-s", starter)
        assert (result.exit_code, word in result.stderr) == (2, True)


def test_a_name_that_begins_with_a_dot_is_written_so_in_a_template(tmp_path: Path) -> None:
    (tmp_path / "template" / "__dot__folder").mkdir(parents=True)
    (tmp_path / "template" / "__dot__folder" / "__dot__file").write_text("x")
    written = write_template(tmp_path / "template", tmp_path / "made", {})
    assert written == [tmp_path / "made" / ".folder" / ".file"]
