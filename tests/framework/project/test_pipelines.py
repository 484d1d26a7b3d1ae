from __future__ import annotations

import re
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.framework import NODES, make_project

from pellucid.exceptions import BrokenPipelineError, CircularDependencyError, OutputNotUniqueError, ProjectError
from pellucid.framework.project import _state, find_pipelines, pipelines
from pellucid.framework.startup import bootstrap_project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.framework import ProjectFolder

    from pellucid.pipeline import Pipeline


def nodes_called(name: str) -> str:
    return NODES.replace('"double"', f'"{name}"').replace('"doubled"', f'"{name}d"')


def names_of(pipeline: Pipeline) -> list[str]:
    return sorted(node.name for node in pipeline.nodes)


@pytest.fixture
def three(project: ProjectFolder) -> ProjectFolder:
    for name in ("a", "b"):
        project.pipeline(name, nodes_called(name))
    bootstrap_project(project.path)
    return project


def imported(project: ProjectFolder) -> list[str]:
    prefix = f"{project.package}.pipelines."
    return sorted(name.removeprefix(prefix) for name in sys.modules if name.startswith(prefix))


def test_pipelines_are_found_and_summed(three: ProjectFolder) -> None:
    assert three.package
    assert list(find_pipelines()) == ["__default__", "a", "b", "double"]
    assert names_of(pipelines["__default__"]) == ["a", "b", "double"]
    assert names_of(pipelines["a"]) == ["a"]
    assert len(pipelines) == 4
    assert list(pipelines) == list(pipelines.keys()) == [name for name, _ in pipelines.items()]
    assert list(pipelines.values())[1] is pipelines["a"]
    assert "'a'" in repr(pipelines)
    with pytest.raises(KeyError, match="c"):
        _ = pipelines["c"]
    assert pipelines.get("c") is None


def test_pipelines_may_be_changed(three: ProjectFolder) -> None:
    assert three.package
    pipelines["c"] = pipelines["a"]
    del pipelines["a"]
    assert list(pipelines) == ["__default__", "b", "double", "c"]
    pipelines.configure()
    assert dict(pipelines) == {}


def test_only_what_is_asked_for_is_imported(three: ProjectFolder) -> None:
    assert list(find_pipelines(pipelines_to_find=["a"])) == ["a"]
    assert imported(three) == ["a"]
    assert list(find_pipelines(pipelines_to_find=["a", "__default__"])) == ["__default__", "a", "b", "double"]


def test_requested_pipelines_are_imported_alone(three: ProjectFolder) -> None:
    pipelines.set_requested(["b"])
    assert names_of(pipelines["b"]) == names_of(pipelines["b"]) == ["b"]
    assert imported(three) == ["b"]
    assert list(pipelines) == ["__default__", "a", "b", "double"]
    assert imported(three) == ["a", "b", "double"]


@pytest.mark.parametrize("requested", [None, ["__default__"], ["__default__", "a"], ["c"], ["made", "a"]])
def test_what_cannot_be_had_alone_is_had_with_all(three: ProjectFolder, requested: list[str] | None) -> None:
    three.module(
        "pipeline_registry",
        """
        from pellucid.framework.project import find_pipelines
        def register_pipelines():
            found = find_pipelines()
            return {**found, "made": found["a"] + found["b"]}
        """,
    )
    pipelines.set_requested(requested)
    assert names_of(pipelines["a"]) == ["a"]
    assert names_of(pipelines["made"]) == ["a", "b"]
    assert names_of(pipelines["__default__"]) == ["a", "b", "double"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import not_there", r"ModuleNotFoundError: No module named 'not_there' \(.*a/__init__.py:1\)"),
        ("def create_pipeline(): 1 / 0", "ZeroDivisionError"),
        ("def create_pipeline(): return 3", "returned int, not a Pipeline"),
        ("", "no function 'create_pipeline'"),
    ],
)
def test_a_broken_module_is_named_and_the_others_load(three: ProjectFolder, text: str, expected: str) -> None:
    three.pipeline("a", text)
    with pytest.warns(UserWarning, match=rf"{three.package}\.pipelines\.a' cannot be used: .*{expected}") as caught:
        found = find_pipelines()
    assert list(found) == ["__default__", "b", "double"]
    assert caught[0].filename == __file__


def test_a_broken_module_is_an_error_if_wanted(three: ProjectFolder) -> None:
    three.pipeline("a", "import not_there")
    with pytest.raises(BrokenPipelineError, match="not_there") as caught:
        find_pipelines(raise_errors=True)
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    with pytest.warns(UserWarning, match="No module named"):
        assert find_pipelines(pipelines_to_find=["nowhere"]) == {}


def test_create_pipeline_may_be_in_a_module_of_the_folder(three: ProjectFolder) -> None:
    three.pipeline("a", "")
    three.module("pipelines/a/pipeline", nodes_called("inner"))
    assert names_of(find_pipelines()["a"]) == ["inner"]


def test_a_package_that_cannot_be_imported(project: ProjectFolder) -> None:
    project.module("__init__", "1 / 0")
    bootstrap_project(project.path)
    with pytest.raises(BrokenPipelineError, match=f"'{project.package}' cannot be used: ZeroDivisionError"):
        find_pipelines()


def test_files_and_hidden_folders_are_no_pipelines(three: ProjectFolder) -> None:
    three.module("pipelines/file", "")
    (three.source / "pipelines" / ".ipynb_checkpoints").mkdir()
    assert list(find_pipelines()) == ["__default__", "a", "b", "double"]


def test_the_simplified_layout(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", {"pipeline": nodes_called("whole")})
    for each in (project.source / "pipelines").rglob("*.py"):
        each.unlink()
    (project.source / "pipelines/double").rmdir()
    (project.source / "pipelines").rmdir()
    bootstrap_project(project.path)
    assert {name: names_of(each) for name, each in find_pipelines().items()} == {"__default__": ["whole"]}


def test_both_layouts_are_summed(three: ProjectFolder) -> None:
    three.module("pipeline", nodes_called("whole"))
    assert names_of(find_pipelines()["__default__"]) == ["a", "b", "double", "whole"]


CONFLICT = NODES.replace('"double"', '"again"')


def test_pipelines_that_exclude_each_other_have_no_default(three: ProjectFolder) -> None:
    three.pipeline("b", CONFLICT)
    with pytest.warns(UserWarning, match=r"no|__default__.*'doubled'"):
        found = find_pipelines()
    assert sorted(found) == ["a", "b", "double"]
    with pytest.raises(OutputNotUniqueError, match="'doubled'"):
        find_pipelines(raise_errors=True)


def test_asking_for_a_default_that_cannot_be_made_raises_why(three: ProjectFolder) -> None:
    three.pipeline("b", CONFLICT)
    with pytest.warns(UserWarning, match="'doubled'"):
        assert "__default__" not in pipelines
    assert names_of(pipelines["b"]) == ["again"]
    for _ in range(2):
        with pytest.raises(OutputNotUniqueError, match=r"'doubled'.*") as caught:
            pipelines.get("__default__")
        assert "again" in str(caught.value)
        assert "double" in str(caught.value)
    pipelines["__default__"] = pipelines["b"]
    assert names_of(pipelines["__default__"]) == ["again"]


def test_a_registry_that_sums_pipelines_that_exclude_each_other_raises_why(three: ProjectFolder) -> None:
    three.pipeline("b", CONFLICT)
    three.module(
        "pipeline_registry",
        """
        from pellucid.framework.project import find_pipelines
        def register_pipelines():
            return {"__default__": sum(find_pipelines().values())}
        """,
    )
    with pytest.warns(UserWarning, match="'doubled'"), pytest.raises(OutputNotUniqueError, match="'doubled'"):
        len(pipelines)


@pytest.mark.parametrize("text", ["import sys; sys.exit(0)", "def create_pipeline(): raise SystemExit"])
def test_a_pipeline_that_exits_takes_no_other_down(three: ProjectFolder, text: str) -> None:
    three.pipeline("b", text)
    with pytest.warns(UserWarning, match=r"pipelines\.b.*SystemExit"):
        assert sorted(find_pipelines()) == ["__default__", "a", "double"]


def test_a_package_that_exits_is_a_broken_one(project: ProjectFolder) -> None:
    project.module("__init__", "raise SystemExit(0)")
    bootstrap_project(project.path)
    with pytest.raises(BrokenPipelineError, match="SystemExit: 0"):
        find_pipelines()


def test_requested_pipelines_are_found_by_name(three: ProjectFolder) -> None:
    pipelines.set_requested(["a"])
    assert "a" in pipelines
    assert "nothing" not in pipelines


def test_a_registry_that_needs_another_pipeline_than_the_requested_one_gets_all(three: ProjectFolder) -> None:
    three.module(
        "pipeline_registry",
        """
        from pellucid.framework.project import find_pipelines
        def register_pipelines():
            found = find_pipelines()
            return {"a": found["a"], "b": found["b"]}
        """,
    )
    pipelines.set_requested(["a"])
    assert names_of(pipelines["a"]) == ["a"]
    assert "b" in pipelines


def test_an_error_is_placed_where_the_project_made_it(three: ProjectFolder) -> None:
    """Our frames are nobody's mistake; a module of the project may be called like one of the standard library."""
    file = three.module(
        "importlib_tools",
        """
        from pellucid.pipeline import node

        def make():
            return node(None, None, None)
        """,
    )
    three.pipeline("b", f"from {three.package}.importlib_tools import make\ncreate_pipeline = make\n")
    with pytest.warns(UserWarning, match=re.escape(f"({file}:5)")):
        find_pipelines()


def test_nothing_is_found_without_a_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_state.process, "project", _state.Project())
    with pytest.raises(ProjectError, match="bootstrap_project"):
        find_pipelines()
    assert dict(pipelines) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import not_there", "ModuleNotFoundError"),
        ("", "no function 'register_pipelines'"),
        ("def register_pipelines(): return []", "returned list, not a dictionary"),
        ("def register_pipelines(): return {'__default__': 3}", "has int as '__default__', not a Pipeline"),
        ("def register_pipelines(): return {3: 3}", "the name 3, not a text"),
        ("def register_pipelines(): return [][0]", r"IndexError: .*registry.py:1\)"),
        (
            "from pellucid.framework.project import pipelines\ndef register_pipelines(): return dict(pipelines)",
            "uses 'pipelines' while",
        ),
    ],
)
def test_a_registry_that_cannot_be_used(project: ProjectFolder, text: str, expected: str) -> None:
    project.module("pipeline_registry", text)
    bootstrap_project(project.path)
    for _ in range(2):
        with pytest.raises(ProjectError, match=expected):
            len(pipelines)


def test_an_error_of_ours_in_the_registry_stays_what_it_is(project: ProjectFolder) -> None:
    project.module(
        "pipeline_registry",
        """
        from pellucid.pipeline import node, pipeline
        def register_pipelines():
            return {"a": pipeline([node(abs, "a", "b", name="x"), node(abs, "b", "a", name="y")])}
        """,
    )
    bootstrap_project(project.path)
    with pytest.raises(CircularDependencyError):
        len(pipelines)


def test_threads_load_pipelines_once(three: ProjectFolder) -> None:
    assert three.package
    start = threading.Barrier(8)
    found: list[Any] = []

    def read() -> None:
        start.wait()
        found.append(pipelines["a"])

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(each) for each in found}) == 1
