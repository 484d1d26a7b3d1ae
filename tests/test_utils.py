from __future__ import annotations

import io
import logging
import sys
from pathlib import Path

import pytest

from pellucid import utils
from pellucid.logging import RichHandler
from pellucid.utils import (
    KedroExperimentalWarning,
    experimental,
    find_config_file,
    find_kedro_project,
    find_project,
    get_close_matches,
    is_kedro_project,
    is_project,
    load_obj,
)


def test_objects_are_imported_by_name() -> None:
    assert load_obj("pathlib.Path") is load_obj("Path", "pathlib") is load_obj("pathlib.Path", "other") is Path


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("Path", ValueError, "'Path' names no module; write it as 'module.Path'"),
        ("", ValueError, "names no module"),
        ("pathlib.Pathh", AttributeError, "'pathlib' has no 'Pathh'.*'Path'"),
        ("not_there.Path", ModuleNotFoundError, "not_there"),
    ],
)
def test_what_cannot_be_imported_says_why(name: str, kind: type[Exception], expected: str) -> None:
    with pytest.raises(kind, match=expected):
        load_obj(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[tool.pellucid]\n", True),
        ("a = 1\n[ tool . kedro ]\n", True),
        ('[tool."kedro"]\n', True),
        ("[tool.kedro.more]\n", True),
        ("[tool.pellucid\n", True),
        ("tool.pellucid.package_name = 'p'\n", True),
        ("[tool.kedro_x]\n", False),
        ("[tool.kedro-x]\n", False),
        ("# [tool.kedro]\n", False),
        ("[project]\nname = 'kedro'\n", False),
        ("\udcff[tool.kedro]", False),
    ],
)
def test_a_project_has_a_section(tmp_path: Path, text: str, expected: bool) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text.encode(errors="surrogateescape"))
    assert is_project(tmp_path) is is_kedro_project(str(tmp_path)) is expected


def test_the_closest_project_is_found(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_project(below) is None
    (tmp_path / "pyproject.toml").write_text("[tool.pellucid]\n")
    assert find_project(below) == find_kedro_project(tmp_path) == tmp_path
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.kedro]\n")
    assert find_project(str(below)) == tmp_path / "a"


def test_configuration_files_are_found_by_any_extension(tmp_path: Path) -> None:
    assert find_config_file(str(tmp_path / "a.b")) is None
    (tmp_path / "a.b.yaml").touch()
    assert find_config_file(str(tmp_path / "a.b")) == tmp_path / "a.b.yaml"
    (tmp_path / "a.b.yml").touch()
    assert find_config_file(str(tmp_path / "a.b.yaml")) == tmp_path / "a.b.yml"
    (tmp_path / "a.json").touch()
    assert find_config_file(str(tmp_path / "a"), (".json",)) == tmp_path / "a.json"


def test_close_matches() -> None:
    targets = ["abd", "ABC", "xyz", "abcd"]
    assert get_close_matches("abc", targets) == ["abcd", "abd"]
    assert get_close_matches(["abc", "xyy", "abc"], iter(targets)) == ["abcd", "abd", "xyz"]
    assert get_close_matches("abc", targets, max_suggestions=1) == ["abcd"]


def test_what_is_experimental_warns_once() -> None:
    @experimental
    def add(a: int, b: int) -> int:
        return a + b

    @experimental
    class Thing:
        def __init__(self, value: int) -> None:
            self.value = value

    with pytest.warns(KedroExperimentalWarning, match="'add'") as caught:
        assert add(1, b=2) == add(2, 1) == 3
    assert len(caught) == 1
    with pytest.warns(KedroExperimentalWarning, match="'Thing'") as caught:
        assert Thing(1).value == Thing(1).value
    assert len(caught) == 1
    assert getattr(add, "__kedro_experimental__", False)
    assert getattr(Thing, "__kedro_experimental__", False)


def test_public_names() -> None:
    assert all(hasattr(utils, name) for name in utils.__all__)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def written_by(handler: logging.Handler, message: str) -> None:
    handler.handle(logging.LogRecord("a.logger", logging.INFO, __file__, 1, message, (), None))


def test_log_lines_are_plain_and_whole_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    handler = RichHandler(rich_tracebacks=True, level="INFO")
    written_by(handler, "a long line " * 30)
    handler.setFormatter(logging.Formatter("<%(message)s>"))
    written_by(handler, "short")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith(f"INFO     a.logger: {'a long line ' * 30}")
    assert lines[1:] == ["<short>"]
    assert handler.level == logging.INFO


@pytest.mark.parametrize("is_installed", [True, False])
def test_log_lines_on_a_terminal(monkeypatch: pytest.MonkeyPatch, is_installed: bool) -> None:
    if is_installed:
        pytest.importorskip("rich")
    else:
        monkeypatch.setitem(sys.modules, "rich.logging", None)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    handler = RichHandler(rich_tracebacks=True, rich_tracebacks_show_locals=True)
    written_by(handler, "hello")
    assert "hello" in terminal.getvalue()
