from __future__ import annotations

import copy
import pickle
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.framework import make_project

from pellucid.config import OmegaConfigLoader
from pellucid.exceptions import ProjectError, SettingsError
from pellucid.framework import project as project_module
from pellucid.framework.context import KedroContext
from pellucid.framework.project import LOGGING, _state, configure_project, settings, validate_settings
from pellucid.framework.project.configuration import current_setup
from pellucid.framework.session import KedroSession
from pellucid.framework.session.store import BaseSessionStore
from pellucid.framework.startup import bootstrap_project
from pellucid.io import DataCatalog

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.framework import ProjectFolder


def boot(project: ProjectFolder, text: str) -> None:
    project.module("settings", text)
    bootstrap_project(project.path)


def test_defaults(project: ProjectFolder) -> None:
    boot(project, "")
    assert settings.as_dict() == {
        "CONF_SOURCE": "conf",
        "HOOKS": (),
        "CONTEXT_CLASS": KedroContext,
        "SESSION_CLASS": KedroSession,
        "SESSION_STORE_CLASS": BaseSessionStore,
        "SESSION_STORE_ARGS": {},
        "DISABLE_HOOKS_FOR_PLUGINS": (),
        "CONFIG_LOADER_CLASS": OmegaConfigLoader,
        "CONFIG_LOADER_ARGS": {"base_env": "base", "default_run_env": "local"},
        "DATA_CATALOG_CLASS": DataCatalog,
        "DATASET_VALIDATION": True,
        "RUNNER_MODULE_ALLOWLIST": (),
    }
    assert settings.SESSION_STORE_ARGS is settings.SESSION_STORE_ARGS


def test_values_of_the_project(project: ProjectFolder) -> None:
    boot(project, "HOOKS = iter([object()])\nMINE = {'a': 1}\nlower = 2\nCONF_SOURCE = 'other'\n")
    assert len(settings.HOOKS) == 1
    assert settings.MINE == settings.mine == settings["MINE"] == settings.get("MINE") == {"a": 1}
    assert settings.CONF_SOURCE == "other"
    assert "MINE" in settings
    assert "lower" not in settings
    assert settings.get("NONE", 3) == 3
    assert project.package in repr(settings)


def test_an_unknown_setting_is_an_attribute_error_with_the_nearest(project: ProjectFolder) -> None:
    boot(project, "")
    with pytest.raises(AttributeError, match=r"'HOOK'.*'HOOKS'"):
        _ = settings.HOOK
    assert not hasattr(settings, "_anything")
    copy.copy(settings)


def test_values_set_for_this_process(project: ProjectFolder) -> None:
    boot(project, "MINE = 1\n")
    settings.set("MINE", 2)
    settings.OTHER = 3
    assert (settings.MINE, settings.OTHER) == (2, 3)
    with pytest.raises(SettingsError, match="CONTEXT_CLASS"):
        settings.CONTEXT_CLASS = int
    configure_project(project.package)
    assert settings.MINE == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CONTEXT_CLASS = int", "a subclass of pellucid.framework.context.KedroContext, not the class builtins.int"),
        ("CONTEXT_CLASS = 'Context'", "not 'Context'"),
        ("SESSION_CLASS = dict", "AbstractSession"),
        ("SESSION_STORE_CLASS = dict", "BaseSessionStore"),
        ("CONFIG_LOADER_CLASS = dict", "AbstractConfigLoader"),
        ("DATA_CATALOG_CLASS = dict", "a class with the methods of a catalog"),
        ("HOOKS = 'abc'", "hook instances"),
        ("HOOKS = 5", "hook instances"),
        ("SESSION_STORE_ARGS = [1]", "a dictionary of keyword arguments"),
        ("CONFIG_LOADER_ARGS = {1: 2}", "a dictionary of keyword arguments"),
        ("DISABLE_HOOKS_FOR_PLUGINS = 'a'", "names"),
        ("CONF_SOURCE = ''", "path"),
        ("DATASET_VALIDATION = 1", "True or False"),
        ("RUNNER_MODULE_ALLOWLIST = [1]", "names"),
        ("CONF_SOURCE = list(range(1000))", r"\.\.\.\."),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_file(project: ProjectFolder, text: str, expected: str) -> None:
    boot(project, text)
    with pytest.raises(SettingsError, match=f"^{text.split(maxsplit=1)[0]} in .*settings.py has to be .*{expected}"):
        validate_settings()


def test_a_class_among_the_hooks_is_a_type_error(project: ProjectFolder) -> None:
    boot(project, "class Mine: pass\nHOOKS = (Mine,)")
    with pytest.raises(TypeError, match=r"HOOKS in .*settings.py holds a class; write Mine\(\)"):
        KedroSession.create()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import not_there", r"ModuleNotFoundError: No module named 'not_there' \(.*settings.py:1\)"),
        ("\nx = (", r"SyntaxError: .* \(.*settings.py:2\)"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise ValueError", r"ValueError \(.*settings.py:1\)"),
        ("import sys; sys.exit(0)", r"SystemExit: 0 \(.*settings.py:1\)"),
    ],
)
def test_settings_that_cannot_be_imported_say_why(project: ProjectFolder, text: str, expected: str) -> None:
    boot(project, text)
    with pytest.raises(SettingsError, match=expected):
        validate_settings()
    with pytest.raises(SettingsError, match=expected):
        _ = settings.HOOKS


def test_a_package_that_cannot_be_imported(project: ProjectFolder) -> None:
    project.module("__init__", "1 / 0")
    bootstrap_project(project.path)
    with pytest.raises(ProjectError, match="ZeroDivisionError"):
        validate_settings()
    configure_project("project_that_is_not_there")
    with pytest.raises(ProjectError, match="'project_that_is_not_there' cannot be imported"):
        validate_settings()


def test_a_project_without_settings_has_the_defaults(project: ProjectFolder, caplog: pytest.LogCaptureFixture) -> None:
    (project.source / "settings.py").unlink()
    bootstrap_project(project.path)
    validate_settings()
    assert settings.HOOKS == ()
    assert "has no settings.py" in caplog.text


@pytest.mark.parametrize(
    ("name", "meant"), [("HOOK", "HOOKS"), ("CONTEXT_CLAS", "CONTEXT_CLASS"), ("MY_HOOKS", None), ("ARGS", None)]
)
def test_a_near_miss_is_warned_of(
    project: ProjectFolder, caplog: pytest.LogCaptureFixture, name: str, meant: str | None
) -> None:
    boot(project, f"{name} = 1")
    validate_settings()
    assert (f"Did you mean {meant}?" in caplog.text) == (meant is not None)
    assert bool(caplog.text) == (meant is not None)


def test_before_a_project_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_state.process, "project", _state.Project())
    assert project_module.PACKAGE_NAME is None
    assert settings.HOOKS == ()
    with pytest.raises(SettingsError, match="bootstrap_project"):
        validate_settings()
    with pytest.raises(SettingsError):
        KedroSession.create()


def test_the_module_has_no_other_magic_names() -> None:
    missing = "NOT_THERE"
    with pytest.raises(AttributeError, match="NOT_THERE"):
        getattr(project_module, missing)


def test_another_project_replaces_the_first(tmp_path: Path) -> None:
    """Also if its package has the same name, or is bootstrapped for the second time."""
    first = make_project(tmp_path / "one", {"settings": "WHICH = 1"}, package="project_same")
    second = make_project(tmp_path / "two", {"settings": "WHICH = 2"}, package="project_same")
    third = make_project(tmp_path / "three", {"settings": "WHICH = 3"})
    for each, expected in [(first, 1), (second, 2), (third, 3), (first, 1), (first, 1), (second, 2)]:
        bootstrap_project(each.path)
        assert each.package == project_module.PACKAGE_NAME
        assert expected == settings.WHICH


def test_threads_read_settings_once(project: ProjectFolder) -> None:
    boot(
        project, "from pathlib import Path\nwith open(Path(__file__).with_name('log'), 'a') as f: f.write('x')\nA = 1\n"
    )
    start = threading.Barrier(8)
    found: list[Any] = []

    def read() -> None:
        start.wait()
        found.append(settings.A)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 8
    assert (project.source / "log").read_text() == "x"


def test_what_a_worker_process_is_given(project: ProjectFolder) -> None:
    boot(project, "HOOKS = ['hook']")
    LOGGING["version"] = 1
    setup = pickle.loads(pickle.dumps(current_setup()))
    _state.process.project = _state.Project()
    assert current_setup() is None
    setup.prepare()
    assert project.package == project_module.PACKAGE_NAME
    assert setup.declared_hooks() == ("hook",)
