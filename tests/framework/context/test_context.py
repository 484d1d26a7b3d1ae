from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.config import MissingConfigException, OmegaConfigLoader
from pellucid.exceptions import CredentialsNotFoundError
from pellucid.framework.context import CatalogCommandsMixin, KedroContext, compose_classes
from pellucid.framework.context._parameters import parameter_datasets
from pellucid.framework.context.context import _convert_paths_to_absolute_posix
from pellucid.framework.project import settings
from pellucid.framework.session import KedroSession
from pellucid.framework.startup import bootstrap_project
from pellucid.io import DataCatalog, MemoryDataset

if TYPE_CHECKING:
    from tests.support.framework import ProjectFolder


def load(project: ProjectFolder, **options: Any) -> KedroContext:
    bootstrap_project(project.path)
    return KedroSession.create(**options).load_context()


def test_parameters(project: ProjectFolder) -> None:
    project.write("conf/base/parameters.yml", "x: {y: {z: 1}, w: []}\nv: null\n")
    context = load(project, runtime_params={"x": {"w": 5}})
    assert context.params == {"x": {"y": {"z": 1}, "w": 5}, "v": None}
    assert context.params is context.params
    catalog = context.catalog
    assert catalog.load("parameters") == context.params
    assert catalog.load("params:x.y") == {"z": 1}
    assert catalog.load("params:x.y.z") == 1
    assert catalog.load("params:v") is None


def test_a_node_that_changes_parameters_does_not_change_those_of_others(project: ProjectFolder) -> None:
    project.write("conf/base/parameters.yml", "x: {y: 1}\n")
    context = load(project)
    context.catalog.load("params:x")["y"] = 2
    assert context.params == {"x": {"y": 1}}
    assert context.catalog.load("parameters") == {"x": {"y": 1}}


@given(
    st.recursive(
        st.dictionaries(st.text(alphabet="abc.") | st.integers(), st.integers() | st.none(), max_size=3),
        lambda inner: st.dictionaries(st.text(alphabet="abc"), inner, max_size=3),
        max_leaves=10,
    )
)
def test_each_value_at_each_depth_is_a_dataset(params: dict[Any, Any]) -> None:
    found = parameter_datasets(params)
    assert found.pop("parameters") is params
    for name, value in found.items():
        assert name.startswith("params:")
        if isinstance(value, dict):
            assert all(f"{name}.{key}" in found for key in value)
    assert all(f"params:{key}" in found for key in params)


def test_a_project_without_parameters(project: ProjectFolder) -> None:
    (project.path / "conf/base/parameters.yml").unlink()
    context = load(project)
    assert context.params == {}
    assert list(context.catalog) == ["parameters"]


def test_a_project_without_a_catalog(project: ProjectFolder) -> None:
    (project.path / "conf/base/catalog.yml").unlink()
    with pytest.raises(MissingConfigException, match="catalog"):
        _ = load(project).catalog


def test_the_catalog_and_what_hooks_are_told_of_it(project: ProjectFolder) -> None:
    project.write(
        "conf/base/catalog.yml",
        "data: {type: text.TextDataset, filepath: data/a.txt, versioned: true, credentials: me}\n",
    )
    project.write("conf/local/credentials.yml", "me: {token: s3cret}\n")
    context = load(project)
    catalog = context._get_catalog(save_version="s", load_versions={"data": "l"})
    assert type(catalog) is DataCatalog
    conf_catalog, conf_creds, parameters, save_version, load_versions = settings.HOOKS[0].catalog_arguments
    assert conf_catalog["data"]["filepath"] == (project.path / "data/a.txt").as_posix()
    assert conf_creds == {"me": {"token": "s3cret"}}
    assert parameters == {"parameters": {"x": 1}, "params:x": 1}
    assert (save_version, load_versions) == ("s", {"data": "l"})
    assert settings.HOOKS[0].calls.count("after_catalog_created") == 1
    _ = context.catalog
    assert settings.HOOKS[0].calls.count("after_catalog_created") == 2
    assert "s3cret" not in repr(context)


def test_missing_credentials(project: ProjectFolder) -> None:
    project.write("conf/base/catalog.yml", "data: {type: text.TextDataset, filepath: a.txt, credentials: me}\n")
    with pytest.raises(CredentialsNotFoundError, match="me"):
        _ = load(project).catalog["data"]


def test_a_loader_that_knows_no_credentials(project: ProjectFolder) -> None:
    project.module(
        "settings",
        """
        from pellucid.config import AbstractConfigLoader
        class Loader(AbstractConfigLoader):
            def __getitem__(self, key):
                return {"catalog": {}}[key]
        CONFIG_LOADER_CLASS = Loader
        DATASET_VALIDATION = False
        """,
    )
    catalog = load(project).catalog
    assert list(catalog) == ["parameters"]
    assert catalog.validation_enabled is False


def test_a_context_of_the_projects_own(project: ProjectFolder) -> None:
    project.module(
        "settings",
        """
        from pellucid.framework.context import KedroContext
        class Context(KedroContext):
            @property
            def params(self):
                return {**super().params, "mine": 1}
        CONTEXT_CLASS = Context
        """,
    )
    context: Any = load(project, env="local")
    assert context.catalog.load("params:mine") == 1
    context.anything = 3
    assert context.env == "local"
    assert context.project_path == project.path
    assert isinstance(context.config_loader, OmegaConfigLoader)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b.csv", "/p/a/b.csv"),
        ("./a.csv", "/p/a.csv"),
        ("/abs/a", "/abs/a"),
        ("s3://bucket/a", "s3://bucket/a"),
        ("file:///a", "file:///a"),
        ("dbfs:/x", "dbfs:/x"),
        ("C:\\a\\b", "C:/a/b"),
        ("C:/a/b", "C:/a/b"),
        ("a\\b", "/p/a/b"),
        ("a:b", "a:b"),
        ("a/b/", "/p/a/b"),
        ("a//b", "/p/a/b"),
        ("a/./b", "/p/a/b"),
        ("a/../b", "/p/a/../b"),
        (".hidden/b", "/p/.hidden/b"),
        ("a.", "/p/a."),
        ("", "/p"),
        (".", "/p"),
    ],
)
def test_paths_are_made_absolute(path: str, expected: str) -> None:
    config = {"d": {"filepath": path, "other": path, "inner": {"filename": path}, "list": [{"path": path}], "path": 3}}
    converted = _convert_paths_to_absolute_posix(Path("/p"), config)
    assert converted == {
        "d": {"filepath": expected, "other": path, "inner": {"filename": expected}, "list": [{"path": path}], "path": 3}
    }
    assert config["d"]["filepath"] == path


@given(st.lists(st.text(alphabet="abc-_ ", min_size=1).filter(str.strip), min_size=1, max_size=4))
def test_paths_that_were_made_absolute_stay(parts: list[str]) -> None:
    config = {"d": {"filepath": "/".join(parts)}}
    once = _convert_paths_to_absolute_posix(Path("/p"), config)
    assert PurePosixPath(once["d"]["filepath"]).is_relative_to("/p")
    assert _convert_paths_to_absolute_posix(Path("/q"), once) == once


def test_a_project_at_the_root() -> None:
    config = {"a": {"path": "x"}, "b": {"path": "./x"}}
    assert _convert_paths_to_absolute_posix(Path("/"), config) == {"a": {"path": "/x"}, "b": {"path": "/x"}}


def test_the_projects_path_has_to_be_absolute() -> None:
    with pytest.raises(ValueError, match="absolute, not 'p'"):
        _convert_paths_to_absolute_posix(Path("p"), {})


class _Base:
    def who(self) -> str:
        return "base"


class _Mixin:
    def who(self) -> str:
        return "mixin"

    def more(self) -> int:
        return 1


def test_composed_classes() -> None:
    composed = compose_classes(_Base, _Mixin)
    assert composed.__name__ == "_BaseWith_Mixin"
    assert (composed().who(), composed().more()) == ("base", 1)
    assert compose_classes(composed, _Mixin) is composed
    assert compose_classes(_Base) is _Base


def test_what_the_catalog_says_of_pipelines(project: ProjectFolder) -> None:
    project.write(
        "conf/base/catalog.yml",
        """
        made: {type: text.TextDataset, filepath: made.txt}
        "{name}_file": {type: json.JSONDataset, filepath: "{name}.json"}
        unused: {type: text.TextDataset, filepath: unused.txt}
        """,
    )
    project.pipeline(
        "double",
        """
        from pellucid.pipeline import node, pipeline
        def create_pipeline():
            return pipeline([
                node(str, "params:x", "made"), node(str, "made", "a_file"), node(str, "parameters", "gone"),
            ])
        """,
    )
    context = load(project)
    catalog: Any = context.catalog
    assert issubclass(type(catalog), CatalogCommandsMixin)
    assert catalog._logger.name.startswith("pellucid")
    described = {
        "datasets": {"pellucid.io.datasets.text.TextDataset": ["made"]},
        "factories": {"pellucid.io.datasets.json.JSONDataset": ["a_file"]},
        "defaults": {"pellucid.io.MemoryDataset": ["gone"]},
    }
    assert catalog.describe_datasets() == {"__default__": described, "double": described}
    from pellucid.framework.project import pipelines

    assert catalog.describe_datasets([pipelines["double"]]) == {"pipeline_0": described}
    assert catalog.describe_datasets(["unknown"]) == {"unknown": {"datasets": {}, "factories": {}, "defaults": {}}}
    assert catalog.list_patterns()[0] == "{name}_file"
    resolved = catalog.resolve_patterns()
    assert list(resolved) == ["a_file", "gone", "made", "unused"]
    assert list(catalog.resolve_patterns([])) == ["made", "unused"]
    assert resolved["a_file"]["filepath"] == f"{project.path}/a.json"
    assert resolved["made"]["filepath"] == f"{project.path}/made.txt"
    assert isinstance(catalog.get("gone", fallback_to_runtime_pattern=True), MemoryDataset)
