"""One suite over all runners and start methods: they differ in nothing that a user or a plugin sees."""

from __future__ import annotations

import os
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests.support import runner as kit
from tests.support.runner import Answer, Attempts, FileDataset, Record, Recorder, catalog, files, hooks

from pellucid.exceptions import NodeExitError
from pellucid.pipeline import node, pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.runner import AbstractRunner

DIAMOND = pipeline(
    [
        node(kit.increment, "a", "b", name="n1"),
        node(kit.split, "b", ["c", "d"], name="n2"),
        node(kit.add, ["c", "d"], "e", name="n3"),
        node(kit.sink, "b", None, name="n4"),
        node(kit.source, None, "f", name="n5"),
        node(kit.add, {"left": "b", "right": "b"}, "g", name="n6"),
    ]
)


def log_of(folder: Path) -> list[tuple[Any, ...]]:
    return Record(folder / "datasets.log").read()


def test_results_and_hooks_are_the_same(runner: AbstractRunner, kind: str, tmp_path: Path, record: Record) -> None:
    datasets = {**files(tmp_path, a=1), "e": FileDataset(tmp_path, "e")}
    outputs = runner.run(DIAMOND, catalog(runner, datasets), hooks(Recorder(record)), "run-1")

    assert {name: dataset.load() for name, dataset in outputs.items()} == {"e": 0, "f": 1, "g": 4}
    is_async = kind == "async"
    loads = [("n1", "a", 1), ("n2", "b", 2), ("n3", "c", 2), ("n3", "d", -2), ("n4", "b", 2), ("n6", "b", 2)]
    saves = [("n1", "b", 2), ("n2", "c", 2), ("n2", "d", -2), ("n3", "e", 0), ("n5", "f", 1), ("n6", "g", 4)]
    nodes = {
        "n1": ({"a": 1}, ["b"]),
        "n2": ({"b": 2}, ["c", "d"]),
        "n3": ({"c": 2, "d": -2}, ["e"]),
        "n4": ({"b": 2}, []),
        "n5": ({}, ["f"]),
        "n6": ({"b": 2}, ["g"]),
    }
    expected = (
        [("before_dataset_loaded", *load[:2]) for load in loads]
        + [("after_dataset_loaded", *load) for load in loads]
        + [("before_node_run", name, inputs, is_async, "run-1") for name, (inputs, _) in nodes.items()]
        + [("after_node_run", name, inputs, written, "run-1") for name, (inputs, written) in nodes.items()]
        + [("before_dataset_saved", *save) for save in saves]
        + [("after_dataset_saved", *save) for save in saves]
        + [("after_node_dispatched", name, "run-1", os.getpid()) for name in nodes]
        + [("after_node_settled", name, None, "run-1", os.getpid()) for name in nodes]
    )
    seen = [entry for entry in record.read() if entry[0] != "after_worker_started"]
    assert Counter(map(repr, seen)) == Counter(map(repr, expected))


def test_hooks_of_a_node_come_in_order(runner: AbstractRunner, tmp_path: Path, record: Record) -> None:
    runner.run(DIAMOND, catalog(runner, files(tmp_path, a=1)), hooks(Recorder(record)), "run-1")
    stages = {
        "after_node_dispatched": 0,
        "before_dataset_loaded": 1,
        "after_dataset_loaded": 1,
        "before_node_run": 2,
        "after_node_run": 3,
        "before_dataset_saved": 4,
        "after_dataset_saved": 4,
        "after_node_settled": 5,
    }
    entries = [entry for entry in record.read() if entry[0] in stages]
    settled: set[str] = set()
    for each in DIAMOND.nodes:
        own = [stages[entry[0]] for entry in entries if entry[1] == each.name]
        assert own == sorted(own)
    for entry in entries:
        if entry[0] == "after_node_settled":
            settled.add(entry[1])
        if entry[0] == "after_node_dispatched":
            needed = {"n2": {"n1"}, "n3": {"n2"}, "n4": {"n1"}, "n6": {"n1"}}.get(entry[1], set())
            assert needed <= settled


def test_an_attempt_encloses_all_that_a_node_does(
    runner: AbstractRunner, kind: str, tmp_path: Path, record: Record
) -> None:
    pair = pipeline([node(kit.same, "a", "b", name="first"), node(kit.boom, "b", "c", name="second")])
    plugins = hooks(Recorder(record), Attempts(record))
    with pytest.raises(RuntimeError, match="boom"):
        runner.run(pair, catalog(runner, files(tmp_path, a=1)), plugins, "run-1")
    begins, ends = record.named("before_node_attempt"), record.named("after_node_attempt")
    assert [begin[1:4] for begin in begins] == [(name, "run-1", kind == "async") for name in ("first", "second")]
    assert all(begin[6] for begin in begins)
    assert all(begin[4] >= 0 for begin in begins)
    assert [end[1:4] for end in ends] == [("first", "run-1", None), ("second", "run-1", "RuntimeError")]
    in_process = [entry[2] for entry in record.named("before_node_run") if len(entry) == 3]
    assert [begin[5] for begin in begins] == [end[4] for end in ends] == in_process
    for name in ("first", "second"):
        own = [entry[0] for entry in record.read() if entry[1] == name]
        inside = own[own.index("before_node_attempt") : own.index("after_node_attempt") + 1]
        outside = {"after_node_dispatched", "after_node_settled"}
        assert set(own) - set(inside) == outside
        assert not outside & set(inside)


def test_a_run_without_hooks_and_one_with_a_foreign_relay(runner: AbstractRunner, tmp_path: Path) -> None:
    outputs = runner.run(DIAMOND, catalog(runner, files(tmp_path, a=1)))
    assert outputs["g"].load() == 4


def test_an_empty_pipeline(runner: AbstractRunner) -> None:
    assert runner.run(pipeline([]), catalog(runner, {}), hooks()) == {}


def test_what_nobody_needs_any_more_is_released(runner: AbstractRunner, tmp_path: Path) -> None:
    """Neither inputs nor outputs of the pipeline; what nobody reads and everybody may want stays."""
    datasets = {**files(tmp_path, a=1), **{name: FileDataset(tmp_path, name) for name in "bcdefg"}}
    runner.run(DIAMOND, catalog(runner, datasets))
    log = log_of(tmp_path)
    assert Counter(entry[1] for entry in log if entry[0] == "release") == Counter("bcd")
    for name, reader in (("c", "e"), ("d", "e"), ("b", "g")):
        assert log.index(("release", name)) > next(i for i, entry in enumerate(log) if entry[:2] == ("save", reader))


def test_shared_data_is_gone_when_it_is_released(runner: AbstractRunner, tmp_path: Path) -> None:
    given = catalog(runner, files(tmp_path, a=1))
    runner.run(DIAMOND, given)
    assert [given.exists(name) for name in "bcdg"] == [False, False, False, True]


def test_chunks_of_a_generator_are_saved_in_turn(
    runner: AbstractRunner, kind: str, tmp_path: Path, record: Record
) -> None:
    stream = pipeline([node(kit.chunks, "a", ["b", "c"], name="stream")])
    datasets = {**files(tmp_path, a=2), "b": FileDataset(tmp_path, "b"), "c": FileDataset(tmp_path, "c")}
    if kind == "async":
        with pytest.raises(ValueError, match=r"'stream'.*is_async"):
            runner.run(stream, catalog(runner, datasets), hooks(Recorder(record)))
        assert [entry[:3] for entry in record.named("on_node_error")] == [("on_node_error", "stream", "ValueError")]
        return
    runner.run(stream, catalog(runner, datasets), hooks(Recorder(record)))
    turns = [("b", 0), ("c", 0), ("b", 1), ("c", -1)]
    assert log_of(tmp_path) == [("save", *turn) for turn in turns]
    saved = record.named("before_dataset_saved", "after_dataset_saved")
    assert saved == [
        (hook, "stream", *turn) for turn in turns for hook in ("before_dataset_saved", "after_dataset_saved")
    ]
    assert len(record.named("after_node_run")) == 1


def test_a_stream_that_breaks_fails_its_node_once(
    runner: AbstractRunner, kind: str, tmp_path: Path, record: Record
) -> None:
    stream = pipeline([node(kit.broken_chunks, "a", "b", name="stream")])
    datasets = {**files(tmp_path, a=2), "b": FileDataset(tmp_path, "b")}
    if kind == "async":
        with pytest.raises(ValueError, match="yields its outputs in chunks"):
            runner.run(stream, catalog(runner, datasets))
        assert log_of(tmp_path) == []
        return
    with pytest.raises(RuntimeError, match="in the middle of the stream"):
        runner.run(stream, catalog(runner, datasets), hooks(Recorder(record)), "r")
    assert log_of(tmp_path) == [("save", "b", 2)]
    assert record.named("on_node_error") == [("on_node_error", "stream", "RuntimeError", {"a": 2}, "r")]
    assert not record.named("on_dataset_error")


def test_datasets_are_confirmed_after_the_saves(runner: AbstractRunner, tmp_path: Path) -> None:
    confirming = pipeline([node(kit.increment, "a", "b", name="n1", confirms="a")])
    runner.run(confirming, catalog(runner, {**files(tmp_path, a=1), "b": FileDataset(tmp_path, "b")}))
    assert log_of(tmp_path) == [("save", "b", 2), ("confirm", "a")]


def test_what_before_node_run_returns_is_merged(runner: AbstractRunner, tmp_path: Path, record: Record) -> None:
    chain = pipeline([node(kit.add, ["a", "z"], "b", name="n1")])
    plugins = (Recorder(record), Answer("n1", {"a": 10}), Answer("n1", {"z": 20}))
    outputs = runner.run(chain, catalog(runner, files(tmp_path, a=1, z=1)), hooks(*plugins), "r")
    assert outputs["b"].load() == 30
    assert record.named("after_node_run")[0][2] == {"a": 10, "z": 20}


@pytest.mark.parametrize("answer", [[1], 0, "x"])
def test_before_node_run_may_return_a_dictionary_alone(runner: AbstractRunner, answer: Any, tmp_path: Path) -> None:
    chain = pipeline([node(kit.increment, "a", "b", name="n1")])
    with pytest.raises(TypeError, match=r"'n1'.*None, or a dictionary"):
        runner.run(chain, catalog(runner, files(tmp_path, a=1)), hooks(Answer("n1", answer)))


FAILURES = {
    "exception": (kit.boom, None, "RuntimeError", r"^boom$", []),
    "exit": (kit.leave, None, "NodeExitError", r"'n2' called sys\.exit", []),
    "interrupt": (kit.interrupt, None, "KeyboardInterrupt", r"^$", []),
    "unpicklable": (kit.stubborn, None, "Stubborn", r"^cannot be$", []),
    "load": (kit.same, "load", "DatasetError", r"b: .*the disk is on fire", [("DatasetError", "b", "load")]),
    "load-exit": (kit.same, "load-exit", "NodeExitError", "'n2' called", [("NodeExitError", "b", "load")]),
    "save": (kit.same, "save", "DatasetError", r"c: .*the disk is full", [("DatasetError", "c", "save")]),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_node_is_told_once(runner: AbstractRunner, failure: str, tmp_path: Path, record: Record) -> None:
    function, fails, error_type, message, of_datasets = FAILURES[failure]
    chain = pipeline(
        [
            node(kit.increment, "a", "b", name="n1"),
            node(function, "b", "c", name="n2"),
            node(kit.increment, "c", "d", name="n3"),
        ]
    )
    datasets = {
        **files(tmp_path, a=1),
        "b": FileDataset(tmp_path, "b", fails=fails),
        "c": FileDataset(tmp_path, "c", fails=fails),
    }
    if fails == "save":
        datasets["b"].fails = None
    with pytest.raises(BaseException, match=message) as caught:
        runner.run(chain, catalog(runner, datasets), hooks(Recorder(record)), "r")
    assert type(caught.value).__name__ == error_type
    inputs = {} if fails in ("load", "load-exit") else {"b": 2}
    assert record.named("on_node_error") == [("on_node_error", "n2", error_type, inputs, "r")]
    assert record.named("on_dataset_error") == [("on_dataset_error", "n2", *each) for each in of_datasets]
    assert record.named("after_node_settled") == [
        ("after_node_settled", "n1", None, "r", os.getpid()),
        ("after_node_settled", "n2", error_type, "r", os.getpid()),
    ]
    assert "n3" not in {entry[1] for entry in record.read()}


@pytest.mark.parametrize(
    "where",
    [
        "before_dataset_loaded",
        "after_dataset_loaded",
        "before_node_run",
        "after_node_run",
        "before_dataset_saved",
        "after_dataset_saved",
    ],
)
def test_a_hook_that_raises_fails_its_node(runner: AbstractRunner, where: str, tmp_path: Path, record: Record) -> None:
    chain = pipeline([node(kit.increment, "a", "b", name="n1"), node(kit.increment, "b", "c", name="n2")])
    plugins = (Recorder(record), kit.Raiser(where, "n1", LookupError("in a hook")))
    with pytest.raises(LookupError, match="in a hook"):
        runner.run(chain, catalog(runner, files(tmp_path, a=1)), hooks(*plugins), "r")
    assert [entry[1:3] for entry in record.named("on_node_error")] == [("n1", "LookupError")]
    assert not record.named("on_dataset_error")


@pytest.mark.parametrize("where", ["after_node_dispatched", "after_node_settled"])
@pytest.mark.parametrize(
    ("raised", "expected"), [(LookupError("in a hook"), LookupError), (SystemExit(0), NodeExitError)]
)
def test_a_hook_of_progress_that_raises_ends_the_run(
    runner: AbstractRunner,
    where: str,
    raised: BaseException,
    expected: type[Exception],
    tmp_path: Path,
    record: Record,
) -> None:
    chain = pipeline([node(kit.increment, "a", "b", name="n1"), node(kit.increment, "b", "c", name="n2")])
    plugins = (Recorder(record), kit.Raiser(where, "n1", raised))
    with pytest.raises(expected):
        runner.run(chain, catalog(runner, files(tmp_path, a=1)), hooks(*plugins), "r")
    assert "n2" not in {entry[1] for entry in record.named("before_node_run")}


@pytest.mark.parametrize("where", ["on_node_error", "on_dataset_error", "after_node_settled"])
@pytest.mark.parametrize("raised", [LookupError("in an error hook"), SystemExit(0)])
def test_an_error_hook_never_replaces_the_error(
    runner: AbstractRunner,
    where: str,
    raised: BaseException,
    tmp_path: Path,
    record: Record,
) -> None:
    """The plugins that come after the one that raises are called, and both errors are shown."""
    chain = pipeline([node(kit.increment, "a", "b", name="n1")])
    datasets = {"a": FileDataset(tmp_path, "a", fails="load")}
    plugins = (Recorder(record), kit.Raiser(where, "n1", raised))
    with pytest.raises(Exception, match="the disk is on fire") as caught:
        runner.run(chain, catalog(runner, datasets), hooks(*plugins), "r")
    assert type(caught.value).__name__ == "DatasetError"
    assert any(f"the hook {where} raised" in note for note in getattr(caught.value, "__notes__", ()))
    assert [entry[0] for entry in record.named("on_dataset_error", "on_node_error", "after_node_settled")] == [
        "on_dataset_error",
        "on_node_error",
        "after_node_settled",
    ]


@pytest.mark.parametrize("where", ["on_node_error", "on_dataset_error", "after_node_settled"])
def test_an_interruption_in_an_error_hook_ends_the_run_with_everything_settled(
    runner: AbstractRunner, where: str, tmp_path: Path, record: Record
) -> None:
    chain = pipeline([node(kit.increment, "a", "b", name="n1")])
    datasets = {"a": FileDataset(tmp_path, "a", fails="load")}
    plugins = (Recorder(record), kit.Raiser(where, "n1", KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        runner.run(chain, catalog(runner, datasets), hooks(*plugins), "r")
    assert [entry[0] for entry in record.named("on_dataset_error", "on_node_error", "after_node_settled")] == [
        "on_dataset_error",
        "on_node_error",
        "after_node_settled",
    ]


def test_only_what_is_missing_runs(runner: AbstractRunner, tmp_path: Path, record: Record) -> None:
    chain = pipeline(
        [
            node(kit.increment, "a", "b", name="n1"),
            node(kit.increment, "b", "c", name="n2"),
            node(kit.increment, "c", "d", name="n3"),
        ]
    )
    datasets = {**files(tmp_path, a=1, c=7), "d": FileDataset(tmp_path, "d")}
    runner.run(chain, catalog(runner, datasets), hooks(Recorder(record)), only_missing_outputs=True)
    assert [entry[1] for entry in record.named("before_node_run")] == ["n3"]
    assert datasets["d"].load() == 8
    assert runner.run(chain, catalog(runner, datasets), hooks(Recorder(record)), only_missing_outputs=True) == {}
    assert len(record.named("before_node_run")) == 1


def test_the_hint_says_where_to_resume(
    runner: AbstractRunner, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chain = pipeline(
        [
            node(kit.increment, "a", "b", name="n1"),
            node(kit.increment, "b", "c", name="n2"),
            node(kit.boom, "c", "d", name="n3"),
            node(kit.increment, "d", "e", name="n4"),
        ]
    )
    with pytest.raises(RuntimeError, match="boom"):
        runner.run(chain, catalog(runner, {**files(tmp_path, a=1), "b": FileDataset(tmp_path, "b")}))
    hints = [record.getMessage() for record in caplog.records if "--from-nodes" in record.getMessage()]
    assert len(hints) == 1
    assert hints[0].endswith('repeat the command with --from-nodes "n2"')
    assert "2 of 4 nodes" in hints[0]


def test_with_nothing_done_the_hint_is_to_repeat(
    runner: AbstractRunner, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chain = pipeline([node(kit.boom, "a", "b", name="n1")])
    with pytest.raises(RuntimeError, match="boom"):
        runner.run(chain, catalog(runner, files(tmp_path, a=1)))
    assert any("Repeat the previous command" in record.getMessage() for record in caplog.records)


def test_inputs_that_nobody_provides_are_named(runner: AbstractRunner, tmp_path: Path) -> None:
    chain = pipeline([node(kit.add, ["cart", "prams:x"], "b", name="n1")])
    with pytest.raises(ValueError, match=r"'cart', 'prams:x'.*'params:x'"):
        runner.run(chain, catalog(runner, {**files(tmp_path, cars=1), "params:x": 1}))


def test_progress_is_logged(runner: AbstractRunner, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "pellucid")
    runner.run(DIAMOND, catalog(runner, files(tmp_path, a=1)))
    messages = [record.getMessage() for record in caplog.records]
    assert "Completed node: n1" in messages
    assert [f"Completed {count} out of 6 tasks" for count in range(1, 7)] == [
        message for message in messages if "out of" in message
    ]
    assert messages[-1].startswith("Pipeline execution completed successfully in ")


def test_a_run_in_another_thread(runner: AbstractRunner, tmp_path: Path) -> None:
    results: list[Any] = []
    thread = threading.Thread(
        target=lambda: results.append(runner.run(DIAMOND, catalog(runner, files(tmp_path, a=1)))["g"].load())
    )
    thread.start()
    thread.join()
    assert results == [4]


def test_two_runs_at_once_do_not_disturb_each_other(runner: AbstractRunner, tmp_path: Path) -> None:
    chain = pipeline([node(kit.increment, "a", "b", name="n1"), node(kit.increment, "b", "c", name="n2")])
    results: dict[int, Any] = {}

    def run(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        results[number] = runner.run(chain, catalog(runner, files(folder, a=number)))["c"].load()

    threads = [threading.Thread(target=run, args=(number,)) for number in (10, 20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {10: 12, 20: 22, 30: 32}
