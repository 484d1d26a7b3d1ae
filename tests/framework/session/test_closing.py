from __future__ import annotations

import importlib
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from pellucid.exceptions import BrokenPipelineError, PellucidError, RunnerError, RunTerminated, SessionStoreError
from pellucid.framework.session import KedroServiceSession, KedroSession
from pellucid.framework.startup import bootstrap_project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.framework import ProjectFolder

SETTINGS = """
from pellucid.framework.session.store import JSONSessionStore
from {package}.recorder import recorder
HOOKS = (recorder,)
SESSION_STORE_CLASS = JSONSessionStore
SESSION_STORE_ARGS = {"path": "data/sessions"}
"""


class TextlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def boot(project: ProjectFolder) -> Any:
    project.module("settings", SETTINGS)
    bootstrap_project(project.path)
    return importlib.import_module(f"{project.package}.recorder").recorder


def saved(project: ProjectFolder) -> dict[str, Any]:
    (file,) = (project.path / "data/sessions").iterdir()
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def block_store(project: ProjectFolder) -> Path:
    """Let nothing be written where the store wants to write, also by a superuser."""
    folder = project.path / "data/sessions"
    folder.rmdir()
    folder.write_text("in the way")
    return folder


@pytest.mark.parametrize("raising", [RuntimeError("at the end"), SystemExit(0), TextlessError()])
@pytest.mark.parametrize("service", [False, True])
def test_what_a_hook_raises_at_the_end_does_not_replace_an_error(
    project: ProjectFolder, raising: BaseException, service: bool
) -> None:
    recorder = boot(project)
    recorder.raising["before_session_closed"] = raising
    error = ValueError("the first")
    session: Any = KedroServiceSession.create() if service else KedroSession.create()
    with pytest.raises(ValueError, match="the first") as caught, session:
        raise error
    assert caught.value is error
    assert f"the hook before_session_closed raised {type(raising).__name__}" in error.__dict__["__notes__"][0]
    if not service:
        assert saved(project)["exception"]["value"] == "the first"


def test_a_run_that_a_signal_ended_keeps_its_code(project: ProjectFolder) -> None:
    recorder = boot(project)
    recorder.raising["before_session_closed"] = SystemExit(2)
    with pytest.raises(SystemExit) as caught, KedroSession.create():
        raise RunTerminated(signal.SIGTERM)
    assert caught.value.code == 143


def test_ctrl_c_at_the_end_wins_over_an_error_after_the_store_was_saved(project: ProjectFolder) -> None:
    recorder = boot(project)
    recorder.raising["before_session_closed"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt), KedroSession.create():
        raise ValueError("the first")
    assert saved(project)["exception"]["value"] == "the first"


def test_an_error_without_a_text_stays_and_the_session_is_closed(project: ProjectFolder) -> None:
    recorder = boot(project)
    error = TextlessError()
    with pytest.raises(TextlessError) as caught, KedroSession.create():
        raise error
    assert caught.value is error
    assert recorder.calls[-1] == "before_session_closed"
    assert saved(project)["exception"]["value"] == "<TextlessError whose text raises RuntimeError>"


def test_a_store_that_cannot_be_saved_does_not_replace_an_error(project: ProjectFolder) -> None:
    boot(project)
    error = ValueError("the first")
    session = KedroSession.create()
    block_store(project)
    with pytest.raises(ValueError, match="the first") as caught, session:
        raise error
    assert caught.value is error
    assert "SessionStoreError" in error.__dict__["__notes__"][0]


def test_a_store_that_cannot_be_saved_is_one_clear_error(project: ProjectFolder) -> None:
    boot(project)
    session = KedroSession.create()
    session.run()
    block_store(project)
    with pytest.raises(SessionStoreError, match=r"data/sessions/.*\.json: .*SESSION_STORE_ARGS") as caught:
        session.close()
    assert isinstance(caught.value, (PellucidError, OSError))


@pytest.mark.parametrize(
    ("raising", "expected"),
    [(RuntimeError("at the end"), RuntimeError), (SystemExit(0), RunnerError), (RunTerminated(15), RunTerminated)],
)
def test_what_a_hook_raises_at_the_end_of_a_run_that_completed_is_raised(
    project: ProjectFolder, raising: BaseException, expected: type[BaseException]
) -> None:
    recorder = boot(project)
    recorder.raising["before_session_closed"] = raising
    with pytest.raises(expected), KedroSession.create() as session:
        session.run()
    assert "session_id" in saved(project)


def test_a_store_that_cannot_be_saved_does_not_replace_what_a_hook_raised(project: ProjectFolder) -> None:
    recorder = boot(project)
    recorder.raising["before_session_closed"] = RuntimeError("at the end")
    with pytest.raises(RuntimeError, match="at the end") as caught, KedroSession.create():
        block_store(project)
    assert "SessionStoreError" in caught.value.__dict__["__notes__"][0]


@pytest.mark.parametrize("path", ["/proc/nope", "conf/base/catalog.yml"])
def test_a_place_where_no_store_can_be_is_refused_before_a_run(project: ProjectFolder, path: str) -> None:
    project.module("settings", SETTINGS.replace("data/sessions", path))
    bootstrap_project(project.path)
    with pytest.raises(SessionStoreError, match=f"{path}.*SESSION_STORE_ARGS"):
        KedroSession.create()
    assert KedroSession.create(save_on_close=False).store["session_id"]


def test_a_folder_that_nothing_can_be_written_to_is_refused_before_a_run(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot(project)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(SessionStoreError, match="permission denied"):
        KedroSession.create()


# --------------------------------------------------------------------------- a session that cannot be made

SECOND = """
from {package}.recorder import Recorder, recorder
second = Recorder()
HOOKS = (recorder, second)
"""


@pytest.mark.parametrize("service", [False, True])
def test_what_a_hook_raises_when_a_session_is_made_closes_it(project: ProjectFolder, service: bool) -> None:
    project.module("settings", SECOND)
    bootstrap_project(project.path)
    first, second = importlib.import_module(f"{project.package}.settings").HOOKS
    # Whichever is called first: the other one is told of both, too.
    second.raising["after_session_created"] = error = ValueError("not like this")
    second.raising["before_session_closed"] = RuntimeError("at the end")
    with pytest.raises(ValueError, match="not like this") as caught:
        (KedroServiceSession if service else KedroSession).create()
    assert caught.value is error
    assert "the hook before_session_closed raised RuntimeError" in error.__dict__["__notes__"][0]
    assert first.calls == second.calls == ["after_session_created", "before_session_closed"]


def test_why_a_session_could_not_be_made_is_in_its_store(project: ProjectFolder) -> None:
    boot(project).raising["after_session_created"] = ValueError("not like this")
    with pytest.raises(ValueError, match="not like this"):
        KedroSession.create()
    assert saved(project)["exception"]["value"] == "not like this"


def test_a_service_that_cannot_load_its_pipelines_is_told_of_and_closed(project: ProjectFolder) -> None:
    project.module("pipeline_registry", "def register_pipelines():\n    raise LookupError('no pipelines')\n")
    recorder = boot(project)
    with pytest.raises(BrokenPipelineError, match="no pipelines"):
        KedroServiceSession.create(serving_mode=True)
    assert recorder.calls == ["after_session_created", "before_session_closed"]
