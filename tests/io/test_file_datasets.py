"""Our own datasets of files: what is saved is loaded again, here and at URLs, and no save leaves half a file."""

from __future__ import annotations

import pickle
import signal
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
import polars as pl
import pytest
from tests.support.io import child, line

from pellucid.io.core import AbstractDataset, DatasetError, Version, VersionNotFoundError, generate_timestamp
from pellucid.io.datasets import csv, json, pandas, parquet, polars, text, yaml
from pellucid.io.datasets.pickle import PickleDataset

if TYPE_CHECKING:
    from collections.abc import Callable

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
PL_FRAME = pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})
ROWS = [{"a": "1", "b": "x"}, {"a": "2", "b": 'y, and "z"\n'}]
NESTED = {"a": [1, 2.5, None], "b": {"c": "ü"}}

CASES: list[tuple[type, dict[str, Any], Any]] = [
    (text.TextDataset, {}, "one\r\ntwo\nü"),
    (json.JSONDataset, {}, NESTED),
    (yaml.YAMLDataset, {}, NESTED),
    (PickleDataset, {}, {1: {2}}),
    (csv.CSVDataset, {}, FRAME),
    (csv.CSVDataset, {"engine": "pandas"}, FRAME),
    (csv.CSVDataset, {"engine": "polars"}, PL_FRAME),
    (csv.CSVDataset, {"engine": "rows"}, ROWS),
    (parquet.ParquetDataset, {}, FRAME),
    (parquet.ParquetDataset, {"engine": "polars"}, PL_FRAME),
    (pandas.CSVDataset, {}, FRAME),
    (pandas.ParquetDataset, {}, FRAME),
    (polars.CSVDataset, {}, PL_FRAME),
    (polars.ParquetDataset, {}, PL_FRAME),
]
IDS = [f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}-{more.get('engine')}" for kind, more, _ in CASES]


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and (one.equals(other) if hasattr(one, "equals") else bool(one == other))


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "new") if request.param == "local" else f"memory://{uuid.uuid4().hex}/new"


@pytest.mark.parametrize(("kind", "more", "data"), CASES, ids=IDS)
def test_what_is_saved_is_loaded_again(place: str, kind: Any, more: dict[str, Any], data: Any) -> None:
    dataset = kind(filepath=f"{place}/deep/data.file", **more)
    assert not dataset.exists()
    dataset.save(data)
    assert dataset.exists()
    assert same(dataset.load(), data)
    dataset.save(data)
    dataset.release()
    again = pickle.loads(pickle.dumps(dataset))
    assert same(again.load(), data)
    assert "data.file" in repr(again)


@pytest.mark.parametrize(("kind", "more", "data"), CASES, ids=IDS)
def test_each_version_that_is_saved_is_loaded_again(place: str, kind: Any, more: dict[str, Any], data: Any) -> None:
    def made(load: str | None, save: str | None) -> Any:
        return kind(filepath=f"{place}/data.file", version=Version(load, save), **more)

    first = generate_timestamp()
    assert not made(None, first).exists()
    with pytest.raises(VersionNotFoundError):
        made(None, None).load()
    made(None, first).save(data)
    made(None, None).save(data)
    assert len(made(None, None).list_versions()) == 2
    assert made(None, None).resolve_load_version() > first
    assert made(first, None).exists()
    assert same(made(first, None).load(), data)
    assert not made("v7", None).exists()
    with pytest.raises(VersionNotFoundError, match="no version 'v7'"):
        made("v7", None).load()
    with pytest.raises(DatasetError, match="exists already"):
        made(None, first).save(data)


@pytest.mark.parametrize(("kind", "more", "data"), CASES, ids=IDS)
def test_a_missing_file_is_named(place: str, kind: Any, more: dict[str, Any], data: Any) -> None:
    with pytest.raises(DatasetError, match=r"new/nothing\.here") as caught:
        kind(filepath=f"{place}/nothing.here", **more).load()
    assert isinstance(caught.value.__cause__, FileNotFoundError)


@pytest.mark.parametrize("scheme", ["file://", "local://"])
def test_a_url_of_a_local_file_is_a_local_file(tmp_path: Path, scheme: str) -> None:
    text.TextDataset(filepath=f"{scheme}{tmp_path}/a.txt").save("one")
    assert (tmp_path / "a.txt").read_text() == "one"


def test_the_home_directory_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    text.TextDataset(filepath="~/a.txt").save("one")
    assert (tmp_path / "a.txt").read_text() == "one"


# ------------------------------------------------------------------ saves that fail


@pytest.mark.parametrize("bad", [{"a": object()}, {"a": {1, 2}}], ids=["object", "set"])
def test_a_save_that_fails_leaves_what_was_there(place: str, bad: Any) -> None:
    dataset = json.JSONDataset(filepath=f"{place}/a.json")
    dataset.save({"a": 1})
    with pytest.raises(DatasetError, match="not JSON serializable"):
        dataset.save(bad)
    assert dataset.load() == {"a": 1}
    if not place.startswith("memory"):
        assert [each.name for each in Path(place).iterdir()] == ["a.json"]


@pytest.mark.processes
def test_a_save_that_is_killed_leaves_what_was_there(tmp_path: Path) -> None:
    source = """
import sys
from pellucid.io.datasets.pickle import PickleDataset
class Slow:
    def __reduce__(self):
        print("writing", flush=True)
        sys.stdin.read()
PickleDataset(filepath=sys.argv[1]).save([bytes(1_000_000), Slow()])
"""
    dataset = PickleDataset(filepath=tmp_path / "a.pkl")
    dataset.save("old")
    with child(source, tmp_path / "a.pkl") as saver:
        assert line(saver) == "writing"
        saver.send_signal(signal.SIGKILL)
        saver.wait()
    assert dataset.load() == "old"


def test_a_link_stays_a_link_and_a_mode_stays_a_mode(tmp_path: Path) -> None:
    target = tmp_path / "target.txt"
    target.write_text("old")
    target.chmod(0o600)
    (tmp_path / "link.txt").symlink_to(target)
    text.TextDataset(filepath=tmp_path / "link.txt").save("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o600


# ------------------------------------------------------------------ options


def test_arguments_of_open_are_passed_on(tmp_path: Path) -> None:
    fs_args = {"open_args_load": {"encoding": "latin-1"}, "open_args_save": {"encoding": "latin-1", "mode": "a"}}
    dataset = text.TextDataset(filepath=tmp_path / "a.txt", fs_args=fs_args)
    dataset.save("ü")
    dataset.save("ä")
    assert (tmp_path / "a.txt").read_bytes() == b"\xfc\xe4"
    assert dataset.load() == "üä"
    assert fs_args["open_args_load"] == {"encoding": "latin-1"}


def test_tables_may_be_appended_to(tmp_path: Path) -> None:
    dataset = csv.CSVDataset(
        filepath=tmp_path / "a.csv", fs_args={"open_args_save": {"mode": "a"}}, save_args={"header": False}
    )
    dataset.save(FRAME)
    dataset.save(FRAME)
    assert (tmp_path / "a.csv").read_text() == "1,x\n2,y\n" * 2


def test_credentials_reach_the_file_system_and_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    asked: list[tuple[str, dict[str, Any]]] = []

    def filesystem(protocol: str, **options: Any) -> Any:
        asked.append((protocol, options))
        raise PermissionError("who are you?")

    monkeypatch.setattr(fsspec, "filesystem", filesystem)
    dataset = text.TextDataset(filepath="s3://bucket/a", credentials={"key": "AKIA123"}, fs_args={"anon": False})
    with pytest.raises(DatasetError, match="who are you") as caught:
        dataset.load()
    assert asked == [("s3", {"key": "AKIA123", "anon": False})]
    assert "AKIA" not in str(caught.value) + repr(dataset)
    dataset.release()


def test_json_and_yaml_take_the_arguments_of_their_writers(tmp_path: Path) -> None:
    json.JSONDataset(filepath=tmp_path / "a", save_args={"indent": None, "sort_keys": True}).save({"b": 1, "a": 2})
    assert (tmp_path / "a").read_text() == '{"a": 2, "b": 1}'
    yaml.YAMLDataset(filepath=tmp_path / "a").save({"b": [1], "a": 2})
    assert (tmp_path / "a").read_text() == "b:\n- 1\na: 2\n"


def test_yaml_makes_no_objects(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("!!python/object/apply:os.getcwd []")
    with pytest.raises(DatasetError, match="could not determine a constructor"):
        yaml.YAMLDataset(filepath=tmp_path / "a").load()


def test_a_pickle_may_be_made_by_another_module(tmp_path: Path) -> None:
    dataset = PickleDataset(filepath=tmp_path / "a", backend="marshal")
    dataset.save([1])
    assert dataset.load() == [1]
    assert "backend='marshal'" in repr(dataset)


@pytest.mark.parametrize(("backend", "message"), [("jobli", "Did you mean 'joblib'"), ("math", "has no load and dump")])
def test_a_backend_that_cannot_pickle_is_refused(backend: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        PickleDataset(filepath="a", backend=backend)


def test_load_and_save_arguments_of_tables_are_passed_on(tmp_path: Path) -> None:
    dataset = csv.CSVDataset(filepath=tmp_path / "a.csv", load_args={"sep": ";"}, save_args={"sep": ";"})
    dataset.save(FRAME)
    assert (tmp_path / "a.csv").read_text().startswith("a;b")
    assert dataset.load().equals(FRAME)


def test_the_end_of_a_name_tells_the_compression(tmp_path: Path) -> None:
    dataset = pandas.CSVDataset(filepath=tmp_path / "a.csv.gz")
    dataset.save(FRAME)
    assert (tmp_path / "a.csv.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert dataset.load().equals(FRAME)


def test_rows_take_the_arguments_of_the_csv_module(tmp_path: Path) -> None:
    options: dict[str, Any] = {"delimiter": "|", "fieldnames": ["b", "a"]}
    dataset = csv.CSVDataset(filepath=tmp_path / "a", engine="rows", load_args=options, save_args=options)
    dataset.save([{"a": 1, "b": 2}])
    assert (tmp_path / "a").read_text() == "b|a\n2|1\n"
    assert dataset.load() == [{"b": "b", "a": "a"}, {"b": "2", "a": "1"}]


def test_the_engine_auto_saves_with_the_library_of_the_data(tmp_path: Path) -> None:
    dataset = csv.CSVDataset(filepath=tmp_path / "a")
    for data in (FRAME, PL_FRAME, PL_FRAME.lazy(), [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]):
        dataset.save(data)
        assert dataset.load().equals(FRAME)
    table = parquet.ParquetDataset(filepath=tmp_path / "p")
    table.save(PL_FRAME.lazy())
    assert table.load().equals(FRAME)


@pytest.mark.parametrize(
    ("without", "loaded"), [({"pandas"}, pl.DataFrame), ({"pandas", "polars"}, list)], ids=["polars", "rows"]
)
def test_the_engine_auto_loads_with_what_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without: set[str], loaded: type
) -> None:
    import importlib.util

    find: Callable[[str], Any] = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in without else find(name))
    dataset = csv.CSVDataset(filepath=tmp_path / "a")
    dataset.save(FRAME)
    assert isinstance(dataset.load(), loaded)


def test_without_a_library_for_it_parquet_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DatasetError, match="Neither pandas nor polars is installed"):
        parquet.ParquetDataset(filepath=tmp_path / "a").load()


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", cast("Any", None))
    with pytest.raises(DatasetError, match="needs the package 'polars'"):
        polars.CSVDataset(filepath=tmp_path / "a").load()


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        (pandas.CSVDataset, PL_FRAME, r"pandas\.CSVDataset saves tables of pandas, not a polars"),
        (polars.ParquetDataset, FRAME, "saves tables of polars, not a pandas"),
        (parquet.ParquetDataset, [{"a": 1}], "saves tables of pandas or polars, not a builtins.list"),
        (csv.CSVDataset, [1, 2], "saves rows as dictionaries"),
    ],
)
def test_data_of_another_library_is_refused(tmp_path: Path, kind: Any, data: Any, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        kind(filepath=tmp_path / "a").save(data)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"no engine 'panda' for this dataset; .*Did you mean 'pandas'"):
        csv.CSVDataset(filepath="a", engine="panda")
    with pytest.raises(DatasetError, match="one of 'polars'"):
        polars.CSVDataset(filepath="a", engine="pandas")


def test_a_dataset_of_a_file_may_be_made_from_configuration(tmp_path: Path) -> None:
    config = {"type": "json.JSONDataset", "filepath": str(tmp_path / "a.json"), "metadata": {"owner": "me"}}
    dataset = AbstractDataset.from_config("cars", config)
    dataset.save([1])
    assert dataset.load() == [1]
    assert dataset._init_config()["metadata"] == {"owner": "me"}


def test_the_base_of_file_datasets_reads_and_writes_nothing_itself(tmp_path: Path) -> None:
    from pellucid.io.datasets._files import FileDataset

    (tmp_path / "a").touch()
    base: FileDataset[Any, Any] = FileDataset(filepath=tmp_path / "a")
    with pytest.raises(DatasetError, match="NotImplementedError"):
        base.load()
    with pytest.raises(DatasetError, match="NotImplementedError"):
        base.save(1)
