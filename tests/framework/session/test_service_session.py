from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.framework import make_project

from pellucid.exceptions import BadConfigException, SettingsError, UnknownNameError, VersionAlreadyExistsError
from pellucid.framework.project import settings
from pellucid.framework.session import KedroServiceSession, KedroSession
from pellucid.framework.startup import bootstrap_project
from pellucid.io.reservation import VersionReservation

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def test_what_is_there_need_not_be_saved_where_only_missing_outputs_are_wanted(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    project.write(
        "conf/base/catalog.yml",
        """
        doubled: {type: json.JSONDataset, filepath: data/x.json, versioned: true}
        quadrupled: {type: json.JSONDataset, filepath: data/y.json, versioned: true}
        """,
    )
    project.pipeline(
        "again",
        """
        from pellucid.pipeline import node, pipeline
        def double(x):
            return 2 * x
        def create_pipeline():
            return pipeline([node(double, "doubled", "quadrupled", name="again")])
        """,
    )
    bootstrap_project(project.path)
    with KedroServiceSession.create() as session:
        session.run(run_id="one", pipeline_names=["double"])
        session.run(run_id="one", only_missing_outputs=True)
        session.run(run_id="one", only_missing_outputs=True)
    assert [str(each.relative_to(project.path / "data")) for each in sorted(project.path.glob("data/*/*/*"))] == [
        "x.json/one/x.json",
        "y.json/one/y.json",
    ]


def test_a_version_that_another_run_saved_before_it_was_reserved_is_found(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(
        "conf/base/catalog.yml", "doubled: {type: json.JSONDataset, filepath: data/x.json, versioned: true}\n"
    )
    bootstrap_project(project.path)
    reserve = VersionReservation.reserve

    def too_late(reservation: VersionReservation, paths: Mapping[str, str]) -> None:
        (path,) = paths.values()
        Path(path).parent.mkdir(parents=True)
        Path(path).write_text("7")
        reserve(reservation, paths)

    monkeypatch.setattr(VersionReservation, "reserve", too_late)
    with KedroServiceSession.create() as session, pytest.raises(VersionAlreadyExistsError, match="doubled"):
        session.run(run_id="one")
    assert "before_pipeline_run" not in settings.HOOKS[0].calls


TENANTS = """
from pellucid.config import OmegaConfigLoader
class Loader(OmegaConfigLoader):
    def __init__(self, conf_source, env=None, runtime_params=None, **kwargs):
        self.tenant = (runtime_params or {}).get("tenant", "nobody")
        super().__init__(conf_source, env, runtime_params, custom_resolvers={"tenant": lambda: self.tenant}, **kwargs)
CONFIG_LOADER_CLASS = Loader
"""


def test_a_loader_of_the_project_gets_the_parameters_of_each_run(project: ProjectFolder) -> None:
    project.module("settings", TENANTS)
    project.write("conf/base/parameters.yml", "x: ${tenant:}\n")
    bootstrap_project(project.path)
    with KedroServiceSession.create() as session:
        for tenant in ("acme", "zenith"):
            assert session.run(runtime_params={"tenant": tenant})["doubled"].load() == 2 * tenant
        assert session.run()["doubled"].load() == "nobody" * 2
    with KedroSession.create(runtime_params={"tenant": "acme"}) as one:
        assert one.run()["doubled"].load() == "acmeacme"


def test_a_resolver_of_the_settings_is_asked_in_each_run(project: ProjectFolder) -> None:
    project.module(
        "settings",
        """
        import itertools
        numbers = itertools.count(1)
        CONFIG_LOADER_ARGS = {
            "base_env": "base", "default_run_env": "local", "custom_resolvers": {"number": lambda: next(numbers)},
        }
        """,
    )
    project.write("conf/base/parameters.yml", "x: ${number:}\n")
    bootstrap_project(project.path)
    with KedroServiceSession.create() as session:
        assert [session.run()["doubled"].load() for _ in range(3)] == [2, 4, 6]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'CONFIG_LOADER_ARGS = {"base_evn": 1}',
            r"^CONFIG_LOADER_ARGS do not fit OmegaConfigLoader: it takes no argument 'base_evn'. Did you mean 'base",
        ),
        (TENANTS + 'CONFIG_LOADER_ARGS = {"base_evn": 1}', r"fit Loader: .*'base_evn'. Did you mean 'base_env'"),
        (
            'CONFIG_LOADER_ARGS = {"config_patterns": {"catalog": 3}}',
            "config_patterns of CONFIG_LOADER_ARGS has to have a list of patterns for 'catalog', not 3",
        ),
        (
            'CONFIG_LOADER_ARGS = {"config_patterns": {"catalog": "catalog*"}}',
            r"a list of patterns for 'catalog', not 'catalog\*'",
        ),
        ('CONFIG_LOADER_ARGS = {"config_patterns": 3}', "has to be a dictionary from keys to lists of patterns, not 3"),
        ('CONFIG_LOADER_ARGS = {"custom_resolvers": 3}', "CONFIG_LOADER_ARGS do not fit OmegaConfigLoader: "),
        ('CONFIG_LOADER_ARGS = {"env": "x"}', "CONFIG_LOADER_ARGS has 'env', which is not for the settings to say"),
        (
            """
            from pellucid.framework.context import KedroContext
            class Context(KedroContext):
                def __init__(self, project_path, env):
                    super().__init__(project_path, None, env, "", None)
            CONTEXT_CLASS = Context
            """,
            r"^CONTEXT_CLASS cannot be used: Context: .*'(config_loader|package_name|hook_manager)'",
        ),
        (
            """
            from pellucid.framework.context import KedroContext
            class Context(KedroContext):
                def __init__(self, other, **kwargs):
                    super().__init__(**kwargs)
            CONTEXT_CLASS = Context
            """,
            "^CONTEXT_CLASS cannot be used: Context: missing a required argument: 'other'; it is called with",
        ),
    ],
)
def test_settings_that_do_not_fit_are_one_clear_error(project: ProjectFolder, text: str, expected: str) -> None:
    project.module("settings", text)
    bootstrap_project(project.path)
    with KedroSession.create() as session, pytest.raises(SettingsError, match=expected):
        session.run()


def test_what_the_loader_says_itself_is_told_as_it_is(project: ProjectFolder) -> None:
    project.module("settings", 'CONFIG_LOADER_ARGS = {"merge_strategy": {"catalog": "sof"}}')
    bootstrap_project(project.path)
    with KedroSession.create() as session, pytest.raises(BadConfigException, match=r"'sof'.*'soft'"):
        session.run()


def test_a_catalog_that_knows_no_versions_has_none_reserved(project: ProjectFolder) -> None:
    project.module(
        "settings",
        """
        from pellucid.io import DataCatalog
        class Catalog(DataCatalog):
            versioned_save_paths = None
        DATA_CATALOG_CLASS = Catalog
        """,
    )
    bootstrap_project(project.path)
    with KedroSession.create() as session:
        assert session.run()["doubled"].load() == 2


def test_an_error_of_the_projects_own_class_is_raised_as_it_is(project: ProjectFolder) -> None:
    project.module(
        "settings",
        """
        from pellucid.framework.context import KedroContext
        class Context(KedroContext):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                raise TypeError("its own")
        CONTEXT_CLASS = Context
        """,
    )
    bootstrap_project(project.path)
    with KedroSession.create() as session, pytest.raises(TypeError, match=r"^its own$"):
        session.run()


def test_nothing_is_reserved_without_versions(project: ProjectFolder) -> None:
    bootstrap_project(project.path)
    with KedroServiceSession.create() as session:
        session.run()
    assert not (project.path / ".pellucid").exists()


def test_ids_are_texts_whatever_is_given(project: ProjectFolder) -> None:
    """The project's path comes easily in the place of the id, as it is the first argument of the other session."""
    bootstrap_project(project.path)
    recorder = settings.HOOKS[0]
    given: Any = project.path
    with KedroServiceSession.create(given) as session:
        assert session.session_id == str(project.path)
        number: Any = 17
        session.run(run_id=number)
    assert recorder.run_params["session_id"] == str(project.path)
    assert recorder.run_params["run_id"] == "17"
    with KedroServiceSession.create("") as session:
        assert session.session_id


def test_each_hook_is_called_once_for_each_run_and_those_of_the_session_once(project: ProjectFolder) -> None:
    bootstrap_project(project.path)
    recorder = settings.HOOKS[0]
    begun = ["before_context_created", "after_context_created", "before_catalog_created", "after_catalog_created"]
    with KedroServiceSession.create() as session:
        session.run()
        with pytest.raises(UnknownNameError):
            session.run(pipeline_names=["nope"])
        session.run()
    complete = [*begun, "before_pipeline_run", "after_pipeline_run"]
    assert recorder.calls == [
        "after_session_created",
        *complete,
        *begun,
        "on_run_refused",
        *complete,
        "before_session_closed",
    ]
