from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.framework import make_project

from pellucid.exceptions import VersionAlreadyExistsError
from pellucid.framework.project import settings
from pellucid.framework.session import KedroServiceSession
from pellucid.framework.startup import bootstrap_project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.framework import ProjectFolder


def test_runs_in_threads_never_see_each_others_parameters(project: ProjectFolder) -> None:
    project.write("conf/base/parameters.yml", "x: 1\nkept: 3\n")
    bootstrap_project(project.path)
    together = threading.Barrier(2)
    with KedroServiceSession.create() as session:

        def work(first: int) -> list[tuple[int, int]]:
            found = []
            for number in range(first, first + 50):
                together.wait()
                result = session.run(runtime_params={"x": number})
                found.append((number, result["doubled"].load()))
            return found

        with ThreadPoolExecutor(2) as pool:
            found = [each for part in pool.map(work, [0, 1000]) for each in part]
    assert len(found) == 100
    assert all(result == 2 * number for number, result in found)


def test_each_run_has_its_own_id(project: ProjectFolder) -> None:
    bootstrap_project(project.path)
    recorder = settings.HOOKS[0]
    ids = []
    with KedroServiceSession.create(session_id="mine") as session:
        for run_id in (None, None, "given"):
            session.run(run_id=run_id)
            ids.append(recorder.run_params["run_id"])
            assert recorder.run_params["session_id"] == "mine"
            assert recorder.run_params["pipeline_names"] == ["__default__"]
            assert recorder.run_params["runtime_params"] == {}
    assert len(set(ids)) == 3
    assert ids[2] == "given"


def test_a_run_that_failed_leaves_the_session_usable(project: ProjectFolder) -> None:
    bootstrap_project(project.path)
    recorder = settings.HOOKS[0]
    with KedroServiceSession.create() as session:
        recorder.raising["before_pipeline_run"] = ValueError("no")
        with pytest.raises(ValueError, match="no"):
            session.run()
        recorder.raising.clear()
        assert session.run()["doubled"].load() == 2
        assert session.load_context({"x": 4}).params == {"x": 4}


def test_serving_mode_loads_everything_at_once(project: ProjectFolder) -> None:
    bootstrap_project(project.path)
    with KedroServiceSession.create(serving_mode=True, env="local") as session:
        project.write("conf/base/parameters.yml", "x: 100\n")
        assert session.run()["doubled"].load() == 2
        assert session.run(runtime_params={"y": 1})["doubled"].load() == 2


def test_configuration_is_parsed_once(project: ProjectFolder) -> None:
    """What a hook sets on the loader of one run is not seen by another one."""
    project.module(
        "settings",
        """
        from pellucid.framework.hooks import hook_impl
        class Once:
            is_first = True
            @hook_impl
            def after_context_created(self, context):
                if self.is_first:
                    context.config_loader["parameters"] = {"x": 50}
                self.is_first = False
        HOOKS = [Once()]
        """,
    )
    bootstrap_project(project.path)
    with KedroServiceSession.create() as session:
        assert session.run()["doubled"].load() == 100
        project.write("conf/base/parameters.yml", "x: 7\n")
        assert session.run()["doubled"].load() == 2


def test_another_loader_class_is_made_for_each_run(project: ProjectFolder) -> None:
    project.module(
        "settings",
        """
        from pellucid.config import AbstractConfigLoader
        class Loader(AbstractConfigLoader):
            def __getitem__(self, key):
                return {"parameters": {"x": 3, **self.runtime_params}, "catalog": {}}[key]
        CONFIG_LOADER_CLASS = Loader
        """,
    )
    bootstrap_project(project.path)
    with KedroServiceSession.create() as session:
        assert session.run()["doubled"].load() == 6
        assert session.run(runtime_params={"x": 4})["doubled"].load() == 8


def test_one_version_is_saved_once(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    project.write(
        "conf/base/catalog.yml", "doubled: {type: json.JSONDataset, filepath: data/x.json, versioned: true}\n"
    )
    bootstrap_project(project.path)
    calls: list[Any] = settings.HOOKS[0].calls
    with KedroServiceSession.create() as session:
        session.run(run_id="one")
        with pytest.raises(VersionAlreadyExistsError, match="doubled"):
            session.run(run_id="one")
        assert calls.count("before_pipeline_run") == 1
        session.run(run_id="two")
    assert sorted(each.name for each in (project.path / "data/x.json").iterdir()) == ["one", "two"]


def test_nothing_is_reserved_without_versions(project: ProjectFolder) -> None:
    bootstrap_project(project.path)
    with KedroServiceSession.create() as session:
        session.run()
    assert not (project.path / ".pellucid").exists()
