"""What is told of datasets, nodes and runs."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from pellucid.io import CachedDataset, DataCatalog, MemoryDataset
from pellucid.io.core import Version
from pellucid.io.datasets.json import JSONDataset
from pellucid.io.datasets.text import TextDataset
from pellucid.observability.hooks._datasets import DatasetFacts, is_parameter
from pellucid.observability.hooks._describing import node_attributes, run_name
from pellucid.observability.records import RunScope
from pellucid.observability.semconv import Attr
from pellucid.pipeline import node

if TYPE_CHECKING:
    from pathlib import Path

SCOPE = RunScope("s", "r", "etl", b"\1" * 16)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("parameters", True), ("params:a.b", True), ("params", False), ("parameters_2", False), ("a", False)],
)
def test_parameters_are_known_by_name(name: str, expected: bool) -> None:
    assert is_parameter(name) is expected


def test_a_local_file_has_type_and_size(tmp_path: Path) -> None:
    dataset = TextDataset(filepath=str(tmp_path / "a.txt"))
    dataset.save("12345")
    facts = DatasetFacts(DataCatalog({"a": dataset}))
    found = facts.after("a", "save", "12345")
    assert found == {Attr.DATASET_TYPE: f"{TextDataset.__module__}.TextDataset", Attr.DATASET_BYTES: 5}


def test_a_versioned_file_has_its_version(tmp_path: Path) -> None:
    dataset = JSONDataset(filepath=str(tmp_path / "a.json"), version=Version(None, "v1"))
    dataset.save([1])
    facts = DatasetFacts(DataCatalog({"a": dataset}))
    assert facts.after("a", "save", [1])[Attr.DATASET_VERSION] == "v1"
    assert facts.after("a", "load", [1])[Attr.DATASET_VERSION] == "v1"


def test_a_table_has_rows_and_other_data_has_not() -> None:
    facts = DatasetFacts(DataCatalog({"a": MemoryDataset()}))
    assert facts.after("a", "save", pd.DataFrame({"x": [1, 2, 3]}))[Attr.DATASET_ROWS] == 3
    assert facts.after("a", "save", [1, 2, 3]) == {Attr.DATASET_TYPE: f"{MemoryDataset.__module__}.MemoryDataset"}


def test_a_cached_dataset_is_told_as_what_it_caches(tmp_path: Path) -> None:
    cached = CachedDataset(TextDataset(filepath=str(tmp_path / "none.txt")))
    found = DatasetFacts(DataCatalog({"a": cached})).after("a", "load", "")
    assert found == {Attr.DATASET_TYPE: f"{TextDataset.__module__}.TextDataset"}


def test_a_remote_file_is_not_asked_for_its_size() -> None:
    remote = SimpleNamespace(_protocol="s3", _filepath="bucket/a", load=None, save=None)
    assert Attr.DATASET_BYTES not in DatasetFacts({"a": remote}).after("a", "load", None)


def test_a_dataset_made_by_a_pattern_is_labelled_by_it() -> None:
    catalog = DataCatalog.from_config(
        {
            "raw_{name}": {"type": "MemoryDataset"},
            "raw_special": {"type": "MemoryDataset"},
        }
    )
    facts = DatasetFacts(catalog)
    labels = [facts.label(name) for name in ("raw_a", "raw_b", "raw_special", "other", "raw_a")]
    assert labels == ["raw_{name}", "raw_{name}", "raw_special", "other", "raw_{name}"]


def test_a_catalog_of_another_kind_labels_by_name() -> None:
    assert DatasetFacts({"a": MemoryDataset()}).label("a") == "a"


def double(value: int) -> int:
    return value * 2


@pytest.mark.usefixtures("quiet_datasets")
def test_a_load_or_save_is_brief_in_the_usual_catalog_alone() -> None:
    class Own(DataCatalog):
        def load(self, ds_name: str, version: str | None = None) -> Any:
            return super().load(ds_name, version)

    class Looking(DataCatalog):
        def __getitem__(self, ds_name: str) -> Any:
            return super().__getitem__(ds_name)

    class Named(DataCatalog):
        """One that loads and saves as usual."""

    given = {"a": MemoryDataset(3)}
    catalogs = [DataCatalog(given), Named(given), Own(given), Looking(given), given]
    assert [DatasetFacts(each).is_brief("a") for each in catalogs] == [True, True, False, False, False]
    assert not DatasetFacts(DataCatalog(given)).is_brief("a", [3])


def test_a_node_is_described() -> None:
    made = node(double, "a", "b", name="n", tags=["t2", "t1"], namespace="space")
    assert node_attributes(SCOPE, made, made.name, True) == {
        Attr.KIND: "node",
        Attr.TASK_NAME: "space.n",
        Attr.PIPELINE_NAME: "etl",
        Attr.PIPELINE_RUN_ID: "r",
        Attr.CODE_FUNCTION: f"{__name__}.double",
        Attr.IS_ASYNC: True,
        Attr.TAGS: ["t1", "t2"],
        Attr.NAMESPACE: "space",
    }


class Callable:
    __module__ = ""

    def __call__(self, value: int) -> int:
        return value


@pytest.mark.parametrize(
    ("function", "name"), [(functools.partial(double), f"{__name__}.double"), (Callable(), "Callable")]
)
def test_a_function_has_a_name_whatever_it_is(function: Any, name: str) -> None:
    described = SimpleNamespace(name="n", func=function, tags=set(), namespace=None)
    assert node_attributes(SCOPE, described, described.name, False)[Attr.CODE_FUNCTION] == name


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({}, "__default__"),
        ({"pipeline_name": "a"}, "a"),
        ({"pipeline_name": "a", "pipeline_names": ["b", "c"]}, "b+c"),
        ({"pipeline_name": None, "pipeline_names": None}, "__default__"),
    ],
)
def test_the_name_of_a_run(params: dict[str, Any], name: str) -> None:
    assert run_name(params) == name
