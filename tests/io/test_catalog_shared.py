"""The catalog of a run in several processes."""

from __future__ import annotations

import logging
import multiprocessing
import pickle
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.io_catalog import HERE, EphemeralForeignDataset, ForeignDataset, NoteDataset, SingleProcessDataset

from pellucid.exceptions import DatasetError
from pellucid.io import (
    CachedDataset,
    MemoryDataset,
    SharedMemoryCatalogProtocol,
    SharedMemoryDataCatalog,
    SharedMemoryDataset,
)
from pellucid.io.shared_memory import SharedMemoryArena

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def arena() -> Iterator[SharedMemoryArena]:
    with SharedMemoryArena() as made:
        yield made


def place_of(dataset: Any) -> Any:
    assert isinstance(dataset, SharedMemoryDataset)
    return dataset.shared_memory_dataset


def test_it_is_what_the_protocol_says() -> None:
    assert isinstance(SharedMemoryDataCatalog(), SharedMemoryCatalogProtocol)


def test_the_runtime_pattern_makes_shared_memory() -> None:
    catalog = SharedMemoryDataCatalog.from_config({"x": {"type": "MemoryDataset"}})
    assert type(catalog["x"]) is MemoryDataset
    assert type(catalog.get("y", fallback_to_runtime_pattern=True)) is SharedMemoryDataset
    assert catalog.get("z") is None


def test_all_shared_memory_datasets_get_their_place_those_made_later_too(arena: SharedMemoryArena) -> None:
    config = {"lazy": {"type": "SharedMemoryDataset"}, "{x}_p": {"type": "SharedMemoryDataset"}}
    catalog = SharedMemoryDataCatalog.from_config(config)
    catalog["given"] = SharedMemoryDataset()
    catalog["number"] = 5
    assert place_of(catalog["given"]) is None
    catalog.set_manager_datasets(arena)
    catalog["later"] = SharedMemoryDataset()
    for name in ("lazy", "x_p", "given", "later"):
        assert place_of(catalog[name]) is not None
        catalog.save(name, name)
    assert place_of(catalog.get("runtime", fallback_to_runtime_pattern=True)) is not None
    assert [catalog.load(name) for name in ("lazy", "x_p", "given", "later", "number")] == [
        "lazy",
        "x_p",
        "given",
        "later",
        5,
    ]


def test_a_place_that_a_dataset_has_is_not_taken_from_it(arena: SharedMemoryArena) -> None:
    catalog = SharedMemoryDataCatalog()
    catalog.set_manager_datasets(arena)
    dataset = SharedMemoryDataset(arena)
    dataset.save(1)
    catalog["x"] = dataset
    assert catalog.load("x") == 1


def test_outputs_in_memory_come_to_be_shared(arena: SharedMemoryArena, caplog: pytest.LogCaptureFixture) -> None:
    note, foreign = NoteDataset("f"), ForeignDataset()
    catalog = SharedMemoryDataCatalog.from_config(
        {"lazy": {"type": "MemoryDataset"}, "other": {"type": "MemoryDataset"}}
    )
    catalog["empty"] = MemoryDataset()
    catalog["full"] = MemoryDataset([1])
    catalog["cached"] = CachedDataset(MemoryDataset([2]))
    catalog["cached note"] = CachedDataset(note)
    catalog["note"], catalog["foreign"], catalog["shared"] = note, foreign, SharedMemoryDataset()
    catalog.set_manager_datasets(arena)
    place = place_of(catalog["shared"])
    names = catalog.keys()
    catalog.share_memory_outputs(
        ["lazy", "empty", "full", "cached", "cached note", "note", "foreign", "shared", "nope"]
    )
    for name in ("lazy", "empty", "full", "cached"):
        assert place_of(catalog[name]) is not None
    assert (catalog.load("full"), catalog.load("cached")) == ([1], [2])
    assert not catalog.exists("empty")
    assert type(catalog["cached note"]) is CachedDataset
    assert (catalog["note"], catalog["foreign"]) == (note, foreign)
    assert place_of(catalog["shared"]) is place
    assert type(catalog["other"]) is MemoryDataset
    assert catalog.keys() == names
    assert "nope" not in catalog
    assert [each.message for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_data_that_was_shared_is_no_part_of_the_configuration(arena: SharedMemoryArena) -> None:
    catalog = SharedMemoryDataCatalog.from_config({"x": {"type": "MemoryDataset"}})
    catalog.set_manager_datasets(arena)
    catalog.share_memory_outputs(["x"])
    assert catalog.to_config()[0] == {}


@pytest.mark.parametrize("kind", [SingleProcessDataset, EphemeralForeignDataset])
def test_an_output_that_is_in_memory_in_a_way_of_its_own_is_refused(kind: type) -> None:
    catalog = SharedMemoryDataCatalog({"x": kind()})
    with pytest.raises(DatasetError, match=rf"'x' \({HERE}.{kind.__name__}\) keeps its data in the memory of one"):
        catalog.share_memory_outputs(["x"])


def test_datasets_that_cannot_travel_are_all_named_with_their_reasons() -> None:
    catalog = SharedMemoryDataCatalog(
        {"fine": 1, "lock": MemoryDataset(threading.Lock(), "assign"), "single": SingleProcessDataset(1)}
    )
    with pytest.raises(AttributeError) as caught:
        catalog.validate_catalog()
    lines = str(caught.value).splitlines()
    assert lines[0] == "These datasets cannot be used by several processes:"
    assert lines[1].startswith("  'lock': pellucid.io.memory_dataset.MemoryDataset cannot be pickled: ")
    assert lines[2] == f"  'single': {HERE}.SingleProcessDataset is made for one process"
    assert len(lines) == 4


def test_a_catalog_of_datasets_that_travel_is_valid() -> None:
    SharedMemoryDataCatalog({"x": b"1" * 1_000_000, "note": NoteDataset("f")}).validate_catalog()


def test_the_means_to_make_places_stay_with_their_owner(arena: SharedMemoryArena) -> None:
    catalog = SharedMemoryDataCatalog()
    catalog.set_manager_datasets(arena)
    catalog["x"] = SharedMemoryDataset()
    again = pickle.loads(pickle.dumps(catalog))
    assert again._manager is None
    again.save("x", 5)
    assert catalog.load("x") == 5


def save_five(catalog: SharedMemoryDataCatalog) -> None:
    catalog.save("x", [5])


@pytest.mark.processes
@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_what_another_process_saves_is_loaded_here(arena: SharedMemoryArena, start_method: str) -> None:
    catalog = SharedMemoryDataCatalog({"x": MemoryDataset()})
    catalog.set_manager_datasets(arena)
    catalog.share_memory_outputs(["x"])
    catalog.validate_catalog()
    with multiprocessing.get_context(start_method).Pool(1) as pool:
        pool.apply(save_five, [catalog])
        pool.close()
        pool.join()
    assert catalog.load("x") == [5]
