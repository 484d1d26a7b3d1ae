from __future__ import annotations

import asyncio
import importlib
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pellucid.exceptions import KedroSessionError, OutputNotUniqueError, RunnerError, RunTerminated, UnknownNameError
from pellucid.framework.project import configure_project
from pellucid.framework.session import AbstractSession, KedroServiceSession, KedroSession
from pellucid.framework.startup import bootstrap_project
from pellucid.io import SharedMemoryDataCatalog
from pellucid.runner import SequentialRunner, ThreadRunner

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.framework import ProjectFolder

CREATED = ["after_session_created"]
CONTEXT = ["before_context_created", "after_context_created"]
CATALOG = ["before_catalog_created", "after_catalog_created"]
RUN = ["before_pipeline_run", "after_pipeline_run"]
CLOSED = ["before_session_closed"]

FAILING = """
from pellucid.pipeline import node, pipeline
import sys
def fail(x):
    {body}
def create_pipeline(**kwargs):
    return pipeline([node(fail, "params:x", "out", name="fail")])
"""


def recorder_of(project: ProjectFolder) -> Any:
    return importlib.import_module(f"{project.package}.recorder").recorder


def boot(project: ProjectFolder) -> Any:
    bootstrap_project(project.path)
    return recorder_of(project)


def test_hooks_of_a_run_that_completes(project: ProjectFolder) -> None:
    recorder = boot(project)
    with KedroSession.create() as session:
        result = session.run()
    assert result["doubled"].load() == 2
    assert recorder.calls == CREATED + CONTEXT + CATALOG + RUN + CLOSED


def test_what_hooks_are_told_of_a_run(project: ProjectFolder) -> None:
    recorder = boot(project)
    with KedroSession.create(env="local", runtime_params={"x": 5}) as session:
        session.run(tags=[], node_names=["double"], runner=ThreadRunner())
    assert recorder.run_params == {
        "session_id": session.session_id,
        "run_id": session.session_id,
        "project_path": project.path.as_posix(),
        "env": "local",
        "kedro_version": "1.7.0",
        "tags": [],
        "from_nodes": None,
        "to_nodes": None,
        "node_names": ["double"],
        "from_inputs": None,
        "to_outputs": None,
        "load_versions": None,
        "runtime_params": {"x": 5},
        "pipeline_name": None,
        "pipeline_names": None,
        "namespaces": None,
        "runner": "ThreadRunner",
        "only_missing_outputs": False,
    }


@pytest.mark.parametrize(
    ("raising", "expected"),
    [
        ("before_context_created", [*CREATED, CONTEXT[0], "on_context_error", "on_run_refused"]),
        ("after_context_created", [*CREATED, *CONTEXT, "on_context_error", "on_run_refused"]),
        ("before_catalog_created", [*CREATED, *CONTEXT, CATALOG[0], "on_catalog_error", "on_run_refused"]),
        ("after_catalog_created", [*CREATED, *CONTEXT, *CATALOG, "on_catalog_error", "on_run_refused"]),
        ("before_pipeline_run", [*CREATED, *CONTEXT, *CATALOG, RUN[0], "on_pipeline_error"]),
        ("after_pipeline_run", [*CREATED, *CONTEXT, *CATALOG, *RUN]),
    ],
)
@pytest.mark.parametrize("error", [ValueError("told so"), KeyboardInterrupt()])
def test_a_hook_that_raises_stops_the_run_with_one_terminal_call(
    project: ProjectFolder, raising: str, expected: list[str], error: BaseException
) -> None:
    recorder = boot(project)
    with KedroSession.create() as session:
        recorder.raising[raising] = error
        with pytest.raises(type(error)) as caught:
            session.run()
        assert caught.value is error
        assert recorder.calls == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("raise ValueError(x)", ValueError),
        ("raise KeyboardInterrupt", KeyboardInterrupt),
        ("sys.exit(0)", RunnerError),
        ("raise GeneratorExit", GeneratorExit),
    ],
)
def test_a_node_that_fails_is_reported_once_whatever_it_raises(
    project: ProjectFolder, body: str, expected: type[BaseException]
) -> None:
    project.pipeline("double", FAILING.format(body=body))
    recorder = boot(project)
    with KedroSession.create() as session:
        with pytest.raises(expected) as caught:
            session.run()
        assert recorder.calls == CREATED + CONTEXT + CATALOG + ["before_pipeline_run", "on_pipeline_error"]
        assert recorder.errors == [caught.value]


@pytest.mark.parametrize("hook", ["before_pipeline_run", "after_pipeline_run", "after_catalog_created"])
def test_a_hook_that_exits_does_not_end_the_process_with_0(project: ProjectFolder, hook: str) -> None:
    recorder = boot(project)
    with KedroSession.create() as session:
        recorder.raising[hook] = SystemExit(0)
        with pytest.raises(RunnerError, match=r"sys\.exit\(0\)"):
            session.run()
    assert recorder.calls.count("on_pipeline_error") == (1 if hook == "before_pipeline_run" else 0)


def test_a_hook_that_raises_while_an_error_is_reported_does_not_replace_it(
    project: ProjectFolder, caplog: pytest.LogCaptureFixture
) -> None:
    """The other plugins are told all the same, and both errors are to be seen."""
    project.pipeline("double", FAILING.format(body="raise ValueError('the first')"))
    project.module(
        "settings",
        """
        from {package}.recorder import Recorder, recorder
        last = Recorder()
        last.raising["on_pipeline_error"] = SystemExit("the second")
        HOOKS = (recorder, last)
        """,
    )
    recorder = boot(project)
    with KedroSession.create() as session:
        with pytest.raises(ValueError, match="the first") as caught:
            session.run()
        assert recorder.calls[-1] == "on_pipeline_error"
    assert any("the second" in note for note in getattr(caught.value, "__notes__", ()))
    assert "on_pipeline_error" in caplog.text


def test_a_session_completes_one_run(project: ProjectFolder) -> None:
    boot(project)
    with KedroSession.create() as session:
        session.run()
        with pytest.raises(KedroSessionError, match="has completed its run"):
            session.run()


def test_a_run_that_failed_does_not_count(project: ProjectFolder) -> None:
    recorder = boot(project)
    with KedroSession.create() as session:
        recorder.raising["before_pipeline_run"] = ValueError()
        with pytest.raises(ValueError, match=r"^$"):
            session.run()
        recorder.raising.clear()
        assert session.run()["doubled"].load() == 2


def test_an_unknown_pipeline_is_named_with_the_nearest(project: ProjectFolder) -> None:
    boot(project)
    with KedroSession.create() as session, pytest.raises(UnknownNameError, match=r"'duble'.*'double'"):
        session.run("duble")


@pytest.mark.parametrize("refused", [{"pipeline_names": ["none"]}, {"node_names": ["none"]}])
def test_a_run_that_is_refused_is_told_of(project: ProjectFolder, refused: dict[str, Any]) -> None:
    """Whatever a hook raises then, the reason of the refusal stays the error."""
    recorder = boot(project)
    recorder.raising["on_run_refused"] = LookupError("in a hook")
    with KedroSession.create() as session:
        with pytest.raises(UnknownNameError) as caught:
            session.run(**refused)
        assert recorder.calls == [*CREATED, *CONTEXT, *CATALOG, "on_run_refused"]
        assert recorder.errors == [caught.value]
        assert not hasattr(caught.value, "__pellucid_run_failed__")


def test_several_pipelines_run_as_one(project: ProjectFolder) -> None:
    project.pipeline("other", FAILING.format(body="return 7"))
    recorder = boot(project)
    with KedroSession.create() as session:
        result = session.run("double", pipeline_names=["other", "double"])
    assert {name: each.load() for name, each in result.items()} == {"doubled": 2, "out": 7}
    assert recorder.run_params["pipeline_names"] == ["double", "other"]


def test_a_runner_is_an_instance(project: ProjectFolder) -> None:
    recorder = boot(project)
    runner_class: Any = SequentialRunner
    with KedroSession.create() as session:
        with pytest.raises(KedroSessionError, match=r"SequentialRunner\(\)"):
            session.run(runner=runner_class)
        runner_class = "SequentialRunner"
        with pytest.raises(KedroSessionError, match="instance of AbstractRunner"):
            session.run(runner=runner_class)
        assert recorder.calls == CREATED


def test_close_is_once(project: ProjectFolder) -> None:
    recorder = boot(project)
    session = KedroSession.create()
    session.close()
    session.close()
    service = KedroServiceSession.create()
    service.close()
    service.close()
    assert recorder.calls == [*CREATED, *CLOSED] * 2


def test_the_error_of_the_with_block_is_in_the_store(project: ProjectFolder) -> None:
    boot(project)
    with pytest.raises(ZeroDivisionError), KedroSession.create() as session:
        _ = 1 / 0
    exception = session.store["exception"]
    assert exception["type"] == "ZeroDivisionError"
    assert exception["value"] == "division by zero"
    assert "1 / 0" in exception["traceback"][0]


def test_a_session_runs_in_a_thread(project: ProjectFolder) -> None:
    boot(project)
    found: list[int] = []

    def work() -> None:
        with KedroSession.create() as session:
            found.append(session.run()["doubled"].load())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [2]


def test_a_session_runs_while_an_event_loop_runs(project: ProjectFolder) -> None:
    """As in a notebook."""
    boot(project)

    async def cell() -> int:
        with KedroSession.create() as session:
            loaded: int = session.run()["doubled"].load()
            return loaded

    assert asyncio.run(cell()) == 2


def test_sigterm_is_dealt_with_as_before_once_the_run_is_over(project: ProjectFolder) -> None:
    boot(project)
    with KedroSession.create() as session:
        session.run()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_disposition_of_the_program_is_left_alone(project: ProjectFolder) -> None:
    received: list[int] = []
    project.pipeline("double", FAILING.format(body="import signal; signal.raise_signal(signal.SIGTERM); return x"))
    boot(project)
    before = signal.signal(signal.SIGTERM, lambda signum, _frame: received.append(signum))
    try:
        with KedroSession.create() as session:
            session.run()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == [signal.SIGTERM]


def test_sigterm_ends_the_run_as_terminated(project: ProjectFolder) -> None:
    project.pipeline("double", FAILING.format(body="import signal; signal.raise_signal(signal.SIGTERM)"))
    recorder = boot(project)
    with KedroSession.create() as session, pytest.raises(RunTerminated) as caught:
        session.run()
    assert caught.value.code == 143
    assert recorder.calls[-3:] == ["before_pipeline_run", "on_pipeline_error", "before_session_closed"]


@pytest.mark.parametrize("after", ["return 1", "raise ValueError('afterwards')"])
def test_a_swallowed_sigterm_still_ends_the_run(project: ProjectFolder, after: str) -> None:
    body = f"""
    import signal
    try:
        signal.raise_signal(signal.SIGTERM)
    except BaseException:
        pass
    {after}
"""
    project.pipeline("double", FAILING.format(body=body))
    recorder = boot(project)
    with KedroSession.create() as session, pytest.raises(RunTerminated):
        session.run()
    assert isinstance(recorder.errors[0], RunTerminated)
    assert "after_pipeline_run" not in recorder.calls


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_an_error_is_reported_ends_the_run_when_all_were_told(
    project: ProjectFolder, signum: int
) -> None:
    project.pipeline("double", FAILING.format(body="raise ValueError('the first')"))
    project.module(
        "settings",
        """
        import signal
        from pellucid.framework.hooks import hook_impl
        from {package}.recorder import recorder
        class Terminating:
            @hook_impl
            def on_pipeline_error(self):
                signal.raise_signal(SIGNUM)
        HOOKS = (recorder, Terminating())
        """.replace("SIGNUM", str(int(signum))),
    )
    recorder = boot(project)
    with KedroSession.create() as session, pytest.raises(RunTerminated) as caught:
        session.run()
    assert caught.value.code == 128 + signum
    assert str(caught.value.__cause__) == "the first"
    assert recorder.calls[-2:] == ["on_pipeline_error", "before_session_closed"]


def test_ctrl_c_while_an_error_is_reported_ends_the_run_when_all_were_told(project: ProjectFolder) -> None:
    project.pipeline("double", FAILING.format(body="raise ValueError('the first')"))
    project.module(
        "settings",
        """
        import signal
        from pellucid.framework.hooks import hook_impl
        from {package}.recorder import recorder
        class Interrupting:
            @hook_impl
            def on_pipeline_error(self):
                signal.raise_signal(signal.SIGINT)
        HOOKS = (recorder, Interrupting())
        """,
    )
    recorder = boot(project)
    with KedroSession.create() as session, pytest.raises(KeyboardInterrupt) as caught:
        session.run()
    assert str(caught.value.__cause__) == "the first"
    assert recorder.calls.count("on_pipeline_error") == 1


@pytest.mark.parametrize(
    ("raising", "is_marked"),
    [
        ("after_context_created", False),
        ("after_catalog_created", False),
        ("before_pipeline_run", True),
        ("after_pipeline_run", True),
    ],
)
@pytest.mark.parametrize("kind", [ValueError, SystemExit])
def test_what_leaves_a_run_that_had_begun_is_marked(
    project: ProjectFolder, raising: str, is_marked: bool, kind: type[BaseException]
) -> None:
    recorder = boot(project)
    with KedroSession.create() as session:
        recorder.raising[raising] = kind("told so")
        with pytest.raises((ValueError, RunnerError)) as caught:
            session.run()
    assert getattr(caught.value, "__pellucid_run_failed__", False) is is_marked


def test_each_plugin_is_told_of_the_end_of_a_run(project: ProjectFolder) -> None:
    project.module(
        "settings",
        """
        from pellucid.framework.hooks import hook_impl
        from {package}.recorder import recorder
        class Raising:
            @hook_impl
            def after_pipeline_run(self):
                raise ValueError("the first")
        HOOKS = (recorder, Raising())
        """,
    )
    recorder = boot(project)
    with KedroSession.create() as session, pytest.raises(ValueError, match="the first"):
        session.run()
    assert recorder.calls[-2:] == ["after_pipeline_run", "before_session_closed"]


def test_a_conflict_of_pipelines_is_what_a_run_of_the_default_raises(project: ProjectFolder) -> None:
    project.pipeline("b", FAILING.replace('"out"', '"doubled"').format(body="return x"))
    boot(project)
    with KedroSession.create() as session:
        with pytest.warns(UserWarning, match="'doubled'"), pytest.raises(OutputNotUniqueError, match="'doubled'"):
            session.run()
        assert list(session.run(pipeline_names=["b"])) == ["doubled"]


def test_every_session_is_abstract_session() -> None:
    assert issubclass(KedroSession, AbstractSession)
    assert issubclass(KedroServiceSession, AbstractSession)


def test_a_session_finds_the_project_of_the_process(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot(project)
    monkeypatch.chdir(tmp_path)
    with KedroSession.create() as session:
        assert session.store["project_path"] == project.path
        assert session.run()["doubled"].load() == 2


def test_sigterm_after_the_last_node_ends_a_run_that_was_reported_as_complete(project: ProjectFolder) -> None:
    project.module(
        "settings",
        """
        import signal
        from pellucid.framework.hooks import hook_impl
        from {package}.recorder import recorder
        class Terminating:
            @hook_impl
            def after_pipeline_run(self):
                signal.raise_signal(signal.SIGTERM)
        HOOKS = (recorder, Terminating())
        """,
    )
    recorder = boot(project)
    with KedroSession.create() as session, pytest.raises(RunTerminated):
        session.run()
    assert recorder.calls[-3:] == ["before_pipeline_run", "after_pipeline_run", "before_session_closed"]


def test_a_foreign_runner_may_ask_for_shared_memory(project: ProjectFolder) -> None:
    class Remote(SequentialRunner):
        _needs_shared_memory_catalog = True

        def run(self, pipeline: Any, catalog: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
            return {"catalog": catalog}

    boot(project)
    with KedroSession.create() as session:
        assert isinstance(session.run(runner=Remote())["catalog"], SharedMemoryDataCatalog)


def test_a_class_of_sessions_that_does_not_keep_anything_asks_git_late(project: ProjectFolder) -> None:
    boot(project)
    with KedroSession.create() as session:
        assert session._git is None
        assert "git" not in session.store
    assert session._logger.name == "pellucid.framework.session.session"


def test_a_session_without_a_project_is_in_the_working_directory(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a packaged project, which is configured by its package's name alone."""
    monkeypatch.syspath_prepend(str(project.path / "src"))
    monkeypatch.chdir(project.path)
    configure_project(project.package)
    with KedroSession.create(conf_source="conf") as session:
        assert session.run()["doubled"].load() == 2
    assert KedroServiceSession.create(project_path=project.path)._project_path == project.path
