"""Data in the memory of one process: kept, copied, cached."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import subprocess
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tests.support.io import Foreign

from pellucid.io import DataCatalog
from pellucid.io._copying import TCopyMode, infer_copy_mode
from pellucid.io.cached_dataset import CachedDataset
from pellucid.io.core import AbstractDataset, DatasetError, Version, is_ephemeral, is_single_process
from pellucid.io.datasets.text import TextDataset
from pellucid.io.memory_dataset import MemoryDataset

if TYPE_CHECKING:
    from pathlib import Path


class Frame(pd.DataFrame):
    pass


class DataFrame:
    """Of a library that nobody has heard of."""


@pytest.mark.parametrize(
    ("data", "mode"),
    [
        (pd.DataFrame({"a": [1]}), "copy"),
        (pd.Series([1]), "copy"),
        (Frame({"a": [1]}), "copy"),
        (np.arange(3), "copy"),
        (np.float64(3), "copy"),
        (pl.DataFrame({"a": [1]}), "assign"),
        (pl.LazyFrame({"a": [1]}), "assign"),
        (pa.table({"a": [1]}), "assign"),
        (DataFrame(), "assign"),
        ("text", "assign"),
        (3, "assign"),
        (None, "assign"),
        ({"a": [1]}, "deepcopy"),
        ([1], "deepcopy"),
        (Foreign(), "deepcopy"),
    ],
)
def test_how_data_is_copied_follows_from_its_type(data: Any, mode: str) -> None:
    assert infer_copy_mode(data) == mode
    dataset = MemoryDataset(data)
    assert (dataset.load() is data) == (mode == "assign")


class Noting(MemoryDataset):
    """Somebody's own dataset in memory, which may do anything."""


@pytest.mark.usefixtures("quiet_datasets")
@pytest.mark.parametrize("data", [pl.DataFrame({"a": [1]}), "text", 3, {"a": [1]}, np.arange(3), Foreign()])
def test_whether_data_is_handed_on_by_reference_is_known_before(data: Any) -> None:
    catalog = DataCatalog({"data": MemoryDataset(data), "empty": MemoryDataset(), "own": Noting(data)})
    is_assigned = infer_copy_mode(data) == "assign"
    assert catalog.is_by_reference("data") == is_assigned
    assert catalog.is_by_reference("empty", data) == is_assigned
    assert not catalog.is_by_reference("empty")
    assert not catalog.is_by_reference("own")
    assert not catalog.is_by_reference("nobody's", data)


@pytest.mark.usefixtures("quiet_datasets")
def test_what_is_logged_is_not_only_handed_on(caplog: pytest.LogCaptureFixture) -> None:
    catalog = DataCatalog({"data": MemoryDataset(3)})
    assert catalog.is_by_reference("data")
    for name, level in (("pellucid.io.data_catalog", logging.INFO), ("pellucid.io", logging.DEBUG)):
        with caplog.at_level(level, logger=name):
            assert not catalog.is_by_reference("data")
            catalog.load("data")
            assert "oading" in caplog.text
        caplog.clear()
    assert catalog.is_by_reference("data")


@pytest.mark.usefixtures("quiet_datasets")
def test_a_copy_mode_says_so_too() -> None:
    modes: tuple[TCopyMode, ...] = ("assign", "copy", "deepcopy")
    catalog = DataCatalog({mode: MemoryDataset([1], copy_mode=mode) for mode in modes})
    assert [mode for mode in modes if catalog.is_by_reference(mode)] == ["assign"]
    empty = DataCatalog({mode: MemoryDataset(copy_mode=mode) for mode in modes})
    assert [mode for mode in modes if empty.is_by_reference(mode, [3])] == ["assign"]


@pytest.mark.usefixtures("quiet_datasets")
def test_whoever_lets_go_of_what_was_saved_before_may_call_its_code() -> None:
    catalog = DataCatalog({"object": MemoryDataset(Foreign(), copy_mode="assign"), "number": MemoryDataset(3)})
    assert not catalog.is_by_reference("object", 3)
    assert catalog.is_by_reference("object")
    assert catalog.is_by_reference("number", 4)


class Wrapper(AbstractDataset[Any, Any]):
    """Hands on to another dataset whatever it does not have itself."""

    def __init__(self, inner: MemoryDataset) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["inner"], name)

    def load(self) -> Any:
        return self.inner.load()

    def save(self, data: Any) -> None:
        self.inner.save(data)


# A type that equals itself, and has no hash: its metaclass has __eq__ alone.
Odd: Any = type("Unhashable", (type,), {"__eq__": lambda one, other: one is other})("Odd", (), {})


@pytest.mark.usefixtures("quiet_datasets")
def test_of_what_is_odd_nothing_is_said_and_nothing_is_raised() -> None:
    catalog = DataCatalog({"wrapped": Wrapper(MemoryDataset(3)), "empty": MemoryDataset()})
    assert not catalog.is_by_reference("wrapped")
    assert not catalog.is_by_reference("wrapped", 3)
    assert not catalog.is_by_reference("empty", Odd())


@pytest.mark.usefixtures("quiet_datasets")
def test_what_is_validated_or_not_made_yet_is_not_only_handed_on() -> None:
    entries = {"checked": {"type": "MemoryDataset", "data": 3, "validator": "builtins.int"}}
    catalog = DataCatalog.from_config({**entries, "lazy": {"type": "MemoryDataset", "data": 3}})
    assert catalog["checked"].load() == 3
    assert not catalog.is_by_reference("checked")
    assert not catalog.is_by_reference("lazy")
    assert catalog["lazy"].load() == 3
    assert catalog.is_by_reference("lazy")


def test_a_frame_is_copied_on_its_way_in_and_on_its_way_out() -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    dataset = MemoryDataset(frame)
    frame.loc[0, "a"] = 9
    loaded = dataset.load()
    loaded.loc[1, "a"] = 9
    assert list(dataset.load()["a"]) == [1, 2]


def test_a_nested_value_is_copied_as_deep_as_asked() -> None:
    value = {"a": [1]}
    assert MemoryDataset(value, copy_mode="assign").load() is value
    shallow = MemoryDataset(value, copy_mode="copy").load()
    assert shallow is not value
    assert shallow["a"] is value["a"]
    assert MemoryDataset(value).load()["a"] is not value["a"]
    assert MemoryDataset((1, value), copy_mode="copy").load()[1] is value


def test_an_unknown_copy_mode_is_refused() -> None:
    with pytest.raises(DatasetError, match="'foo'; it is one of 'deepcopy', 'copy', 'assign'"):
        AbstractDataset.from_config("x", {"type": "MemoryDataset", "copy_mode": "foo"})


def test_it_exists_until_it_is_released() -> None:
    dataset = MemoryDataset()
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="holds no data"):
        dataset.load()
    dataset.save([1])
    assert dataset.exists()
    assert dataset.load() == [1]
    assert repr(dataset) == "pellucid.io.memory_dataset.MemoryDataset(data='<list>')"
    dataset.release()
    assert not dataset.exists()
    assert repr(dataset) == "pellucid.io.memory_dataset.MemoryDataset()"


def test_a_memory_dataset_may_be_inherited_from() -> None:
    class Constant(MemoryDataset):
        def __init__(self, number: int) -> None:
            super().__init__(data=number)

    assert Constant(3).load() == 3
    assert Constant(3)._init_args == {"number": 3}


def test_an_heir_without_a_constructor_knows_its_arguments() -> None:
    class Heir(MemoryDataset):
        pass

    assert Heir(5, "assign")._init_args == {"data": 5, "copy_mode": "assign", "metadata": None}
    assert Heir(copy_mode="copy", metadata={"a": 1})._init_config() == {
        "type": f"{__name__}.{Heir.__qualname__}",
        "copy_mode": "copy",
        "metadata": {"a": 1},
    }


def test_what_was_given_goes_with_the_release() -> None:
    class Payload:
        pass

    for options in ({}, {"metadata": {"a": 1}}):
        dataset = MemoryDataset(Payload(), "assign", **options)
        alive = weakref.ref(dataset.load())
        dataset.release()
        assert alive() is None
        assert dataset._init_args["metadata"] == options.get("metadata")


def test_nothing_is_data_to_begin_with() -> None:
    dataset = MemoryDataset(None)
    assert dataset.exists()
    assert dataset.load() is None


def test_the_absence_of_data_survives_a_copy_and_a_pickle() -> None:
    assert not copy.deepcopy(MemoryDataset()).exists()
    assert not pickle.loads(pickle.dumps(MemoryDataset())).exists()
    assert repr(MemoryDataset()._data) == "<unset>"
    assert pickle.loads(pickle.dumps(MemoryDataset([1]))).load() == [1]


def test_neither_pandas_nor_fsspec_nor_multiprocessing_is_imported_for_it(tmp_path: Path) -> None:
    source = (
        "import sys; from pellucid.io.datasets.text import TextDataset\n"
        "from pellucid.io.memory_dataset import MemoryDataset\n"
        "from pellucid.io.shared_memory import SharedMemoryArena\n"
        "MemoryDataset({'a': 1}).load()\n"
        "d = TextDataset(filepath=sys.argv[1]); d.save('x'); d.load(); d.exists(); repr(d)\n"
        "heavy = {'pandas', 'fsspec', 'numpy', 'multiprocessing', 'polars', 'yaml', 'asyncio', 'tempfile'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    command = [sys.executable, "-c", source, str(tmp_path / "a.txt")]
    # Measuring coverage imports what this looks for.
    variables = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=variables)
    assert answer.stdout.strip() == "[]"


# ------------------------------------------------------------------ cached


class Counting(Foreign):
    loads = saves = releases = confirms = 0
    _EPHEMERAL = True

    def load(self) -> Any:
        self.loads += 1
        return super().load()

    def exists(self) -> bool:
        return self.data is not None

    def release(self) -> None:
        self.releases += 1

    def confirm(self) -> None:
        self.confirms += 1


def test_a_cached_dataset_is_loaded_once_until_it_is_released() -> None:
    inner = Counting([1])
    dataset = CachedDataset(inner)
    assert [dataset.load(), dataset.load()] == [[1], [1]]
    assert inner.loads == 1
    dataset.release()
    assert (dataset.load(), inner.loads, inner.releases) == ([1], 2, 1)
    dataset.confirm()
    assert inner.confirms == 1
    assert is_ephemeral(dataset)
    assert is_single_process(dataset)


def test_threads_that_load_a_cached_dataset_at_once_load_it_once() -> None:
    inner, start = Counting([1]), threading.Barrier(8)
    dataset = CachedDataset(inner)

    def load() -> None:
        start.wait()
        dataset.load()

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inner.loads == 1


def test_what_is_saved_is_kept_in_both(tmp_path: Path) -> None:
    dataset = CachedDataset(TextDataset(filepath=tmp_path / "a.txt"))
    assert not dataset.exists()
    dataset.save("one")
    assert (tmp_path / "a.txt").read_text() == "one"
    (tmp_path / "a.txt").unlink()
    assert dataset.exists()
    assert dataset.load() == "one"
    assert not is_ephemeral(dataset)


def test_what_loads_as_nothing_is_not_cached() -> None:
    inner = Counting()
    dataset = CachedDataset(inner)
    assert (dataset.load(), dataset.load(), inner.loads) == (None, None, 2)
    assert not dataset.exists()


def test_a_dataset_without_exists_and_release_can_be_cached() -> None:
    dataset = CachedDataset(Foreign(3))
    assert not dataset.exists()
    assert dataset.load() == 3
    dataset.release()
    assert dataset._init_config()["dataset"] is dataset._dataset
    assert repr(dataset).endswith("CachedDataset(dataset=<class tests.support.io.Foreign>)")


def test_a_cached_dataset_may_be_given_as_configuration(tmp_path: Path) -> None:
    entry = {"type": "text.TextDataset", "filepath": str(tmp_path / "a.txt")}
    plain = CachedDataset(entry, copy_mode="assign", metadata={"a": 1})
    plain.save("one")
    assert (tmp_path / "a.txt").is_file()
    (tmp_path / "a.txt").unlink()
    config = {"type": "CachedDataset", "dataset": entry, "versioned": True}
    dataset = AbstractDataset.from_config("cars", config, None, "v1")
    dataset.save("two")
    assert (tmp_path / "a.txt" / "v1" / "a.txt").read_text() == "two"
    assert dataset._init_config()["dataset"] == entry
    assert CachedDataset(TextDataset(filepath="x"))._init_config()["dataset"]["filepath"] == "x"


def test_a_version_belongs_to_the_cached_dataset() -> None:
    with pytest.raises(ValueError, match="'versioned' belongs to the entry of the CachedDataset"):
        CachedDataset({"type": "text.TextDataset", "filepath": "a", "versioned": True}, Version(None, None))
    with pytest.raises(ValueError, match="not a int"):
        CachedDataset(cast("Any", 3))


def test_a_cache_stays_at_home_when_the_dataset_travels(tmp_path: Path) -> None:
    dataset = CachedDataset(TextDataset(filepath=tmp_path / "a.txt"), copy_mode="assign")
    dataset.save("one")
    (tmp_path / "a.txt").write_text("two")
    assert pickle.loads(pickle.dumps(dataset)).load() == "two"
    assert dataset.load() == "one"
