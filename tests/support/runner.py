"""Nodes, datasets and hooks of the runner tests; importable, so that they go to other processes."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pluggy

from pellucid.io import AbstractDataset, DataCatalog, SharedMemoryDataCatalog
from pellucid.runner import ParallelRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pellucid.runner import AbstractRunner


# --------------------------------------------------------------------------- recording across processes


class Record:
    """Lines of JSON in a file that several processes append to."""

    def __init__(self, path: Path | str) -> None:
        self.path = str(path)

    def add(self, *entry: Any) -> None:
        line = json.dumps(entry, default=repr) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    def read(self) -> list[tuple[Any, ...]]:
        path = Path(self.path)
        return [tuple(json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []

    def named(self, *names: str) -> list[tuple[Any, ...]]:
        return [entry for entry in self.read() if entry[0] in names]


spec = pluggy.HookspecMarker("kedro")
impl = pluggy.HookimplMarker("kedro")


class Specs:
    @spec
    def before_dataset_loaded(self, dataset_name: str, node: Any) -> None: ...
    @spec
    def after_dataset_loaded(self, dataset_name: str, data: Any, node: Any) -> None: ...
    @spec
    def before_node_run(
        self, node: Any, catalog: Any, inputs: Any, is_async: bool, run_id: str
    ) -> dict[str, Any] | None: ...
    @spec
    def after_node_run(
        self, node: Any, catalog: Any, inputs: Any, outputs: Any, is_async: bool, run_id: str
    ) -> None: ...
    @spec
    def on_node_error(self, error: Any, node: Any, catalog: Any, inputs: Any, is_async: bool, run_id: str) -> None: ...
    @spec
    def before_dataset_saved(self, dataset_name: str, data: Any, node: Any) -> None: ...
    @spec
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Any) -> None: ...
    @spec
    def on_dataset_error(self, error: Any, dataset_name: str, node: Any, operation: str) -> None: ...
    @spec
    def before_node_attempt(
        self, node: Any, catalog: Any, run_id: str, is_async: bool, waited_seconds: float
    ) -> None: ...
    @spec
    def after_node_attempt(self, node: Any, run_id: str, error: Any) -> None: ...
    @spec
    def after_node_dispatched(self, node: Any, run_id: str) -> None: ...
    @spec
    def after_node_settled(self, node: Any, run_id: str, error: Any) -> None: ...
    @spec
    def after_worker_started(self, run_id: str, pid: int, start_method: str) -> None: ...
    @spec
    def on_worker_lost(self, error: Any, node: Any, run_id: str) -> None: ...


def _type(error: BaseException | None) -> str | None:
    return type(error).__name__ if error is not None else None


class Recorder:
    """A plugin that writes every call down."""

    def __init__(self, record: Record) -> None:
        self.record = record

    @impl
    def before_dataset_loaded(self, dataset_name: str, node: Any) -> None:
        self.record.add("before_dataset_loaded", node.name, dataset_name)

    @impl
    def after_dataset_loaded(self, dataset_name: str, data: Any, node: Any) -> None:
        self.record.add("after_dataset_loaded", node.name, dataset_name, data)

    @impl
    def before_node_run(self, node: Any, inputs: Any, is_async: bool, run_id: str) -> None:
        self.record.add("before_node_run", node.name, inputs, is_async, run_id)
        inputs.clear()  # a copy: nothing happens

    @impl
    def after_node_run(self, node: Any, inputs: Any, outputs: Any, run_id: str) -> None:
        self.record.add("after_node_run", node.name, inputs, sorted(outputs), run_id)

    @impl
    def on_node_error(self, error: Any, node: Any, inputs: Any, run_id: str) -> None:
        self.record.add("on_node_error", node.name, _type(error), inputs, run_id)

    @impl
    def before_dataset_saved(self, dataset_name: str, data: Any, node: Any) -> None:
        self.record.add("before_dataset_saved", node.name, dataset_name, data)

    @impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Any) -> None:
        self.record.add("after_dataset_saved", node.name, dataset_name, data)

    @impl
    def on_dataset_error(self, error: Any, dataset_name: str, node: Any, operation: str) -> None:
        self.record.add("on_dataset_error", node.name, _type(error), dataset_name, operation)

    @impl
    def after_node_dispatched(self, node: Any, run_id: str) -> None:
        self.record.add("after_node_dispatched", node.name, run_id, os.getpid())

    @impl
    def after_node_settled(self, node: Any, run_id: str, error: Any) -> None:
        self.record.add("after_node_settled", node.name, _type(error), run_id, os.getpid())

    @impl
    def after_worker_started(self, run_id: str, pid: int, start_method: str) -> None:
        self.record.add("after_worker_started", run_id, pid, start_method, os.getpid())

    @impl
    def on_worker_lost(self, error: Any, node: Any, run_id: str) -> None:
        self.record.add("on_worker_lost", node.name if node else None, error.pid, error.exit_code, os.getpid())


class Attempts:
    """A plugin that writes down where each attempt at a node begins and ends."""

    def __init__(self, record: Record) -> None:
        self.record = record

    @impl
    def before_node_attempt(self, node: Any, catalog: Any, run_id: str, is_async: bool, waited_seconds: float) -> None:
        self.record.add("before_node_attempt", node.name, run_id, is_async, waited_seconds, os.getpid(), "a" in catalog)

    @impl
    def after_node_attempt(self, node: Any, run_id: str, error: Any) -> None:
        self.record.add("after_node_attempt", node.name, run_id, _type(error), os.getpid())

    @impl
    def before_node_run(self, node: Any) -> None:
        self.record.add("before_node_run", node.name, os.getpid())


class Raiser:
    """A plugin whose hook ``where`` raises for the node ``node``."""

    def __init__(self, where: str, node: str, error: BaseException) -> None:
        self.where, self.node, self.error = where, node, error

    def _meet(self, where: str, node: Any) -> None:
        if where == self.where and node.name == self.node:
            raise self.error

    @impl
    def before_dataset_loaded(self, node: Any) -> None:
        self._meet("before_dataset_loaded", node)

    @impl
    def after_dataset_loaded(self, node: Any) -> None:
        self._meet("after_dataset_loaded", node)

    @impl
    def before_node_run(self, node: Any) -> None:
        self._meet("before_node_run", node)

    @impl
    def after_node_run(self, node: Any) -> None:
        self._meet("after_node_run", node)

    @impl
    def on_node_error(self, node: Any) -> None:
        self._meet("on_node_error", node)

    @impl
    def before_dataset_saved(self, node: Any) -> None:
        self._meet("before_dataset_saved", node)

    @impl
    def after_dataset_saved(self, node: Any) -> None:
        self._meet("after_dataset_saved", node)

    @impl
    def on_dataset_error(self, node: Any) -> None:
        self._meet("on_dataset_error", node)

    @impl
    def after_node_dispatched(self, node: Any) -> None:
        self._meet("after_node_dispatched", node)

    @impl
    def after_node_settled(self, node: Any) -> None:
        self._meet("after_node_settled", node)


class Answer:
    """A plugin whose ``before_node_run`` returns something for one node."""

    def __init__(self, node: str, answer: Any) -> None:
        self.node, self.answer = node, answer

    @impl
    def before_node_run(self, node: Any) -> dict[str, Any] | None:
        return cast("dict[str, Any] | None", self.answer) if node.name == self.node else None


def hooks(*plugins: object, specs: type | None = Specs) -> Any:
    manager = pluggy.PluginManager("kedro")
    if specs is not None:
        manager.add_hookspecs(specs)
    for plugin in plugins:
        manager.register(plugin)
    return manager


# --------------------------------------------------------------------------- datasets


class FileDataset(AbstractDataset[Any, Any]):
    """JSON in a file, every operation written down."""

    def __init__(self, folder: Path | str, name: str, *, fails: str | None = None) -> None:
        self.folder, self.name, self.fails = str(folder), name, fails

    @property
    def path(self) -> Path:
        return Path(self.folder) / f"{self.name}.json"

    def _log(self, what: str, *more: Any) -> None:
        Record(Path(self.folder) / "datasets.log").add(what, self.name, *more)

    def load(self) -> Any:
        if self.fails == "load":
            raise OSError("the disk is on fire")
        if self.fails == "load-exit":
            sys.exit(0)
        return json.loads(self.path.read_text())

    def save(self, data: Any) -> None:
        if self.fails == "save":
            raise OSError("the disk is full")
        self._log("save", data)
        self.path.write_text(json.dumps(data))

    def _describe(self) -> dict[str, Any]:
        return {"name": self.name}

    def _exists(self) -> bool:
        return self.path.exists()

    def _release(self) -> None:
        self._log("release")

    def confirm(self) -> None:
        self._log("confirm")


def files(folder: Path, **data: Any) -> dict[str, FileDataset]:
    """File datasets with data in them."""
    made = {}
    for name, value in data.items():
        made[name] = FileDataset(folder, name)
        made[name].path.write_text(json.dumps(value))
    return made


def catalog(runner: AbstractRunner, datasets: dict[str, Any]) -> DataCatalog:
    """The kind of catalog that a runner needs."""
    return (SharedMemoryDataCatalog if isinstance(runner, ParallelRunner) else DataCatalog)(datasets)


# --------------------------------------------------------------------------- functions of nodes


def same(value: Any) -> Any:
    return value


def add(left: Any, right: Any) -> Any:
    return left + right


def increment(value: int) -> int:
    return value + 1


def split(value: int) -> tuple[int, int]:
    return value, -value


def chunks(value: int) -> Iterator[tuple[int, int]]:
    for number in range(value):
        yield number, -number


def broken_chunks(value: int) -> Iterator[int]:
    yield value
    raise RuntimeError("in the middle of the stream")


def boom(*_values: Any) -> Any:
    raise RuntimeError("boom")


def leave(*_values: Any) -> Any:
    sys.exit(0)


def interrupt(*_values: Any) -> Any:
    raise KeyboardInterrupt


class Stubborn(Exception):
    """Does not survive pickling."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one)
        self.lock = threading.Lock()


def stubborn(*_values: Any) -> Any:
    raise Stubborn("cannot be", "pickled")


def die(*_values: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def sink(*_values: Any) -> None:
    return None


def source() -> int:
    return 1


def pid(*_values: Any) -> int:
    return os.getpid()


def wait_for(path: str) -> str:
    """Wait until a file is there."""
    while not Path(path).exists():
        time.sleep(0.005)
    return path


def touch(path: str) -> str:
    Path(path).touch()
    return path


def touch_and_sleep(path: str) -> str:
    """Say that this node runs, then be at work for longer than any test.

    In steps, as a signal in the last moment before one long sleep is heard by Python only after it.
    """
    Path(path).touch()
    for _ in range(1000):
        time.sleep(0.1)
    return path


def touch_and_boom(path: str) -> str:
    Path(path).touch()
    raise RuntimeError("boom")


def wait_and_boom(path: str) -> str:
    wait_for(path)
    raise RuntimeError("boom")


def touch_and_wait(path: str) -> str:
    """Say that this node runs, and go on when somebody else says so."""
    Path(path).touch()
    wait_for(f"{path}.go")
    return path


def touch_wait_and_boom(path: str) -> str:
    touch_and_wait(path)
    raise LookupError("second")


def touch_wait_and_die(path: str) -> str:
    touch_and_wait(path)
    os.kill(os.getpid(), signal.SIGKILL)
    return path


class Toucher:
    """A plugin that makes a file, in the parent, when a node is settled."""

    def __init__(self, path: str, node: str) -> None:
        self.path, self.node = path, node

    @impl
    def after_node_settled(self, node: Any) -> None:
        if node.name == self.node:
            Path(self.path).touch()


class Gate:
    """A function of a node that says that it runs, and waits until it may go on."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self, value: Any) -> Any:
        self.entered.set()
        assert self.open.wait(20)
        return value


class BadStart:
    @impl
    def after_worker_started(self) -> None:
        raise RuntimeError("not today")


def hooks_that_record(path: str) -> Any:
    """What a manager's own bootstrap does in a worker."""
    return hooks(Recorder(Record(path)))


class Reraiser:
    @impl
    def on_node_error(self, error: BaseException) -> None:
        raise error


def count(*values: Any) -> int:
    return len(values)
