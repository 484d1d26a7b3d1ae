from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import UserDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.framework.project import settings
from pellucid.framework.session import KedroSession
from pellucid.framework.session.store import BaseSessionStore, JSONSessionStore, _plain
from pellucid.framework.startup import bootstrap_project

if TYPE_CHECKING:
    from tests.support.framework import ProjectFolder

KEPT = """
from pellucid.framework.session.store import JSONSessionStore
SESSION_STORE_CLASS = JSONSessionStore
SESSION_STORE_ARGS = {"path": "data/sessions"}
"""


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError


def test_the_base_store_keeps_nothing(tmp_path: Path) -> None:
    store = BaseSessionStore(str(tmp_path / "sessions"), "a")
    store["a"] = 1
    store.save()
    assert store._logger.name == "pellucid.framework.session.store"
    assert not list(tmp_path.iterdir())


def test_what_was_saved_is_read_again(tmp_path: Path) -> None:
    store = JSONSessionStore(str(tmp_path / "sessions"), "2026/x y")
    record: dict[Any, Any] = {"path": Path("/a"), "n": [1, 2.5, None, True], "nested": {"k": {"v"}}, 3: float("nan")}
    store.update(record)
    store["odd"] = Unspeakable()
    store["user"] = UserDict(a="\ud800")
    store.save()
    assert [each.name for each in (tmp_path / "sessions").iterdir()] == ["2026%2fx%20y.json"]
    again = JSONSessionStore(str(tmp_path / "sessions"), "2026/x y")
    assert again == {
        "path": "/a",
        "n": [1, 2.5, None, True],
        "nested": {"k": ["v"]},
        "3": "nan",
        "odd": "<Unspeakable whose text raises RuntimeError>",
        "user": {"a": "\ud800"},
    }


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
        max_leaves=20,
    )
)
def test_everything_can_be_kept(value: Any) -> None:
    plain = _plain(value)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_a_value_that_contains_itself_can_be_kept() -> None:
    circle: dict[str, Any] = {}
    circle["self"] = circle
    json.dumps(_plain(circle))


@pytest.mark.parametrize("content", ["{", "[1]", "", "\x00"])
def test_a_file_that_cannot_be_used_is_set_aside(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.json").write_text(content)
    store = JSONSessionStore(str(tmp_path), "a")
    assert store == {}
    assert (tmp_path / "a.json.corrupt").read_text() == content
    assert "a.json.corrupt" in caplog.text
    store.save()
    assert (tmp_path / "a.json").read_text() == "{}"


def test_what_cannot_even_be_set_aside_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.json").mkdir()
    (tmp_path / "a.json.corrupt").write_text("a file")
    assert JSONSessionStore(str(tmp_path), "a") == {}
    assert "cannot be used" in caplog.text


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = JSONSessionStore(str(tmp_path), "a")
    store["n"] = 1
    store.save()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    store["n"] = 2
    with pytest.raises(OSError, match="No space"):
        store.save()
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]
    assert JSONSessionStore(str(tmp_path), "a") == {"n": 1}


@pytest.mark.processes
def test_a_writer_that_is_killed_leaves_a_whole_file(tmp_path: Path) -> None:
    script = f"""
from pellucid.framework.session.store import JSONSessionStore
store = JSONSessionStore({str(tmp_path)!r}, "a")
store["data"] = ["x" * 1000] * 200
store.save()
print("saved", flush=True)
while True:
    store.save()
"""
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.kill()
        assert len(json.loads((tmp_path / "a.json").read_text())["data"]) == 200


def test_a_session_saves_its_store_when_it_is_closed(project: ProjectFolder) -> None:
    subprocess.run(["git", "init", "-q", str(project.path)], check=True)
    git = ["git", "-C", str(project.path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "add", "pyproject.toml"], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
    project.module("settings", KEPT)
    bootstrap_project(project.path)
    with pytest.raises(ValueError, match="no luck"), KedroSession.create(env="e", runtime_params={"p": 1}) as session:
        raise ValueError("no luck")
    saved = json.loads((project.path / f"data/sessions/{session.session_id}.json").read_text())
    assert saved["session_id"] == session.session_id
    assert saved["project_path"] == str(project.path)
    assert (saved["env"], saved["runtime_params"]) == ("e", {"p": 1})
    assert saved["git"] == {"commit_sha": commit[:7], "dirty": True}
    assert saved["exception"]["type"] == "ValueError"


def test_a_session_that_is_not_to_be_saved_is_not(project: ProjectFolder) -> None:
    subprocess.run(["git", "init", "-q", str(project.path)], check=True)
    project.module("settings", KEPT)
    bootstrap_project(project.path)
    with KedroSession.create(save_on_close=False):
        pass
    assert not (project.path / "data").exists()


def test_store_arguments_that_do_not_fit_are_a_settings_error(project: ProjectFolder) -> None:
    project.module("settings", KEPT + 'SESSION_STORE_ARGS["pth"] = 1\n')
    bootstrap_project(project.path)
    with pytest.raises(ValueError, match=r"SESSION_STORE_ARGS do not fit JSONSessionStore.*pth"):
        KedroSession.create()
    assert settings.SESSION_STORE_ARGS["path"] == "data/sessions"
