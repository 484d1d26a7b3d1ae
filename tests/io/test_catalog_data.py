"""Loading, saving and what else is done to datasets through the catalog; finding them; writing it all down."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.io_catalog import HERE, ForeignDataset, NoteDataset, SingleProcessDataset, VersionedNoteDataset

from pellucid.exceptions import DatasetError, DatasetNotFoundError, VersionAlreadyExistsError, VersionNotFoundError
from pellucid.io import CachedDataset, CatalogConfigResolver, DataCatalog, MemoryDataset, SharedMemoryDataset
from pellucid.io.core import Version

if TYPE_CHECKING:
    from pathlib import Path

NOTE, VERSIONED = f"{HERE}.NoteDataset", f"{HERE}.VersionedNoteDataset"


@pytest.fixture
def catalog(tmp_path: Path) -> DataCatalog:
    return DataCatalog.from_config(
        {
            "note": {"type": NOTE, "filepath": str(tmp_path / "note.txt"), "credentials": "db"},
            "report": {"type": VERSIONED, "filepath": str(tmp_path / "report.txt"), "versioned": True},
            "memory": {"type": "MemoryDataset"},
            "{name}#note": {"type": NOTE, "filepath": str(tmp_path / "{name}.txt")},
        },
        {"db": {"password": "hunter2"}},
        save_version="v1",
    )


# ---------------------------------------------------------------------- load and save


def test_what_is_saved_is_loaded(catalog: DataCatalog) -> None:
    for name in ("note", "report", "memory", "x#note"):
        catalog.save(name, f"text of {name}")
    assert [catalog.load(name) for name in catalog] == [f"text of {name}" for name in catalog]


def test_loads_and_saves_are_logged_at_info(catalog: DataCatalog, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        catalog.save("note", "text")
        catalog.load("note")
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("pellucid.io.data_catalog", "Saving 'note' (NoteDataset)"),
        ("pellucid.io.data_catalog", "Loading 'note' (NoteDataset)"),
    ]


def test_another_version_can_be_loaded(catalog: DataCatalog, tmp_path: Path) -> None:
    catalog.save("report", "first")
    older = tmp_path / "report.txt" / "v0" / "report.txt"
    older.parent.mkdir(parents=True)
    older.write_text("older", encoding="utf-8")
    assert catalog.load("report", version="v0") == "older"
    assert catalog.load("report", version="v1") == "first"
    assert catalog.load("report") == "first"


def test_a_version_of_what_has_none_is_a_warning(catalog: DataCatalog, caplog: pytest.LogCaptureFixture) -> None:
    catalog["foreign"] = ForeignDataset(5)
    assert catalog.load("foreign", version="v0") == 5
    assert "'foreign' (ForeignDataset) has no versions" in caplog.text


def test_unknown_names_are_refused_with_the_nearest(catalog: DataCatalog) -> None:
    catalog["numbers"] = 5
    for act in (
        lambda: catalog.load("number"),
        lambda: catalog.save("number", 1),
        lambda: catalog.release("number"),
        lambda: catalog.confirm("number"),
    ):
        with pytest.raises(DatasetNotFoundError, match=r"no dataset 'number', .* Did you mean 'numbers'\?"):
            act()
    assert catalog.exists("number") is False


def test_errors_begin_with_the_name_once_and_keep_their_class(catalog: DataCatalog) -> None:
    with pytest.raises(VersionNotFoundError, match=r"^report: ") as caught:
        catalog.load("report")
    assert str(caught.value).count("report: ") == 1
    with pytest.raises(DatasetError, match=r"^note: ") as loading:
        catalog.load("note")
    assert isinstance(loading.value.__cause__, FileNotFoundError)
    with pytest.raises(DatasetError, match=r"^note: None cannot be saved"):
        catalog.save("note", None)
    known = DatasetError("x: is known")
    catalog["x"] = ForeignDataset(known)
    for _ in range(2):
        with pytest.raises(DatasetError) as again:
            catalog.load("x")
        assert again.value is known
        assert str(again.value) == "x: is known"


def test_an_error_that_builds_its_own_message_stays_as_it_is(catalog: DataCatalog) -> None:
    class OddError(DatasetError):
        def __str__(self) -> str:
            return "odd"

    odd = OddError("code", 5)
    catalog["x"] = ForeignDataset(odd)
    with pytest.raises(OddError) as caught:
        catalog.load("x")
    assert caught.value.args == ("code", 5)


def test_errors_of_foreign_datasets_get_the_name_and_show_no_secret(catalog: DataCatalog) -> None:
    catalog["x"] = ForeignDataset(ValueError("broken"))
    with pytest.raises(DatasetError, match=rf"^x: cannot load {HERE}.ForeignDataset: .*broken") as loading:
        catalog.load("x")
    assert isinstance(loading.value.__cause__, ValueError)
    with pytest.raises(DatasetError, match=r"^x: cannot save .*no room") as saving:
        catalog.save("x", "refused")
    assert "hunter2" not in str(saving.value)


# ---------------------------------------------------------------------- exists, release, confirm


def test_exists_asks_the_dataset(catalog: DataCatalog) -> None:
    assert [catalog.exists(name) for name in ("note", "report", "memory", "x#note")] == [False] * 4
    catalog.save("note", "text")
    assert catalog.exists("note") is True


def test_release_and_confirm_go_to_the_dataset(catalog: DataCatalog, caplog: pytest.LogCaptureFixture) -> None:
    catalog.release("note")
    with caplog.at_level(logging.INFO):
        catalog.confirm("note")
    assert (catalog["note"].released, catalog["note"].confirmed) == (1, 1)
    assert "Confirming 'note'" in caplog.text


def test_foreign_datasets_need_neither_exists_nor_release_nor_confirm(catalog: DataCatalog) -> None:
    catalog["x"] = ForeignDataset(1)
    assert catalog.exists("x") is False
    catalog.release("x")
    with pytest.raises(DatasetError, match=rf"'x' \({HERE}.ForeignDataset\) cannot be confirmed"):
        catalog.confirm("x")


# ---------------------------------------------------------------------- what is there


def test_the_type_is_told_without_making_the_dataset(catalog: DataCatalog) -> None:
    catalog["number"] = 5
    assert [catalog.get_type(name) for name in ("note", "x#note", "number", "nope")] == [
        NOTE,
        NOTE,
        "pellucid.io.memory_dataset.MemoryDataset",
        None,
    ]
    assert list(catalog._datasets) == ["number"]


def test_a_type_that_cannot_be_imported_is_told_with_the_name() -> None:
    catalog = DataCatalog.from_config({"x": {"type": "no.such.Dataset"}})
    for act in (lambda: catalog.get_type("x"), lambda: catalog.filter(type_regex="a")):
        with pytest.raises(DatasetError, match=r"Dataset 'x': .*'no\.such\.Dataset'"):
            act()


def test_datasets_are_found_by_name_and_type(catalog: DataCatalog) -> None:
    catalog["cached"] = CachedDataset(MemoryDataset())
    catalog["derived"] = SingleProcessDataset()
    assert catalog.filter() == catalog.keys()
    assert catalog.filter("^[a-m]") == ["memory", "cached", "derived"]
    assert catalog.filter(name_regex="M") == []
    assert catalog.filter(type_regex=r"NoteDataset$") == ["note", "report"]
    assert catalog.filter(by_type=MemoryDataset) == ["memory"]
    assert catalog.filter(by_type=[MemoryDataset, NoteDataset]) == ["note", "memory"]
    assert catalog.filter("^r", "Versioned", [VersionedNoteDataset]) == ["report"]
    assert catalog.filter("^r", by_type=NoteDataset) == []


def test_paths_of_versions_to_be_saved_are_told(catalog: DataCatalog, tmp_path: Path) -> None:
    catalog["loose"] = VersionedNoteDataset("loose.txt", Version(None, None))
    names = ["note", "report", "memory", "loose", "nope"]
    path = str(tmp_path / "report.txt" / "v1" / "report.txt")
    assert catalog.versioned_save_paths(names) == {"report": path}
    catalog.save("report", "text")
    with pytest.raises(VersionAlreadyExistsError, match=r"^report: "):
        catalog.versioned_save_paths(names)


# ---------------------------------------------------------------------- back to configuration


def test_a_catalog_is_written_as_what_it_was_made_from(catalog: DataCatalog, tmp_path: Path) -> None:
    before = catalog.to_config()
    catalog.save("note", "text")
    assert "report" in catalog.filter(by_type=[type(catalog[name]) for name in catalog])
    assert catalog.to_config() == before
    entries, credentials, load_versions, save_version = before
    assert entries == {
        "note": {"type": NOTE, "filepath": str(tmp_path / "note.txt"), "credentials": "note_credentials"},
        "report": {"type": VERSIONED, "filepath": str(tmp_path / "report.txt"), "versioned": True},
    }
    assert credentials == {"note_credentials": {"password": "hunter2"}}
    assert load_versions == {"note": None, "report": None}
    assert save_version == "v1"


def test_datasets_that_were_given_or_made_by_a_pattern_are_written_too(catalog: DataCatalog, tmp_path: Path) -> None:
    catalog["x#note"]
    catalog["given"] = VersionedNoteDataset("given.txt", Version("old", "v1"), credentials={"key": "k"})
    catalog["deep"] = CachedDataset({"type": NOTE, "filepath": "f", "credentials": {"key": "l"}})
    entries, credentials, load_versions, _ = catalog.to_config()
    assert entries["x#note"] == {"type": NOTE, "filepath": str(tmp_path / "x.txt")}
    assert entries["given"] == {
        "type": VERSIONED,
        "filepath": "given.txt",
        "credentials": "given_credentials",
        "versioned": True,
    }
    assert entries["deep"]["dataset"]["credentials"] == "deep_credentials"
    assert credentials["given_credentials"] == {"key": "k"}
    assert credentials["deep_credentials"] == {"key": "l"}
    assert load_versions["given"] == "old"
    again = DataCatalog.from_config(*catalog.to_config())
    assert again.keys() == list(entries)
    assert again["given"]._version == Version("old", "v1")
    assert again.to_config() == (
        {**entries, "given": entries["given"], "deep": entries["deep"]},
        credentials,
        load_versions,
        "v1",
    )


def test_a_dataset_that_was_replaced_is_written_as_what_it_is_now(catalog: DataCatalog) -> None:
    catalog["note"]
    catalog["note"] = NoteDataset("other.txt")
    assert catalog.to_config()[0]["note"]["filepath"] == "other.txt"


def test_what_cannot_tell_its_configuration_is_left_out_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    data: dict[str, Any] = {"raw": 1, "shared": SharedMemoryDataset(), "foreign": ForeignDataset()}
    catalog = DataCatalog({**data, "derived": SingleProcessDataset()}, save_version="v1")
    assert catalog.to_config() == ({}, {}, {}, "v1")
    assert caplog.messages == [
        f"The dataset 'foreign' ({HERE}.ForeignDataset) cannot tell its configuration, and is left out."
    ]


def test_the_resolver_is_the_one_that_was_given() -> None:
    resolver = CatalogConfigResolver()
    assert DataCatalog(config_resolver=resolver).config_resolver is resolver
    assert DataCatalog.from_config(None).config_resolver.list_patterns() == ["{default}"]
