"""What is left in shared memory when processes of a run end, in whatever way: nothing, from the next run on."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support import runner as kit
from tests.support import segments
from tests.support.segments import holder

from pellucid.io import DataCatalog, MemoryDataset, SharedMemoryDataCatalog, shared_memory
from pellucid.pipeline import node, pipeline
from pellucid.runner import ParallelRunner, SequentialRunner, _remains

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.processes


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of this test's own in real shared memory: other runs on this machine neither see nor clean it."""
    folder = Path(tempfile.mkdtemp(prefix="test-segments-", dir=shared_memory._shared_memory()))
    yield folder
    shutil.rmtree(folder)


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def of(*arenas: Path) -> set[str]:
    """Return the names of what belongs to these arenas."""
    return {name for arena in arenas for name in (arena.name, f"{arena.name}.lock")}


def run_next(place: Path | None, monkeypatch: pytest.MonkeyPatch, *others: Path) -> None:
    """Make the next run; beside its own, there is nothing but what belongs to ``others`` in shared memory then."""
    if place is not None:
        monkeypatch.setattr(shared_memory, "_SHARED_MEMORY", place)
    monkeypatch.setenv("PELLUCID_MP_CONTEXT", "fork")
    parts = pipeline([node(kit.increment, "a", "b", name="n1")])
    outputs = ParallelRunner(max_workers=1).run(parts, SharedMemoryDataCatalog({"a": MemoryDataset(1)}))
    assert outputs["b"].load() == 2
    own = Path(outputs["b"].shared_memory_dataset._path).parent
    if place is not None:
        assert names(place) == of(own, *others)
    del outputs
    gc.collect()
    assert not own.exists()


def test_a_run_and_its_process_that_end_as_they_should(start_method: str, tmp_path: Path, place: Path) -> None:
    with holder(start_method, tmp_path, place) as held:
        assert names(place) == of(held.arena)
        held.tell("go")
        assert held.end() == ""
    assert names(place) == set()


def test_a_run_that_fails(start_method: str, tmp_path: Path, place: Path) -> None:
    with holder(start_method, tmp_path, place) as held:
        held.tell("fail")
        assert "told to fail" in held.end()
    assert held.left_after_error() == []
    assert names(place) == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted(start_method: str, number: signal.Signals, tmp_path: Path, place: Path) -> None:
    with holder(start_method, tmp_path, place) as held:
        held.process.send_signal(number)
        held.end()
        held.wait_for_workers()
    assert held.left_after_error() == []
    assert names(place) == set()


def test_a_worker_that_is_killed(start_method: str, tmp_path: Path, place: Path) -> None:
    """Its parent, which lives, has removed everything when the run is over."""
    with holder(start_method, tmp_path, place) as held:
        os.kill(held.workers[0], signal.SIGKILL)
        assert "WorkerLostError" in held.end()
        held.wait_for_workers()
    assert held.left_after_error() == []
    assert names(place) == set()


def test_a_parent_that_is_killed(
    start_method: str, tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its workers end too, and the next run removes what they held."""
    with holder(start_method, tmp_path, place) as held:
        held.process.kill()
        held.end()
        held.wait_for_workers()
        assert names(place) == of(held.arena)
        assert sum(each.stat().st_size for each in held.arena.iterdir() if not each.is_symlink()) > segments.SIZE
    run_next(place, monkeypatch)
    assert names(place) == set()


def test_a_parent_and_workers_that_are_killed_at_once(
    start_method: str, tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with holder(start_method, tmp_path, place) as held:
        held.process.send_signal(signal.SIGSTOP)  # so that it sees nothing of the end of its workers
        for pid in (*held.workers, held.process.pid):
            os.kill(pid, signal.SIGKILL)
        held.end()
        held.wait_for_workers()
        assert names(place) == of(held.arena)
    run_next(place, monkeypatch)
    assert names(place) == set()


def test_any_other_run_removes_it_too(tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with holder("fork", tmp_path / "living", place) as living, holder("fork", tmp_path / "killed", place) as killed:
        killed.process.kill()
        killed.end()
        killed.wait_for_workers()
        assert names(place) == of(living.arena, killed.arena)
        monkeypatch.setattr(_remains, "SHARED_MEMORY", str(place))
        parts = pipeline([node(kit.increment, "a", "b", name="n1")])
        SequentialRunner().run(parts, DataCatalog({"a": MemoryDataset(1)}))
        assert names(place) == of(living.arena)
        living.tell("go")
        assert living.end() == ""


def test_the_real_place_of_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There other runs may be, of which any that starts removes what was left."""
    with holder("fork", tmp_path, None) as held:
        assert held.arena.parent == shared_memory._shared_memory()
        assert held.arena.is_dir()
        held.process.kill()
        held.end()
        held.wait_for_workers()
    run_next(None, monkeypatch)
    # Should another run have been at it first, it may still be.
    segments.wait_until(lambda: not (held.arena.exists() or Path(f"{held.arena}.lock").exists()))


def test_a_run_that_lives_keeps_its_own(tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with holder("fork", tmp_path / "living", place) as living, holder("fork", tmp_path / "killed", place) as killed:
        killed.process.kill()
        killed.end()
        killed.wait_for_workers()
        assert names(place) == of(living.arena, killed.arena)
        before = names(living.arena)
        run_next(place, monkeypatch, living.arena)
        assert names(living.arena) == before
        living.tell("go")
        assert living.end() == ""
    assert names(place) == set()


def test_data_is_gone_when_its_last_reader_is_done(
    start_method: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look is taken by a node, and so between two others: at what is there when they have run."""
    monkeypatch.setattr(shared_memory, "_SHARED_MEMORY", place)
    parts = pipeline(
        [
            node(segments.make, "size", "array", name="make"),
            node(segments.names_in, ["place", "array"], "first", name="look1"),
            node(segments.names_in, ["place", "array", "first"], "second", name="look2"),
            node(segments.names_in, ["place", "first", "second"], "third", name="look3"),
            node(segments.together, ["first", "second", "third"], "looks", name="together"),
        ]
    )
    given = {"size": MemoryDataset(segments.SIZE), "place": MemoryDataset(str(place))}
    outputs = ParallelRunner(max_workers=1).run(parts, SharedMemoryDataCatalog(given))
    first, second, third = (set(look) for look in outputs["looks"].load())
    (array,) = first
    (look1,) = second - first
    (look2,) = third - second
    assert second == {array, look1}
    assert third == {look1, look2}
    (looks,) = segments.names_in(str(place))
    assert looks not in {array, look1, look2}
