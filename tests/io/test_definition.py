"""From an entry of the catalog to a dataset."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.io import child, line

from pellucid.io.cached_dataset import CachedDataset
from pellucid.io.core import AbstractDataset, DatasetError, Version, _load_obj, parse_dataset_definition
from pellucid.io.datasets.pandas import CSVDataset as PandasCSVDataset
from pellucid.io.datasets.text import TextDataset
from pellucid.io.memory_dataset import MemoryDataset

if TYPE_CHECKING:
    from pathlib import Path


class Picky:
    def __init__(self, filepath: str, credentials: Any = None, limit: int = 1) -> None:
        if credentials:
            raise ConnectionError(f"cannot log in to s3://me:pw@host with {credentials['key']}")
        if limit > 5:
            raise TypeError("limit is too high")

    def load(self) -> Any: ...

    def save(self, data: Any) -> None: ...


class Generous(Picky):
    def __init__(self, **kwargs: Any) -> None:
        raise TypeError("takes anything, and is never satisfied")


class Opaque:
    load = save = print
    __signature__ = "not one"

    def __init__(self, **kwargs: Any) -> None:
        raise TypeError("opaque")


def made(config: dict[str, Any], *versions: str | None) -> Any:
    return AbstractDataset.from_config("cars", config, *versions)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("MemoryDataset", MemoryDataset),
        ("CachedDataset", CachedDataset),
        ("memory_dataset.MemoryDataset", MemoryDataset),
        ("pellucid.io.MemoryDataset", MemoryDataset),
        ("kedro.io.MemoryDataset", MemoryDataset),
        ("kedro.io.memory_dataset.MemoryDataset", MemoryDataset),
        ("text.TextDataset", TextDataset),
        ("pandas.CSVDataset", PandasCSVDataset),
        (MemoryDataset, MemoryDataset),
        (f"{__name__}.Picky", Picky),
    ],
)
def test_types_are_found_by_short_and_by_full_names(name: Any, kind: type) -> None:
    assert parse_dataset_definition({"type": name}) == (kind, {})


def test_the_configuration_is_left_as_it_is() -> None:
    config = {"type": "text.TextDataset", "filepath": "a", "fs_args": {"x": [1]}, "versioned": True}
    _, arguments = parse_dataset_definition(config, "v1", "v2")
    arguments["fs_args"]["x"].append(2)
    assert config == {"type": "text.TextDataset", "filepath": "a", "fs_args": {"x": [1]}, "versioned": True}
    assert arguments["version"] == Version("v1", "v2")


def test_a_versioned_dataset_gets_a_new_version_to_save_unless_told() -> None:
    _, arguments = parse_dataset_definition({"type": "text.TextDataset", "versioned": True})
    assert arguments["version"].load is None
    assert "Z-" in arguments["version"].save
    assert parse_dataset_definition({"type": "text.TextDataset", "versioned": False}) == (TextDataset, {})


def test_reserved_words_are_dropped_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert parse_dataset_definition({"type": "MemoryDataset", "version": 1, "validator": {}}) == (MemoryDataset, {})
    assert "'version'" in caplog.text
    assert "'validator'" in caplog.text


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "Dataset 'cars': its configuration has no 'type'"),
        ({"type": 3}, "not a int"),
        ({"type": "builtins.dict"}, r"builtins\.dict is no dataset"),
        ({"type": "pandas..CSV"}, "not the dotted name"),
        ({"type": "memorydataset"}, "'memorydataset'. Did you mean 'MemoryDataset'"),
        ({"type": "pandas.CSVDatase"}, "Did you mean 'pandas.CSVDataset'"),
        ({"type": f"{__name__}.Pick"}, "no dataset type"),
        ({"type": "text.TextDataset"}, "needs the argument 'filepath'"),
        ({"type": "text.TextDataset", "filepat": "x"}, "takes no argument 'filepat'. Did you mean 'filepath'"),
        ({"type": f"{__name__}.Picky", "zzz": "x"}, "takes no argument 'zzz'. It takes filepath, credentials, limit"),
        ({"type": f"{__name__}.Picky", "filepath": "x", "limit": 9}, "cannot be made: limit is too high"),
        ({"type": f"{__name__}.Generous"}, "cannot be made: takes anything"),
        ({"type": f"{__name__}.Opaque"}, "cannot be made: opaque"),
        ({"type": "MemoryDataset", "versioned": True}, "MemoryDataset cannot be versioned"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_that_names_the_dataset(config: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        made(config)
    assert str(caught.value).startswith("Dataset 'cars'")
    assert "\n" not in str(caught.value)


def test_credentials_do_not_show_in_the_error_of_a_constructor() -> None:
    with pytest.raises(DatasetError, match="cannot log in") as caught:
        made({"type": f"{__name__}.Picky", "filepath": "x", "credentials": {"key": "AKIA12345"}})
    assert "AKIA" not in str(caught.value)
    assert "pw@" not in str(caught.value)


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_type_whose_package_needs_another_names_that(modules: Path) -> None:
    (modules / "needy_one.py").write_text("import nowhere_to_be_found.at_all\nclass ADataset: ...\n")
    with pytest.raises(DatasetError, match=r"needs the package 'nowhere_to_be_found', which is not installed"):
        made({"type": "needy_one.ADataset"})


def test_a_type_whose_module_fails_says_how(modules: Path) -> None:
    (modules / "needy_two.py").write_text("from os import nonsense\n")
    with pytest.raises(DatasetError, match=r"needy_two.ADataset.*cannot be imported: cannot import name 'nonsense'"):
        made({"type": "needy_two.ADataset"})
    (modules / "needy_three.py").write_text("1 / 0\n")
    with pytest.raises(DatasetError, match="module needy_three cannot be imported: division by zero"):
        made({"type": "needy_three.ADataset"})


def test_types_near_the_one_asked_for_are_found_in_its_module(modules: Path) -> None:
    (modules / "shelf_of_types.py").write_text("class LedgerDataset: ...\n")
    with pytest.raises(DatasetError, match=r"Did you mean 'shelf_of_types.LedgerDataset'"):
        made({"type": "shelf_of_types.LegerDataset"})


def test_a_type_is_suggested_without_the_library_of_that_name() -> None:
    """To import pandas for the sake of a message takes seconds."""
    source = """
import sys
from pellucid.io import DataCatalog
try:
    DataCatalog.from_config({"cars": {"type": "pandas.CSVDataSet", "filepath": "x"}})["cars"]
except Exception as error:
    print(error, "pandas" in sys.modules)
"""
    with child(source) as process:
        answer = line(process)
    assert "Did you mean 'pandas.CSVDataset'" in answer
    assert answer.split()[-1] == "False"


def test_a_module_of_ones_own_may_be_called_as_a_group_of_types(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "class LedgerDataset:\n    def load(self): ...\n    def save(self, data): ...\n"
    (modules / "polars.py").write_text(source)
    monkeypatch.delitem(sys.modules, "polars", raising=False)
    assert parse_dataset_definition({"type": "polars.LedgerDataset"})[0].__name__ == "LedgerDataset"


def test_types_of_an_installed_package_are_suggested_and_not_imported(modules: Path) -> None:
    group = modules / "kedro_datasets" / "spread"
    group.mkdir(parents=True)
    (modules / "kedro_datasets" / "__init__.py").touch()
    (group / "__init__.py").write_text('__all__ = ["SheetDataset"]\n')
    (modules / "spread.py").write_text("1 / 0\n")
    with pytest.raises(
        DatasetError, match=r"no dataset type 'spread\.SheatDataset'\. Did you mean 'spread.SheetDataset"
    ):
        made({"type": "spread.SheatDataset"})


def test_a_class_of_a_module_that_was_imported_anew_is_the_new_one(modules: Path) -> None:
    source = "class ADataset:\n    generation = {}\n    def load(self): ...\n    def save(self, data): ...\n"
    (modules / "renewed.py").write_text(source.format(1))
    assert parse_dataset_definition({"type": "renewed.ADataset"})[0].__dict__["generation"] == 1
    del sys.modules["renewed"]
    (modules / "renewed.py").write_text(source.format("12"))
    assert vars(parse_dataset_definition({"type": "renewed.ADataset"})[0])["generation"] == 12


def test_a_missing_package_of_datasets_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DatasetError, match="kedro-datasets"):
        made({"type": "quantum.EntangledThing"})


def test_a_type_that_nobody_has_is_told_with_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: ModuleSpec(name, None))
    with pytest.raises(DatasetError, match=r"none of ours: CachedDataset, MemoryDataset.*yaml\.YAMLDataset"):
        made({"type": "quantum.EntangledThing"})


def test_a_full_name_is_resolved_or_explained() -> None:
    assert _load_obj("pellucid.io.memory_dataset.MemoryDataset") == (MemoryDataset, None)
    found, why = _load_obj("pellucid.io.memory_dataset.MemoryDatase")
    assert found is None
    assert why is not None
    assert "MemoryDatase" in why
    assert _load_obj("nodots")[0] is None


def test_a_full_name_whose_package_is_missing_is_explained(modules: Path) -> None:
    (modules / "needy_four.py").write_text("import nowhere_to_be_found\n")
    found, why = _load_obj("needy_four.ADataset")
    assert found is None
    assert why is not None
    assert "nowhere_to_be_found" in why
