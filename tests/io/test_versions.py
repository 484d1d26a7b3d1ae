"""Versions of datasets."""

from __future__ import annotations

import copy
import pickle
import threading
from pathlib import Path, PurePosixPath
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.support.io import Foreign, Louder, Plain

from pellucid.io.cached_dataset import CachedDataset
from pellucid.io.core import (
    DatasetError,
    Version,
    VersionAlreadyExistsError,
    VersionNotFoundError,
    versioned_save_path,
)
from pellucid.io.datasets.text import TextDataset
from pellucid.io.memory_dataset import MemoryDataset

UNSAFE = ["../x", "a/b", "a\\b", ".", "..", "a\0b"]


def versioned(folder: Path, load: str | None = None, save: str | None = None) -> Plain:
    return Plain(PurePosixPath(folder / "file.txt"), Version(load, save))


def test_a_version_is_a_folder_in_a_folder_of_the_files_name(tmp_path: Path) -> None:
    versioned(tmp_path, save="v1").save("one")
    assert (tmp_path / "file.txt" / "v1" / "file.txt").read_text() == "one"


class _Unwritable(TextDataset):
    def _write(self, path: str, data: str) -> None:
        raise OSError("the disk is full")


@pytest.mark.parametrize("mode", ["w", "a"])
def test_a_save_that_fails_leaves_no_version_behind(tmp_path: Path, mode: str) -> None:
    def save(version: str) -> None:
        fs_args = {"open_args_save": {"mode": mode}}
        with pytest.raises(DatasetError, match="the disk is full"):
            _Unwritable(filepath=tmp_path / "a.txt", version=Version(None, version), fs_args=fs_args).save("one")

    save("v1")
    assert list(tmp_path.iterdir()) == []
    TextDataset(filepath=tmp_path / "a.txt", version=Version(None, "v1")).save("one")
    save("v2")
    assert [path.name for path in (tmp_path / "a.txt").iterdir()] == ["v1"]


def test_without_versions_there_is_one_file(tmp_path: Path) -> None:
    dataset = Plain(PurePosixPath(tmp_path / "file.txt"))
    dataset.save("one")
    dataset.save("two")
    assert dataset.load() == "two"
    assert (dataset.resolve_load_version(), dataset.resolve_save_version()) == (None, None)
    assert dataset.list_versions() == []
    assert dataset.exists()


def test_the_latest_version_is_loaded(tmp_path: Path) -> None:
    for version in ("v2", "v10", "v1"):
        versioned(tmp_path, save=version).save(version)
    dataset = versioned(tmp_path)
    assert dataset.load() == "v2"
    assert dataset.resolve_load_version() == "v2"
    assert dataset.list_versions(full_path=False) == ["v2", "v10", "v1"]
    assert dataset.list_versions()[0] == str(tmp_path / "file.txt" / "v2" / "file.txt")


def test_a_version_without_its_file_is_none(tmp_path: Path) -> None:
    versioned(tmp_path, save="v1").save("one")
    (tmp_path / "file.txt" / "v9").mkdir()
    assert versioned(tmp_path).load() == "one"


def test_the_latest_version_is_looked_up_once_until_it_is_released(tmp_path: Path) -> None:
    versioned(tmp_path, save="v1").save("one")
    dataset = versioned(tmp_path)
    assert dataset.load() == "one"
    versioned(tmp_path, save="v2").save("two")
    assert dataset.load() == "one"
    dataset.release()
    assert dataset.load() == "two"


def test_a_version_that_is_listed_and_not_there_is_passed_over(tmp_path: Path) -> None:
    """A listing may be older than what it lists."""
    versioned(tmp_path, save="v1").save("one")
    real = str(tmp_path / "file.txt" / "v1" / "file.txt")
    dataset = Plain(PurePosixPath(tmp_path / "file.txt"), Version(None, None))
    dataset._glob_function = lambda pattern: [real, real.replace("v1", "v2")]
    assert dataset.load() == "one"


def test_what_an_object_saved_is_what_it_loads(tmp_path: Path) -> None:
    versioned(tmp_path, save="v9").save("nine")
    dataset = versioned(tmp_path, save="v1")
    dataset.save("one")
    assert dataset.load() == "one"


def test_each_save_without_a_given_version_is_a_new_one(tmp_path: Path) -> None:
    dataset = versioned(tmp_path)
    dataset.save("one")
    first = dataset.resolve_save_version()
    dataset.save("two")
    assert dataset.resolve_load_version() == dataset.resolve_save_version() != first
    assert len(dataset.list_versions()) == 2
    assert dataset.load() == "two"


def test_a_subclass_that_calls_its_parent_saves_one_version(tmp_path: Path) -> None:
    dataset = Louder(PurePosixPath(tmp_path / "file.txt"), Version(None, None))
    dataset.save("one")
    assert dataset.load() == "ONE!"
    assert len(dataset.list_versions()) == 1


def test_a_version_that_exists_is_not_saved_again(tmp_path: Path) -> None:
    dataset = versioned(tmp_path, save="v1")
    dataset.save("one")
    with pytest.raises(VersionAlreadyExistsError, match=r"'v1' of .*Plain.* exists already"):
        dataset.save("two")
    assert dataset.load() == "one"


def test_another_version_to_load_than_was_saved_is_warned_about(tmp_path: Path) -> None:
    versioned(tmp_path, save="v1").save("one")
    dataset = versioned(tmp_path, load="v1", save="v2")
    with pytest.warns(UserWarning, match="saved the version 'v2', and will load the version 'v1'"):
        dataset.save("two")
    assert dataset.load() == "one"
    same = versioned(tmp_path, load="v3", save="v3")
    same.save("three")


@pytest.mark.parametrize("version", UNSAFE)
def test_an_unsafe_version_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(DatasetError, match="name of one folder"):
        versioned(tmp_path, save=version).save("x")
    with pytest.raises(DatasetError, match="name of one folder"):
        versioned(tmp_path, load=version).load()
    with pytest.raises(DatasetError, match="name of one folder"):
        versioned_save_path(versioned(tmp_path, save=version))
    assert not versioned(tmp_path, load=version).exists()
    assert list(tmp_path.iterdir()) == []


def test_no_version_at_all_is_told(tmp_path: Path) -> None:
    dataset = versioned(tmp_path)
    with pytest.raises(VersionNotFoundError, match=r"There is no version of .*Plain"):
        dataset.load()
    assert not dataset.exists()


def test_an_unknown_version_is_told_with_those_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VersionNotFoundError, match=r"no version 'v7' of .*There is none"):
        versioned(tmp_path, load="v7").load()
    versioned(tmp_path, save="2024-01").save("one")
    with pytest.raises(VersionNotFoundError, match="Did you mean '2024-01'"):
        versioned(tmp_path, load="2024-02").load()
    with pytest.raises(VersionNotFoundError, match="The latest is '2024-01'"):
        versioned(tmp_path, load="zzz").load()
    broken = versioned(tmp_path, load="zzz")
    monkeypatch.setattr(broken, "_glob_function", {}.__getitem__)
    with pytest.raises(VersionNotFoundError, match="There is none"):
        broken.load()


def test_a_file_where_the_versions_belong_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("saved before")
    with pytest.raises(DatasetError, match="a file of that name is there") as caught:
        versioned(tmp_path, save="v1").save("one")
    assert isinstance(caught.value.__cause__, OSError)
    TextDataset(filepath=tmp_path / "x.txt", version=Version(None, "v1")).save("one")
    with pytest.raises(DatasetError, match="was versioned when it was saved before"):
        TextDataset(filepath=tmp_path / "x.txt").save("two")


def test_a_failing_save_raises_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="data must be str, not int"):
        versioned(tmp_path).save(cast("Any", 5))


def test_copies_settle_on_versions_of_their_own(tmp_path: Path) -> None:
    dataset = versioned(tmp_path)
    dataset.save("one")
    settled = dataset.resolve_load_version()
    assert copy.deepcopy(dataset).resolve_load_version() == settled
    assert pickle.loads(pickle.dumps(dataset)).resolve_load_version() == settled
    other = dataset._copy(_version=Version("v5", None))
    assert isinstance(other, Plain)
    assert other.resolve_load_version() == "v5"
    dataset._invalidate_cache()
    assert dataset.resolve_load_version() == settled


def test_threads_draw_one_version_for_one_object(tmp_path: Path) -> None:
    dataset, drawn, start = versioned(tmp_path), set(), threading.Barrier(8)

    def draw() -> None:
        start.wait()
        drawn.add(dataset.resolve_save_version())

    threads = [threading.Thread(target=draw) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(drawn) == 1


def test_a_name_with_signs_of_patterns_is_a_name(tmp_path: Path) -> None:
    path = PurePosixPath(tmp_path / "a[1]*.txt")
    Plain(path, Version(None, "v1")).save("one")
    assert Plain(path, Version(None, None)).load() == "one"


# ------------------------------------------------------------------ where a save is going to be


def test_the_path_of_the_next_save_is_told_if_another_run_could_make_the_same(tmp_path: Path) -> None:
    told = versioned_save_path(versioned(tmp_path, save="v1"))
    assert told == str(tmp_path / "file.txt" / "v1" / "file.txt")
    assert versioned_save_path(versioned(tmp_path)) is None
    assert versioned_save_path(Plain(PurePosixPath("x"))) is None
    assert versioned_save_path(MemoryDataset(1)) is None
    assert versioned_save_path(Foreign()) is None
    assert versioned_save_path(CachedDataset(versioned(tmp_path, save="v1"))) == told


def test_the_path_of_a_remote_save_is_a_url() -> None:
    dataset = TextDataset(filepath="memory://somewhere/a.txt", version=Version(None, "v1"))
    assert versioned_save_path(dataset) == "memory://somewhere/a.txt/v1/a.txt"


def test_a_relative_path_is_told_as_an_absolute_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert versioned_save_path(TextDataset(filepath="a.txt", version=Version(None, "v1"))) == str(
        tmp_path / "a.txt" / "v1" / "a.txt"
    )


def test_a_version_that_exists_is_told_before_it_is_computed(tmp_path: Path) -> None:
    dataset = versioned(tmp_path, save="v1")
    dataset.save("one")
    with pytest.raises(VersionAlreadyExistsError, match=r"'v1' of .*Plain"):
        versioned_save_path(dataset)


def test_the_path_of_a_foreign_versioned_dataset_is_told() -> None:
    class Alien(Foreign):
        _filepath = PurePosixPath("bucket/x.csv")
        _protocol = "s3"
        _version = Version(None, "v1")

    assert versioned_save_path(Alien()) == "s3://bucket/x.csv/v1/x.csv"


# ------------------------------------------------------------------ against a model


class Store(RuleBasedStateMachine):
    """Several objects over one file: each loads what it saved or first found, until it is released."""

    names = st.sampled_from(["v1", "v2", "v3", "v10", "a"])
    which = st.integers(0, 2)

    @initialize()
    def begin(self) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.saved: dict[str, str] = {}
        self.objects: list[tuple[Any, str | None]] = [self.fresh() for _ in range(3)]

    def fresh(self, save: str | None = None) -> tuple[Any, str | None]:
        return versioned(Path(self.folder.name), save=save), None

    @rule(which=which, name=names, text=st.text(alphabet="xyz"))
    def save(self, which: int, name: str, text: str) -> None:
        dataset, _ = self.fresh(name)
        if name in self.saved:
            with pytest.raises(VersionAlreadyExistsError):
                dataset.save(text)
        else:
            dataset.save(text)
            self.saved[name] = text
            self.objects[which] = dataset, name

    @rule(which=which)
    def load(self, which: int) -> None:
        dataset, settled = self.objects[which]
        if not self.saved:
            with pytest.raises(VersionNotFoundError):
                dataset.load()
            return
        settled = settled or max(self.saved)
        assert dataset.load() == self.saved[settled]
        self.objects[which] = dataset, settled

    @rule(which=which)
    def release(self, which: int) -> None:
        dataset, _ = self.objects[which]
        dataset.release()
        self.objects[which] = dataset, None

    @invariant()
    def all_versions_are_listed_latest_first(self) -> None:
        if hasattr(self, "folder"):
            assert self.fresh()[0].list_versions(full_path=False) == sorted(self.saved, reverse=True)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()


TestStore = Store.TestCase
TestStore.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
