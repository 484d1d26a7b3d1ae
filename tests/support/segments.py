"""A process whose workers hold shared memory, for tests that kill some of them and look at what is left.

Arguments of the process: the start method, a folder for notes, and where shared memory is (nothing for its real place).
In the folder a file ``arena`` has the path of the arena, ``held<n>`` the process id of the worker whose node ``n`` has
mapped the data, and ``after`` what was in place of shared memory when the run was over and the process went on. The
nodes end when there is a file ``go`` or, with an error, ``fail``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tests.support.faults import is_alive

from pellucid.exceptions import RunTerminated
from pellucid.io import MemoryDataset, SharedMemoryDataCatalog, shared_memory
from pellucid.pipeline import node, pipeline
from pellucid.runner import ParallelRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
SIZE = 200_000
"""Numbers in the array: enough for it to be mapped, not read."""
PATIENCE_SECONDS = 60.0


def make(size: int) -> Any:
    return np.ones(size)


def hold(array: Any, note: str) -> float:
    """Say who has the array, and keep it until somebody says what to do."""
    assert not array.flags.owndata
    _write(Path(note), str(os.getpid()))
    folder = Path(note).parent
    while not (folder / "go").exists():
        if (folder / "fail").exists():
            raise RuntimeError("told to fail")
        time.sleep(0.01)
    return float(array.sum())


def names_in(folder: str, *_values: Any) -> list[str]:
    """Return the names of the values in all arenas there."""
    return sorted(each.name for each in Path(folder).glob("pellucid-*/*") if not each.is_symlink())


def together(*values: Any) -> list[Any]:
    return list(values)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _write(path: Path, text: str) -> None:
    unfinished = path.with_suffix(".part")
    unfinished.write_text(text)
    unfinished.replace(path)


class _NotingRunner(ParallelRunner):
    notes: Path

    def _set_manager_datasets(self, catalog: Any, arena: Any) -> None:
        super()._set_manager_datasets(catalog, arena)
        _write(self.notes / "arena", str(arena.folder))


def _terminate(number: int, _frame: object) -> None:
    raise RunTerminated(number)


def main(method: str, folder: str, place: str) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _terminate)
    os.environ["PELLUCID_MP_CONTEXT"] = method
    if place:
        vars(shared_memory)["_SHARED_MEMORY"] = Path(place)
    notes = Path(folder)
    given = {"size": MemoryDataset(SIZE), "note1": MemoryDataset(f"{folder}/held1")}
    catalog = SharedMemoryDataCatalog({**given, "note2": MemoryDataset(f"{folder}/held2")})
    nodes = [
        node(make, "size", "array", name="make"),
        *(node(hold, ["array", f"note{number}"], f"sum{number}", name=f"hold{number}") for number in (1, 2)),
    ]
    runner = _NotingRunner(max_workers=2)
    runner.notes = notes
    runner.stop_timeout_seconds = 0.1
    try:
        outputs = runner.run(pipeline(nodes), catalog)
        assert [outputs[f"sum{number}"].load() for number in (1, 2)] == [SIZE, SIZE]
    except BaseException:
        _write(notes / "after", json.dumps([each.name for each in Path(place).iterdir()] if place else []))
        raise


class Holder:
    """The process, seen from the test.

    Attributes:
        process: what was started.
        workers: process ids of the two workers, both of which have mapped the data.
        arena: the folder of its shared memory.
    """

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self._folder = folder
        held = [folder / f"held{number}" for number in (1, 2)]
        wait_until(lambda: self._is_still_there() and all(each.exists() for each in held))
        self.workers = [int(each.read_text()) for each in held]
        self.arena = Path((folder / "arena").read_text())

    def _is_still_there(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()[1]
        return True

    def tell(self, what: str) -> None:
        """Let the nodes go on (``go``) or fail (``fail``)."""
        (self._folder / what).touch()

    def end(self) -> str:
        """Wait for the end of the process, and return what it wrote of errors."""
        return self.process.communicate(timeout=PATIENCE_SECONDS)[1]

    def left_after_error(self) -> list[str]:
        """Return what was in shared memory when the run had failed, and its process still lived."""
        found: list[str] = json.loads((self._folder / "after").read_text())
        return found

    def wait_for_workers(self) -> None:
        """Wait until the workers have ended."""
        wait_until(lambda: not any(map(is_alive, self.workers)))


@contextmanager
def holder(method: str, folder: Path, place: Path | None) -> Iterator[Holder]:
    """Start the process, and wait until both workers hold data; whatever is left of it is killed at the end."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.support.segments", method, str(folder), str(place or "")]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield Holder(process, folder)
        finally:
            process.kill()


if __name__ == "__main__":
    # By its name, so that functions are found under it in processes that are no forks.
    from tests.support import segments

    segments.main(*sys.argv[1:])
