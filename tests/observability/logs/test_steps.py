"""The runtime's plain lines about steps are not made where they would be thrown away, and are there for all others."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.logs import SCOPE, inside, lines_of, log_file, logged, recording_in, runtime_logging, span_of

from pellucid._util.steps import is_told, node_teller, run_teller
from pellucid.io import DataCatalog, MemoryDataset
from pellucid.observability.hooks.logging import LoggingHooks
from pellucid.observability.logs import Setup
from pellucid.observability.recording import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pellucid.observability.records import SpanRecord


class Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


class Made:
    """Counts the records that are made at all, by what they say."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._factory = logging.getLogRecordFactory()

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._factory(*args, **kwargs)
        self.texts.append(record.getMessage())
        return record


@pytest.fixture
def made() -> Iterator[list[str]]:
    before = logging.getLogRecordFactory()
    counted = Made()
    logging.setLogRecordFactory(counted)
    yield counted.texts
    logging.setLogRecordFactory(before)


@contextmanager
def going_on(hooks: LoggingHooks, span: SpanRecord) -> Iterator[None]:
    hooks.on_span_started(span)
    try:
        with inside(span):
            yield
    finally:
        hooks.on_span_ended(span)


def load_of(name: str) -> str:
    DataCatalog({name: MemoryDataset(1)}).load(name)
    return f"Loading '{name}' (MemoryDataset)"


def test_in_a_node_no_record_is_made_of_a_load(tmp_path: Path, made: list[str]) -> None:
    with runtime_logging(), logged(recording_in(tmp_path)) as (hooks, events):
        before = load_of("before")
        with going_on(hooks, span_of("run", 0)):
            in_run = load_of("in_run")
            with going_on(hooks, span_of("node", 0, node="train")):
                load_of("in_node")
                logging.getLogger("pellucid.io.data_catalog").info("Something else")
            after = load_of("after_node")
    wanted = [before, in_run, "Something else", after]
    assert made == wanted
    assert [each["event"] for each in events if each["logger"] != "pellucid.events"] == wanted


def test_it_is_told_of_runs_and_of_nodes_apart(tmp_path: Path) -> None:
    with runtime_logging(), logged(recording_in(tmp_path)) as (hooks, _):
        with going_on(hooks, span_of("run", 0)):
            assert (is_told(run_teller), is_told(node_teller)) == (True, False)
            with going_on(hooks, span_of("node", 0)):
                assert (is_told(run_teller), is_told(node_teller)) == (True, True)
            assert (is_told(run_teller), is_told(node_teller)) == (True, False)
        assert (is_told(run_teller), is_told(node_teller)) == (False, False)


@pytest.mark.parametrize("name", ["", "pellucid", "pellucid.io", "pellucid.io.data_catalog", "pellucid.runner"])
def test_whoever_listens_gets_them_from_the_next_node_on(tmp_path: Path, name: str) -> None:
    listener, logger = Listener(), logging.getLogger(name)
    with runtime_logging(), logged(recording_in(tmp_path)) as (hooks, _), going_on(hooks, span_of("run", 0)):
        with going_on(hooks, span_of("node", 0)):
            load_of("unheard")
        logger.addHandler(listener)
        with going_on(hooks, span_of("node", 0)):
            load_of("heard")
            assert not is_told(run_teller)
        logger.removeHandler(listener)
        with going_on(hooks, span_of("node", 0)):
            load_of("unheard")
    heard = [text for text in listener.heard if text.startswith("Loading")]
    assert heard == ([] if name == "pellucid.runner" else ["Loading 'heard' (MemoryDataset)"])


def test_where_the_project_set_up_logging_they_are_all_there(tmp_path: Path) -> None:
    listener = Listener()
    with runtime_logging():
        logging.getLogger().handlers[:] = [listener]
        with logged(recording_in(tmp_path)) as (hooks, _), going_on(hooks, span_of("node", 0)):
            text = load_of("heard")
    assert listener.heard == [text]


def test_two_sessions_at_once_do_not_count_as_listeners(tmp_path: Path, made: list[str]) -> None:
    with (
        runtime_logging(),
        logged(recording_in(tmp_path / "a")) as (hooks, _),
        logged(recording_in(tmp_path / "b")),
        going_on(hooks, span_of("node", 0)),
    ):
        load_of("unheard")
    assert made == []


def test_a_node_that_another_thread_ends_leaves_no_trace(tmp_path: Path) -> None:
    told: list[bool] = []
    may_end, is_ended = threading.Event(), threading.Event()
    hooks, recording, node = LoggingHooks(), recording_in(tmp_path, stderr="off"), span_of("node", 0)

    def work() -> None:
        hooks.on_span_started(node)
        told.append(is_told(node_teller))
        may_end.set()
        is_ended.wait(60)
        told.append(is_told(node_teller))

    with runtime_logging():
        hooks.on_recording_started(recording)
        thread = threading.Thread(target=work)
        thread.start()
        may_end.wait(60)
        hooks.on_span_ended(node)
        hooks.on_recording_ended(recording, Outcome())
        is_ended.set()
        thread.join(60)
    assert told == [True, False]


def test_a_bare_thread_of_a_node_logs_with_the_ids_of_that_node(tmp_path: Path) -> None:
    def log_in_thread(text: str) -> None:
        thread = threading.Thread(target=logging.getLogger("demo").info, args=(text,))
        thread.start()
        thread.join(60)

    session, run, one, two = (span_of(kind, 0, node=name) for kind, name in _TREE)
    for number, span in enumerate((session, run, one, two), start=1):
        span.span_id = bytes([number]) * 8
    with runtime_logging(), logged(recording_in(tmp_path, stderr="off")) as (hooks, _):
        log_in_thread("none")
        hooks.on_span_started(session)
        log_in_thread("session")
        hooks.on_span_started(run)
        log_in_thread("run")
        with going_on(hooks, one):
            log_in_thread("one")
            hooks.on_span_started(two)
            log_in_thread("one of two")
            hooks.on_span_ended(two)
        hooks.on_span_ended(run)
    told = {each["event"]: each for each in lines_of(log_file(tmp_path)) if each["logger"] == "demo"}
    assert {text: each.get("span_id", "")[:2] for text, each in told.items()} == {
        "none": "", "session": "01", "run": "02", "one": "03", "one of two": "02"
    }  # fmt: skip
    assert told["one"]["node"] == "one"
    assert told["one"]["trace_id"] == SCOPE.trace_id.hex()


def test_a_forked_process_does_not_take_the_nodes_of_its_parent_for_its_own(tmp_path: Path) -> None:
    with runtime_logging():
        setup = Setup(recording_in(tmp_path, stderr="off"))
        run, node = span_of("run", 0), span_of("node", 0, node="of the parent")
        run.span_id = b"\x02" * 8
        setup.log.started(run)
        setup.log.started(node)
        setup.adopt(recording_in(tmp_path, is_worker=True))
        logging.getLogger("demo").info("hello")
        setup.undo(0)
    line = next(each for each in lines_of(log_file(tmp_path)) if each["event"] == "hello")
    assert line["span_id"] == "02" * 8


_TREE: tuple[tuple[Any, str], ...] = (("session", ""), ("run", ""), ("node", "one"), ("node", "two"))
