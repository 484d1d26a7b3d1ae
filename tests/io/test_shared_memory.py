"""Data that several processes share: the arena, its files, and what happens when processes die."""

from __future__ import annotations

import errno
import gc
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.io import child, line

from pellucid._util.locks import FileLock
from pellucid.io import _shared_files, shared_memory
from pellucid.io.core import DatasetError, is_ephemeral
from pellucid.io.memory_dataset import MemoryDataset
from pellucid.io.shared_memory import SharedMemoryArena, sweep
from pellucid.io.shared_memory_dataset import SharedMemoryDataset

OWN = """
import os, sys
from pellucid.io.shared_memory import SharedMemoryArena
arena = SharedMemoryArena(sys.argv[1], sys.argv[2])
arena.MemoryDataset().save("kept")
spilled = arena.MemoryDataset()
os.makedirs(os.path.dirname(spilled._spill))
open(spilled._spill, "w").close()
print(arena.folder, flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def arena(tmp_path: Path) -> Any:
    (tmp_path / "shm").mkdir()
    (tmp_path / "disk").mkdir()
    with SharedMemoryArena(tmp_path / "shm", tmp_path / "disk") as made:
        yield made


def fill(handle: Any, answer: Any) -> None:
    """Run in another process: load what the parent saved, and save an answer."""
    loaded = handle.load()
    loaded["array"][0] = -1
    answer.save({"sum": int(loaded["array"].sum()), "frame": loaded["frame"]})


@pytest.mark.processes
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_data_goes_to_another_process_and_back(method: str) -> None:
    with SharedMemoryArena() as arena:
        there, back = arena.MemoryDataset(), arena.MemoryDataset()
        array = np.arange(100_000)
        there.save({"array": array, "frame": pd.DataFrame({"a": ["x", "y"]})})
        process = cast("Any", multiprocessing.get_context(method)).Process(target=fill, args=(there, back))
        process.start()
        process.join()
        answer = back.load()
        assert answer["sum"] == array.sum() - 1
        assert list(answer["frame"]["a"]) == ["x", "y"]
        assert there.load()["array"][0] == 0
    assert not arena.folder.exists()


def test_arrays_share_memory_with_the_file_and_can_be_written_to(arena: SharedMemoryArena) -> None:
    handle = arena.MemoryDataset()
    handle.save(np.arange(1_000_000))
    first, second = handle.load(), handle.load()
    assert not first.flags.owndata
    assert first.ctypes.data % 64 == 0
    first[:] = 0
    assert second[-1] == handle.load()[-1] == 999_999


@pytest.mark.parametrize(
    "data",
    [
        3,
        {"a": [1, "x", None]},
        np.arange(10),
        np.zeros((0, 3)),
        np.arange(12).reshape(3, 4)[:, ::2],
        np.asfortranarray(np.arange(90_000).reshape(300, 300)),
        [np.arange(n) for n in range(200)],
        pd.DataFrame({"a": np.arange(30_000), "b": "x", "c": pd.Categorical(["u", "v"] * 15_000)}),
        pl.DataFrame({"a": range(50_000)}),
        pa.table({"a": range(50_000), "b": ["x"] * 50_000}),
        b"x" * 200_000,
        bytearray(200_000),
    ],
    ids=lambda data: f"{type(data).__module__}.{type(data).__name__}",
)
def test_data_of_every_kind_comes_back_equal(arena: SharedMemoryArena, data: Any) -> None:
    handle = pickle.loads(pickle.dumps(arena.MemoryDataset()))
    handle.save(data)
    loaded = handle.load()
    assert type(loaded) is type(data)
    if isinstance(data, pd.DataFrame):
        pd.testing.assert_frame_equal(loaded, data)
    elif isinstance(data, (pl.DataFrame, pa.Table)):
        assert loaded.equals(data)
    else:
        assert pickle.dumps(loaded) == pickle.dumps(data) or all(map(np.array_equal, loaded, data))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(0, 200_000))
def test_buffers_of_any_size_come_back_equal(parts: list[bytes], size: int) -> None:
    with SharedMemoryArena() as arena:
        handle = arena.MemoryDataset()
        data = [*(np.frombuffer(part, dtype=np.uint8) for part in parts), np.ones(size, dtype=np.uint8)]
        handle.save(data)
        assert all(map(np.array_equal, handle.load(), data))


def test_a_value_is_there_until_it_is_released(arena: SharedMemoryArena) -> None:
    handle = arena.MemoryDataset()
    assert not handle.exists()
    handle.save("one")
    handle.save("two")
    assert handle.exists()
    assert handle.load() == "two"
    handle.release()
    handle.release()
    assert not handle.exists()
    with pytest.raises(DatasetError, match="no data in shared memory"):
        handle.load()
    assert [each.name for each in arena.folder.iterdir()] == ["spill"]


def test_what_was_loaded_stays_valid_when_it_is_released_or_the_arena_closed(arena: SharedMemoryArena) -> None:
    handle = arena.MemoryDataset()
    handle.save(np.arange(100_000))
    loaded = handle.load()
    handle.save(np.zeros(5))
    arena.close()
    assert loaded.sum() == 4_999_950_000
    with pytest.raises(DatasetError, match="no data"):
        handle.load()
    with pytest.raises(ValueError, match="closed"):
        arena.MemoryDataset()
    with pytest.raises(DatasetError, match="can be kept"):
        handle.save(1)


def test_data_that_cannot_be_pickled_is_told_by_its_type(arena: SharedMemoryArena) -> None:
    handle = arena.MemoryDataset()
    with pytest.raises(DatasetError, match=r"type builtins\.function cannot be pickled") as caught:
        handle.save(lambda: None)
    assert caught.value.__cause__ is not None
    assert not handle.exists()


def test_a_file_of_something_else_is_refused(arena: SharedMemoryArena) -> None:
    handle = arena.MemoryDataset()
    Path(handle._path).write_bytes(b"x" * 100)
    with pytest.raises(DatasetError, match="not written by pellucid"):
        handle.load()


# ------------------------------------------------------------------ no room


def limited(size: int) -> Any:
    """Return the writing function of a shared memory with room for files of that many bytes."""
    write = _shared_files._write

    def write_if_small(path: str, parts: Any) -> None:
        if "/shm/" in path and sum(map(len, parts)) > size:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, parts)

    return write_if_small


def test_what_does_not_fit_goes_to_disk(arena: SharedMemoryArena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_shared_files, "_write", limited(1000))
    handle = arena.MemoryDataset()
    handle.save("small")
    handle.save(np.arange(100_000))
    assert not Path(handle._path).exists()
    assert Path(handle._spill).parent.stat().st_mode & 0o777 == 0o700
    assert handle.exists()
    assert handle.load()[-1] == 99_999
    handle.save("small again")
    assert not Path(handle._spill).exists()
    assert handle.load() == "small again"
    handle.save(np.arange(100_000))
    spill = Path(handle._spill).parent
    arena.close()
    assert not spill.exists()


@pytest.mark.processes
def test_no_room_anywhere_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The limit on the size of files stands for a full disk."""
    source = """
import os, resource, signal, sys
from pellucid.exceptions import DatasetError
from pellucid.io.shared_memory import SharedMemoryArena
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
arena = SharedMemoryArena(sys.argv[1], sys.argv[1])
handle = arena.MemoryDataset()
handle.save("kept")
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
try:
    handle.save(bytes(1_000_000))
except DatasetError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
print(handle.load(), sorted(each for each in os.listdir(arena.folder) if "part" in each))
"""
    answer = subprocess.run([sys.executable, "-c", source, tmp_path], capture_output=True, text=True, check=True)
    message, rest = answer.stdout.splitlines()
    assert message.startswith("No 1,000,0")
    assert message.endswith("File too large.")
    assert rest == "kept []"
    assert list(tmp_path.iterdir()) == []


def test_another_fault_than_no_room_is_not_hidden(arena: SharedMemoryArena) -> None:
    handle = arena.MemoryDataset()
    Path(handle._path).mkdir()
    with pytest.raises(DatasetError, match="Is a directory"):
        handle.save(1)


# ------------------------------------------------------------------ the owner's life


def test_the_folder_is_private(arena: SharedMemoryArena) -> None:
    assert arena.folder.stat().st_mode & 0o777 == 0o700


def test_an_arena_that_is_forgotten_removes_its_folder(tmp_path: Path) -> None:
    arena = SharedMemoryArena(tmp_path)
    arena.MemoryDataset().save(1)
    del arena
    gc.collect()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.processes
def test_an_owner_that_ends_removes_its_folder(tmp_path: Path) -> None:
    with child(OWN, tmp_path, tmp_path) as owner:
        folder = Path(line(owner))
        assert folder.is_dir()
        owner.communicate("\n")
    assert owner.returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.processes
def test_what_a_killed_owner_left_is_removed_by_the_next_arena(tmp_path: Path) -> None:
    shm, disk = tmp_path / "shm", tmp_path / "disk"
    shm.mkdir()
    disk.mkdir()
    with child(OWN, shm, disk) as killed, child(OWN, shm, disk) as living:
        left, kept = Path(line(killed)), Path(line(living))
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert left.is_dir()
        with SharedMemoryArena(shm, disk) as arena:
            assert not left.exists()
            assert kept.is_dir()
            names = {each.name.partition(".")[0] for each in (*shm.iterdir(), *disk.iterdir())}
            assert names == {kept.name, arena.folder.name}
        living.communicate("\n")
    assert [*shm.iterdir(), *disk.iterdir()] == []


@pytest.mark.processes
@pytest.mark.parametrize("count", [0, 1, 2])
def test_an_owner_that_is_killed_while_it_removes_leaves_what_the_next_arena_finds(tmp_path: Path, count: int) -> None:
    source = f"""
import os, shutil, signal
remove, calls = shutil.rmtree, []
def remove_or_die(*arguments, **options):
    if len(calls) == {count}:
        os.kill(os.getpid(), signal.SIGKILL)
    calls.append(arguments)
    remove(*arguments, **options)
shutil.rmtree = remove_or_die
{OWN}
from pathlib import Path
from pellucid._util.locks import FileLock
FileLock.release = lambda *arguments, **options: os.kill(os.getpid(), signal.SIGKILL)
arena.close()
"""
    shm, disk = tmp_path / "shm", tmp_path / "disk"
    shm.mkdir()
    disk.mkdir()
    with child(source, shm, disk) as owner:
        folder = Path(line(owner))
        owner.communicate("\n")
    assert owner.returncode == -signal.SIGKILL
    assert Path(f"{folder}.lock").exists()
    SharedMemoryArena(shm, disk).close()
    assert [*shm.iterdir(), *disk.iterdir()] == []


def test_a_folder_that_could_not_be_removed_is_removed_by_the_next_arena(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is where a worker that is just being killed goes on writing, or with data that is mapped on Windows."""
    arena = SharedMemoryArena(tmp_path, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", lambda *_arguments, **_options: None)
        arena.close()
        assert arena.folder.exists()
    assert sweep(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_while_a_folder_is_removed_is_removed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arena = SharedMemoryArena(tmp_path, tmp_path)
    remove, calls = shutil.rmtree, []

    def remove_once_written(path: Path, **options: Any) -> None:
        remove(path, **options)
        calls.append(path)
        if calls.count(arena.folder) == 1:
            arena.folder.mkdir(exist_ok=True)

    monkeypatch.setattr("shutil.rmtree", remove_once_written)
    arena.close()
    assert calls.count(arena.folder) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_leaves_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_arguments: Any, **_options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", no_room)
    with pytest.raises(OSError, match="No space"):
        SharedMemoryArena(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.processes
def test_a_forked_child_removes_nothing(tmp_path: Path) -> None:
    source = """
import os, sys
from pellucid.io.shared_memory import SharedMemoryArena, sweep
arena = SharedMemoryArena(sys.argv[1])
handle = arena.MemoryDataset()
handle.save("kept")
if os.fork() == 0:
    assert sweep(sys.argv[1]) == 0
    arena.close()
    del arena
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
assert handle.load() == "kept"
assert sweep(sys.argv[1]) == 0
assert SharedMemoryArena(sys.argv[1]) and handle.load() == "kept"
"""
    assert subprocess.run([sys.executable, "-c", source, tmp_path], check=False).returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.processes
def test_arenas_that_start_at_once_do_not_sweep_each_other(tmp_path: Path) -> None:
    source = """
import sys
from pellucid.io.shared_memory import SharedMemoryArena
for _ in range(150):
    with SharedMemoryArena(sys.argv[1]) as arena:
        handle = arena.MemoryDataset()
        handle.save("kept")
        assert handle.load() == "kept"
"""
    processes = [subprocess.Popen([sys.executable, "-c", source, tmp_path]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert list(tmp_path.iterdir()) == []


def test_a_new_lock_that_was_swept_away_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acquire, calls = FileLock.acquire, []

    def lose_once(self: FileLock) -> bool:
        calls.append(self.path)
        return len(calls) > 1 and acquire(self)

    monkeypatch.setattr(FileLock, "acquire", lose_once)
    with SharedMemoryArena(tmp_path) as arena:
        assert arena.folder.is_dir()
    assert len(set(calls)) == 2


def test_what_is_not_an_arena_of_this_user_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = shared_memory._prefix()
    (tmp_path / "other.lock").touch()
    (tmp_path / f"{prefix}notes.txt").touch()
    (tmp_path / f"{prefix}link.lock").symlink_to(tmp_path / "other.lock")
    assert sweep(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 3
    assert sweep(tmp_path / "missing") == 0
    (tmp_path / f"{prefix}old.lock").touch()
    (tmp_path / f"{prefix}old").mkdir()
    (tmp_path / f"{prefix}old" / "spill").symlink_to(tmp_path)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert sweep(tmp_path) == 0
    monkeypatch.undo()
    assert sweep(tmp_path) == 1
    assert len(list(tmp_path.iterdir())) == 3


def test_without_shared_memory_the_temporary_directory_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_memory, "_SHARED_MEMORY", tmp_path / "missing")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(Path, "symlink_to", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    with SharedMemoryArena() as arena:
        assert arena.folder.parent == tmp_path
        assert list(arena.folder.iterdir()) == []


# ------------------------------------------------------------------ the dataset


def test_a_shared_memory_dataset_keeps_its_data_in_an_arena(arena: SharedMemoryArena) -> None:
    dataset = SharedMemoryDataset(arena)
    assert not dataset.exists()
    dataset.save({"a": 1})
    travelled = pickle.loads(pickle.dumps(dataset))
    assert travelled.exists()
    assert travelled.load() == {"a": 1}
    travelled.release()
    assert not dataset.exists()
    assert repr(dataset) == "pellucid.io.shared_memory_dataset.SharedMemoryDataset()"
    assert is_ephemeral(dataset)


def test_a_shared_memory_dataset_takes_any_manager() -> None:
    class Own(SharedMemoryDataset):
        pass

    for kind in (SharedMemoryDataset, Own):
        dataset = kind()
        dataset.set_manager(SimpleNamespace(MemoryDataset=MemoryDataset))
        dataset.save([1])
        assert dataset.load() == [1]


def test_a_shared_memory_dataset_without_a_place_says_so() -> None:
    dataset = SharedMemoryDataset()
    assert not dataset.exists()
    dataset.release()
    for call in (dataset.load, lambda: dataset.save(1)):
        with pytest.raises(DatasetError, match=r"call set_manager\(\) first"):
            call()
