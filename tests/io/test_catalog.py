"""What is in a catalog: access by name, patterns, versions, replacing, pickling."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import re
import threading
from typing import Any

import pytest
from tests.support.io_catalog import (
    HERE,
    AskingDataset,
    CountingDataset,
    ForeignDataset,
    NoteDataset,
    VersionedNoteDataset,
)

import pellucid.io
from pellucid.exceptions import DatasetError, DatasetNotFoundError, VersionAlreadyExistsError
from pellucid.io import (
    CachedDataset,
    CatalogConfigResolver,
    CatalogProtocol,
    DataCatalog,
    MemoryDataset,
    SharedMemoryDataset,
    data_catalog,
)
from pellucid.io.core import Version
from pellucid.io.data_catalog import _LazyDataset

NOTE, VERSIONED = f"{HERE}.NoteDataset", f"{HERE}.VersionedNoteDataset"
CONFIG: dict[str, Any] = {
    "companies": {"type": NOTE, "filepath": "companies.txt"},
    "report": {"type": VERSIONED, "filepath": "report.txt", "versioned": True},
    "memory": {"type": "MemoryDataset"},
    "{name}#note": {"type": NOTE, "filepath": "{name}.txt"},
    "{name}#report": {"type": VERSIONED, "filepath": "{name}.txt", "versioned": True},
}


@pytest.fixture
def catalog() -> DataCatalog:
    return DataCatalog.from_config(CONFIG, save_version="v1")


def test_the_packages_have_the_public_names() -> None:
    assert pellucid.io.__all__ == sorted(pellucid.io.__all__)
    assert set(pellucid.io.__all__) == {
        "AbstractDataset",
        "AbstractVersionedDataset",
        "CachedDataset",
        "CatalogConfigResolver",
        "CatalogProtocol",
        "DataCatalog",
        "DatasetAlreadyExistsError",
        "DatasetError",
        "DatasetNotFoundError",
        "MemoryDataset",
        "SharedMemoryCatalogProtocol",
        "SharedMemoryDataCatalog",
        "SharedMemoryDataset",
        "Version",
    }
    assert all(hasattr(pellucid.io, name) for name in pellucid.io.__all__)
    assert set(data_catalog.__all__) == {
        "TYPE_KEY",
        "VALIDATOR_KEY",
        "DataCatalog",
        "SharedMemoryDataCatalog",
        "_LazyDataset",
    }


def test_a_catalog_is_what_the_protocol_says(catalog: DataCatalog) -> None:
    assert isinstance(catalog, CatalogProtocol)


def test_making_a_catalog_makes_no_dataset(catalog: DataCatalog) -> None:
    assert catalog._datasets == {}
    assert list(catalog._lazy_datasets) == catalog.keys() == list(catalog) == ["companies", "report", "memory"]
    assert len(catalog) == 3
    broken = DataCatalog.from_config({"x": {"type": "no.such.Dataset"}})
    assert repr(broken) == "'x': no.such.Dataset"


def test_a_dataset_is_made_when_it_is_asked_for_and_then_kept(catalog: DataCatalog) -> None:
    companies = catalog.get("companies")
    assert isinstance(companies, NoteDataset)
    assert catalog["companies"] is companies
    assert list(catalog._lazy_datasets) == ["report", "memory"]
    assert catalog.keys() == ["companies", "report", "memory"]


def test_an_unknown_name_is_none_to_get_and_an_error_to_brackets(catalog: DataCatalog) -> None:
    assert catalog.get("companis") is None
    with pytest.raises(DatasetNotFoundError) as caught:
        catalog["companis"]
    assert str(caught.value) == (
        "The catalog has no dataset 'companis', and no pattern that matches it. Did you mean 'companies'?"
    )
    assert isinstance(caught.value, LookupError)
    assert len(catalog) == 3


def test_in_is_true_for_datasets_and_patterns_and_not_for_the_runtime_default(catalog: DataCatalog) -> None:
    assert "companies" in catalog
    assert "x#note" in catalog
    assert "x" not in catalog
    assert "" not in catalog
    assert 5 not in catalog


def test_in_is_true_for_everything_if_there_is_a_catch_all() -> None:
    catalog = DataCatalog.from_config({"{x}": {"type": NOTE, "filepath": "{x}"}})
    assert "anything" in catalog
    assert catalog["anything"].filepath == "anything"


def test_a_pattern_makes_a_dataset_that_is_then_in_the_catalog(catalog: DataCatalog) -> None:
    made = catalog["deep/x#note"]
    assert made.filepath == "deep/x.txt"
    assert catalog.keys()[-1] == "deep/x#note"
    assert catalog["deep/x#note"] is made


def test_the_runtime_pattern_is_used_when_asked_for(catalog: DataCatalog) -> None:
    assert catalog.get("x") is None
    made = catalog.get("x", fallback_to_runtime_pattern=True)
    assert type(made) is MemoryDataset
    assert catalog.get("x") is made
    assert "x" in catalog
    assert isinstance(catalog.get("y#note", fallback_to_runtime_pattern=True), NoteDataset)


def test_values_and_items_are_all_datasets_in_the_order_of_the_catalog(catalog: DataCatalog) -> None:
    catalog["report"]
    assert [type(dataset).__name__ for dataset in catalog.values()] == [
        "NoteDataset",
        "VersionedNoteDataset",
        "MemoryDataset",
    ]
    assert [name for name, _ in catalog.items()] == catalog.keys() == catalog._ipython_key_completions_()


def test_raw_values_become_memory_datasets() -> None:
    catalog = DataCatalog({"number": 5, "nothing": None, "cls": NoteDataset})
    catalog["list"] = [1]
    assert {type(dataset) for dataset in catalog.values()} == {MemoryDataset}
    assert [catalog.load(name) for name in catalog] == [5, None, NoteDataset, [1]]


def test_data_that_cannot_be_copied_is_refused_with_its_name_and_a_way_out() -> None:
    with pytest.raises(DatasetError, match=r"^x: data of the type _thread.lock cannot be kept .* copy_mode='assign'"):
        DataCatalog({"x": threading.Lock()})


def test_data_with_load_on_its_class_is_data() -> None:
    class Model:
        @classmethod
        def load(cls) -> Model:
            return cls()

        def save(self, path: str) -> None: ...

    catalog = DataCatalog({"model": Model()})
    assert type(catalog["model"]) is MemoryDataset


def test_whatever_loads_and_saves_is_registered_as_it_is() -> None:
    foreign = ForeignDataset(3)
    catalog = DataCatalog({"x": foreign})
    assert catalog["x"] is foreign
    assert catalog.load("x") == 3


def test_replacing_warns_and_keeps_the_place(catalog: DataCatalog, caplog: pytest.LogCaptureFixture) -> None:
    catalog["report"] = 5
    catalog["report"] = 6
    catalog["new"] = 7
    assert [record.getMessage() for record in caplog.records] == ["Replacing the dataset 'report'."] * 2
    assert {record.name for record in caplog.records} == {"pellucid.io.data_catalog"} == {catalog._logger.name}
    assert catalog.keys() == ["companies", "report", "memory", "new"]
    assert catalog.load("report") == 6


def test_a_lazy_dataset_may_be_set(catalog: DataCatalog) -> None:
    catalog["companies"]
    catalog["companies"] = _LazyDataset("companies", {"type": "MemoryDataset"})
    assert "companies" not in catalog._datasets
    assert isinstance(catalog["companies"], MemoryDataset)


def test_a_given_dataset_wins_over_its_configuration(caplog: pytest.LogCaptureFixture) -> None:
    given = MemoryDataset(1)
    catalog = DataCatalog({"companies": given}, config_resolver=CatalogConfigResolver(CONFIG))
    assert catalog["companies"] is given
    assert "'companies' was given as an object; its configuration is not used" in caplog.text
    assert catalog.keys() == ["companies", "report", "memory"]


def test_the_repr_shows_names_and_types_and_makes_nothing(catalog: DataCatalog) -> None:
    catalog["memory"] = 5
    assert repr(catalog).splitlines()[:2] == [f"'companies': {NOTE}", f"'report': {VERSIONED}"]
    assert repr(catalog).splitlines()[2].startswith("'memory': pellucid.io.memory_dataset.MemoryDataset(")
    assert list(catalog._datasets) == ["memory"]
    assert repr(DataCatalog()) == ""


def test_a_type_may_be_a_class() -> None:
    catalog = DataCatalog.from_config({"x": {"type": NoteDataset, "filepath": "f"}})
    assert repr(catalog) == f"'x': {NOTE}"
    assert isinstance(catalog["x"], NoteDataset)


def test_catalogs_are_equal_if_they_hold_the_same() -> None:
    first, second = DataCatalog.from_config(CONFIG), DataCatalog.from_config(CONFIG)
    assert first == second
    second["companies"]
    assert first != second
    assert DataCatalog() == DataCatalog()
    assert DataCatalog() != DataCatalog.from_config({"{x}": {"type": NOTE}})
    assert DataCatalog() != 3
    dataset = MemoryDataset(1)
    assert DataCatalog({"a": dataset}) == DataCatalog({"a": dataset})
    with pytest.raises(TypeError, match="unhashable"):
        hash(first)


# ---------------------------------------------------------------------- errors


@pytest.mark.parametrize("name", ["x", "{a}_x"])
def test_an_entry_without_a_type_is_named(name: str) -> None:
    with pytest.raises(DatasetError, match=r"Dataset '.*x': its configuration has no 'type'. If it serves inter"):
        DataCatalog.from_config({name: {"filepath": "f"}}).get("a_x")


def test_what_is_wrong_with_a_dataset_is_said_with_its_name_when_it_is_made() -> None:
    catalog = DataCatalog.from_config(
        {
            "x": {"type": "no.such.Dataset"},
            "y": {"type": NOTE, "filepath": "f", "load_arg": 1},
            "z_{n}": {"type": NOTE, "credentials": "db"},
        },
        {"db": {"password": "hunter2"}},
    )
    with pytest.raises(DatasetError, match=r"'x': there is no dataset type 'no.such.Dataset'"):
        catalog["x"]
    with pytest.raises(DatasetError, match=r"'y': .* takes no argument 'load_arg'. Did you mean 'load_args'\?"):
        catalog["y"]
    with pytest.raises(DatasetError, match=r"'z_1': .* needs the argument 'filepath'") as caught:
        catalog["z_1"]
    assert "hunter2" not in str(caught.value)
    assert catalog.keys() == ["x", "y"]


# ---------------------------------------------------------------------- versions


def test_versioned_datasets_get_the_catalogs_versions() -> None:
    catalog = DataCatalog.from_config(CONFIG, load_versions={"report": "old", "x#report": "older"}, save_version="new")
    assert catalog["report"]._version == Version("old", "new")
    assert catalog["x#report"]._version == Version("older", "new")
    assert catalog["y#report"]._version == Version(None, "new")


def test_a_save_version_is_drawn_once_and_when_it_is_needed() -> None:
    catalog = DataCatalog.from_config(CONFIG)
    catalog["companies"]
    assert catalog._known_save_version is None
    drawn = catalog["report"]._version.save
    assert drawn
    assert catalog["x#report"]._version.save == catalog._save_version == drawn


def test_load_versions_of_unknown_datasets_are_refused_with_the_nearest() -> None:
    with pytest.raises(DatasetNotFoundError) as caught:
        DataCatalog.from_config(CONFIG, load_versions={"reprot": "v", "report": "v"})
    assert str(caught.value) == (
        "Versions to load are given for the dataset 'reprot', which the catalog does not have. Did you mean 'report'?"
    )
    with pytest.raises(DatasetNotFoundError, match="for the datasets 'q', 'r', which"):
        DataCatalog(load_versions={"q": "v", "r": "v"})


def test_a_catalog_takes_the_versions_of_datasets_that_are_given() -> None:
    catalog = DataCatalog({"a": VersionedNoteDataset("a", Version("old", "mine"))})
    assert (catalog._save_version, catalog._load_versions) == ("mine", {"a": "old"})
    catalog["b"] = VersionedNoteDataset("b", Version(None, "mine"))
    with pytest.raises(VersionAlreadyExistsError, match=r"'c' would save the version 'other', and all .* 'mine'"):
        catalog["c"] = VersionedNoteDataset("c", Version(None, "other"))
    assert "c" not in catalog


def test_a_version_may_be_asked_for_without_changing_the_catalog(
    catalog: DataCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    asked = catalog.get("report", version=Version("old", None))
    assert asked._version == Version("old", None)
    assert catalog["report"]._version == Version(None, "v1")
    assert catalog.get("nope", version=Version("old", None)) is None
    foreign = ForeignDataset()
    catalog["foreign"] = foreign
    assert catalog.get("foreign", version=Version("old", None)) is foreign
    assert "'foreign' (ForeignDataset) has no versions" in caplog.text


def test_a_cached_dataset_is_versioned_as_its_entry_says() -> None:
    entry = {"type": "CachedDataset", "versioned": True, "dataset": {"type": VERSIONED, "filepath": "f"}}
    catalog = DataCatalog.from_config({"c": entry}, save_version="v1", load_versions={"c": "old"})
    assert isinstance(catalog["c"], CachedDataset)
    assert catalog["c"]._dataset._version == Version("old", "v1")


# ---------------------------------------------------------------------- threads


class Register(dict[str, Any]):
    """Says when eight threads have looked for something."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.threads.add(threading.get_ident())
        if len(self.threads) == 8:
            CountingDataset.all_there.set()
        return super().get(key, default)


def test_threads_that_ask_at_once_get_one_dataset() -> None:
    catalog = DataCatalog.from_config({"x": {"type": f"{HERE}.CountingDataset"}})
    catalog._datasets = Register()
    CountingDataset.made.clear()
    CountingDataset.all_there.clear()
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(catalog.get("x"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(found) == 8
    assert {id(dataset) for dataset in found} == {id(catalog["x"])}
    assert len(CountingDataset.made) == 1


def test_many_names_may_be_made_by_many_threads(catalog: DataCatalog) -> None:
    start = threading.Barrier(4)
    errors: list[BaseException] = []

    def work() -> None:
        start.wait(timeout=30)
        try:
            for number in range(200):
                catalog[f"{number}#note"]
                list(catalog)
                len(catalog.keys())
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert errors == []
    assert len(catalog) == 203


def test_a_dataset_may_use_the_catalog_while_it_is_made() -> None:
    asking = f"{HERE}.AskingDataset"
    catalog = DataCatalog.from_config(
        {
            "a": {"type": asking, "other": "b"},
            "b": {"type": "MemoryDataset"},
            "self": {"type": asking, "other": "self"},
            "x": {"type": asking, "other": "y"},
            "y": {"type": asking, "other": "x"},
        }
    )
    AskingDataset.catalog = catalog
    assert catalog["a"].other is catalog["b"]
    for name in ("self", "x"):
        with pytest.raises(DatasetError, match=f"Dataset '{name}': making it asks the catalog for the dataset itself"):
            catalog[name]


# ---------------------------------------------------------------------- another process


def test_a_catalog_travels(catalog: DataCatalog) -> None:
    catalog["companies"]
    catalog["number"] = 5
    again = pickle.loads(pickle.dumps(catalog))
    assert again.keys() == catalog.keys()
    assert list(again._lazy_datasets) == ["report", "memory"]
    assert again.load("number") == 5
    assert again["x#note"].filepath == "x.txt"
    again["companies"] = 1
    assert isinstance(catalog["companies"], NoteDataset)


def test_a_copy_is_a_catalog_of_its_own(catalog: DataCatalog) -> None:
    for twin in (copy.copy(catalog), copy.deepcopy(catalog)):
        twin["new"] = 1
        assert "new" not in catalog
        assert twin["report"]._version == Version(None, "v1")


def save_version_of(catalog: DataCatalog) -> tuple[str, str, Any]:
    return str(catalog["report"]._version.save), str(catalog["x#report"]._version.save), catalog.load("number")


@pytest.mark.processes
def test_processes_save_the_version_of_the_catalog_they_come_from() -> None:
    catalog = DataCatalog.from_config(CONFIG)
    catalog["number"] = 5
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.map(save_version_of, [catalog, catalog])
        pool.close()
        pool.join()
    version = catalog._save_version
    assert found == [(version, version, 5)] * 2
    assert re.match(r"\d{4}-\d\d-\d\dT", version)


@pytest.mark.parametrize("data", [1, [1], None, "text"])
def test_catalogs_of_the_same_data_are_equal(data: Any) -> None:
    given = {"a": data}
    assert DataCatalog(given) == DataCatalog(given)
    assert DataCatalog(given) != DataCatalog({"a": "another"})
    assert DataCatalog(given) != DataCatalog({"b": data})


def test_catalogs_of_datasets_are_equal_if_these_are_the_same_objects() -> None:
    dataset = MemoryDataset(1)
    assert DataCatalog({"a": dataset}) == DataCatalog({"a": dataset})
    assert DataCatalog({"a": dataset}) != DataCatalog({"a": MemoryDataset(1)})
    assert DataCatalog({"a": 1}) != DataCatalog({"a": MemoryDataset(1)})


def test_catalogs_of_data_that_cannot_be_compared_are_not_equal() -> None:
    class Odd:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError("ambiguous")

        def __hash__(self) -> int:
            return 1

    assert DataCatalog({"a": Odd()}) != DataCatalog({"a": Odd()})
    replaced = DataCatalog({"a": 1})
    replaced["a"] = SharedMemoryDataset()
    assert replaced != DataCatalog({"a": 1})
