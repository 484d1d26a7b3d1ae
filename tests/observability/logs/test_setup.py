"""Other people's log records, and how logging is set up and left."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.logs import (
    MemorySink,
    inside,
    lines_of,
    log_file,
    logged,
    plain_handler,
    recording_in,
    runtime_logging,
    span_of,
)

import pellucid
from pellucid.framework.project import LOGGING
from pellucid.observability.logs import CORE_FIELDS, FIELDS, RecordHandler, Setup
from pellucid.observability.logs._duplicates import ALWAYS, INSIDE
from pellucid.observability.records import RunScope

NODE = span_of("node", node="train")
demo = logging.getLogger("demo.nodes")
TEXTS = st.text(st.characters(exclude_categories=()), max_size=40)


class Hostile:
    def __repr__(self) -> str:
        raise SystemExit(3)

    __str__ = __repr__


def ours() -> list[logging.Handler]:
    return [each for each in logging.getLogger().handlers if isinstance(each, RecordHandler)]


def test_a_record_gets_the_ids_of_the_node_it_is_logged_in(tmp_path: Path) -> None:
    with runtime_logging(), logged(recording_in(tmp_path)) as (_, events), inside(NODE):
        demo.info("read %d rows", 3, extra={"rows": 3, "node": "forged"})
    assert events[0] == {
        "timestamp": events[0]["timestamp"],
        "level": "INFO",
        "event": "read 3 rows",
        "logger": "demo.nodes",
        "trace_id": "000102030405060708090a0b0c0d0e0f",
        "span_id": "0101010101010101",
        "session_id": "session-1",
        "run_id": "run-1",
        "pipeline": "__default__",
        "node": "train",
        "rows": 3,
        "extra.node": "forged",
    }
    assert list(events[0])[:10] == [each for each in CORE_FIELDS if each != "dataset"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", events[0]["timestamp"])
    assert lines_of(log_file(tmp_path))[0] == events[0]


def test_outside_of_a_span_the_session_is_known(tmp_path: Path) -> None:
    with runtime_logging(), logged(recording_in(tmp_path)) as (_, events):
        demo.info("hello")
    assert {key: value for key, value in events[0].items() if key != "timestamp"} == {
        "level": "INFO", "event": "hello", "logger": "demo.nodes", "session_id": "session-1"
    }  # fmt: skip


def test_an_exception_becomes_fields(tmp_path: Path) -> None:
    with runtime_logging(), logged(recording_in(tmp_path)) as (_, events):
        try:
            raise ValueError("no rows")
        except ValueError as error:
            demo.exception("it failed", stack_info=True)
            demo.warning("again", exc_info=error)
            record = demo.makeRecord("demo.nodes", logging.INFO, "", 0, "third", (), None)
            vars(record)["exc_info"] = error  # as some libraries do
            demo.handle(record)
    for event in events[:3]:
        assert (event["error_type"], event["error"]) == ("ValueError", "no rows")
        assert "Traceback (most recent call last):\n" in event["traceback"]
    assert "test_an_exception_becomes_fields" in events[0]["stack"]


@pytest.mark.parametrize(
    ("message", "arguments", "expected"),
    [
        ("%d", ("x",), "%d <arguments that raise TypeError>"),
        ("%s", (Hostile(),), "%s <arguments that raise SystemExit>"),
        (Hostile(), (), "<Hostile> <arguments that raise SystemExit>"),
        ({"a": 1}, (), "{'a': 1}"),
    ],
)
def test_a_message_that_cannot_be_made_is_told_as_such(
    tmp_path: Path, message: Any, arguments: tuple[Any, ...], expected: str
) -> None:
    with runtime_logging(), logged(recording_in(tmp_path)) as (_, events):
        demo.info(message, *arguments, extra={"value": Hostile()})
    assert events[0]["event"] == expected
    assert "Hostile" in events[0]["value"]


def test_secrets_are_hidden_wherever_they_are(tmp_path: Path) -> None:
    recording = recording_in(tmp_path)
    with runtime_logging(), logged(recording) as (_, events):
        recording.hide({"key": "hunter2-is-long"})
        try:
            raise ValueError("with hunter2-is-long inside")
        except ValueError:
            demo.exception("hunter2-is-long", extra={"password": "abcdef", "list": ["hunter2-is-long"]})
        demo.info("at %s", "https://me:sesame-open@host/x")
    text = log_file(tmp_path).read_text()
    assert "abcdef" not in text
    assert "sesame-open" not in text
    assert re.findall("hunter2.{9}", text) == []
    assert len(events) == 3


def test_lines_cannot_be_forged(tmp_path: Path) -> None:
    with runtime_logging(), logged(recording_in(tmp_path, stderr="off")):
        demo.info('x\n{"event": "forged"}\r\x1b[2J\u2028\u2029', extra={"a\nb": "c\nd"})
    text = log_file(tmp_path).read_bytes()
    assert text.count(b"\n") == 2  # with the last line of the session
    assert b"\x1b" not in text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(TEXTS, st.dictionaries(TEXTS, st.one_of(TEXTS, st.floats(), st.binary(), st.builds(Hostile)), max_size=4))
def test_any_record_is_one_line_of_json(tmp_path: Path, message: str, extra: dict[str, Any]) -> None:
    path = log_file(tmp_path)
    path.unlink(missing_ok=True)
    with runtime_logging(), logged(recording_in(tmp_path, stderr="off")) as (_, events):
        record = demo.makeRecord("demo", logging.INFO, "", 0, message, (), None, extra={FIELDS: extra})
        demo.handle(record)
        record = demo.makeRecord("demo", logging.INFO, "", 0, "%s %s", (message, message), None)
        vars(record).update({f"own {key}": value for key, value in extra.items()})
        demo.handle(record)
    lines = path.read_bytes().split(b"\n")
    assert [json.loads(line) for line in lines[:-1]] == events
    assert len(events) == 3
    assert lines[-1] == b""


def test_logging_from_inside_of_logging_ends(tmp_path: Path) -> None:
    class Chatty:
        def __str__(self) -> str:
            demo.info("I am asked: %s", self)
            return "chatty"

    with runtime_logging(), logged(recording_in(tmp_path)) as (_, events):
        demo.info("%s", Chatty())
        demo.info("next")
    told = [each["event"] for each in events]
    assert told[-2:] == ["chatty", "next"] or "next" in told
    assert len(told) < 8


def test_a_sink_that_raises_is_a_fault_and_no_error(tmp_path: Path) -> None:
    class Broken(MemorySink):
        def write(self, entry: Any) -> bool:
            raise RuntimeError("no")

    recording = recording_in(tmp_path)
    with runtime_logging():
        setup = Setup(recording, [Broken()])
        for _ in range(3):
            demo.info("hello")
        setup.undo(0)
    assert recording.guard.faults["logging"] >= 3


def test_ctrl_c_while_a_line_is_made_passes(tmp_path: Path) -> None:
    class Interrupted:
        def __str__(self) -> str:
            raise KeyboardInterrupt

    with runtime_logging(), logged(recording_in(tmp_path)), pytest.raises(KeyboardInterrupt):
        demo.info("%s", Interrupted())


def test_the_plain_lines_of_the_runtime_are_replaced_and_come_back(tmp_path: Path) -> None:
    with runtime_logging() as plain:
        demo.setLevel(logging.NOTSET)
        with logged(recording_in(tmp_path, level="debug")) as (_, events):
            assert plain not in logging.getLogger().handlers
            demo.debug("seen")
            logging.getLogger("library").info("not seen")
            logging.getLogger("library").warning("seen")
        assert logging.getLogger().handlers == [plain]
        assert logging.getLogger("demo").level == logging.INFO
        assert logging.getLogger("pellucid").level == logging.INFO
    assert [each["event"] for each in events if each["logger"] != "pellucid.events"] == ["seen", "seen"]


def test_the_plain_handler_is_the_one_that_the_runtime_sets_up() -> None:
    from pellucid.observability.logs._setup import _is_plain

    root = logging.getLogger()
    before, root.handlers[:] = root.handlers[:], []
    try:
        LOGGING.set_project_logging("demo")
        assert [_is_plain(each) for each in root.handlers] == [True]
    finally:
        root.handlers[:] = before
    assert _is_plain(plain_handler())
    assert not _is_plain(logging.StreamHandler())


def test_what_the_host_has_set_up_is_left_as_it_is(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    host = logging.StreamHandler(stream)
    host.setFormatter(logging.Formatter("HOST %(name)s %(message)s"))
    with runtime_logging():
        logging.getLogger().handlers[:] = [host]
        logging.getLogger("demo").setLevel(logging.WARNING)
        with logged(recording_in(tmp_path)) as (hooks, _):
            assert host in logging.getLogger().handlers
            assert logging.getLogger("demo").level == logging.WARNING
            demo.info("not seen")
            demo.warning("seen")
            hooks.on_span_ended(NODE)
        assert logging.getLogger().handlers == [host]
    assert capfd.readouterr().err == ""
    assert stream.getvalue() == "HOST demo.nodes seen\n"  # of nodes it hears by the runtime's own lines
    assert [each["event"] for each in lines_of(log_file(tmp_path))] == ["seen", "node.finished", "telemetry.closed"]


@pytest.mark.parametrize("name", ["pellucid", "pellucid.events"])
def test_events_are_given_to_handlers_of_their_own_loggers(tmp_path: Path, name: str) -> None:
    stream = io.StringIO()
    own = logging.StreamHandler(stream)
    logger = logging.getLogger(name)
    logger.addHandler(own)
    try:
        with runtime_logging(), logged(recording_in(tmp_path)) as (hooks, _):
            hooks.on_span_ended(NODE)
            own.setLevel(logging.ERROR)
            hooks.on_span_ended(NODE)
    finally:
        logger.removeHandler(own)
    assert stream.getvalue() == "train succeeded in 0.250 s\n"


def test_a_handler_of_the_host_that_raises_is_its_own_affair(tmp_path: Path) -> None:
    class Raising(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("no")

    recording = recording_in(tmp_path)
    logger, raising = logging.getLogger("pellucid.events"), Raising()
    logger.addHandler(raising)
    try:
        with runtime_logging(), logged(recording) as (hooks, events):
            hooks.on_span_ended(NODE)
    finally:
        logger.removeHandler(raising)
    assert events[0]["event"] == "node.finished"
    assert recording.guard.faults == {"logging of the project": 2}


def test_handlers_of_a_level_that_is_off_do_not_hear_of_events(tmp_path: Path) -> None:
    stream = io.StringIO()
    with runtime_logging():
        logging.getLogger("pellucid").setLevel(logging.ERROR)
        logging.getLogger().handlers[:] = [logging.StreamHandler(stream)]
        with logged(recording_in(tmp_path)) as (hooks, _):
            hooks.on_span_ended(NODE)
    assert stream.getvalue() == ""


def test_loggers_that_do_not_propagate_are_heard_unless_they_are_silenced(tmp_path: Path) -> None:
    apart, silent, child = (logging.getLogger(name) for name in ("demo_apart", "demo_silent", "demo_apart.child"))
    apart.propagate = silent.propagate = False
    apart.addHandler(logging.StreamHandler(io.StringIO()))
    silent.addHandler(logging.NullHandler())
    try:
        with runtime_logging():
            with logged(recording_in(tmp_path)) as (_, events):
                apart.warning("one")
                child.warning("two")
                silent.warning("three")
            assert len(apart.handlers) == len(silent.handlers) == 1
    finally:
        apart.propagate = silent.propagate = True
        apart.handlers.clear()
        silent.handlers.clear()
    assert [each["event"] for each in events[:-1]] == ["one", "two"]


def test_what_others_changed_meanwhile_stays(tmp_path: Path) -> None:
    with runtime_logging():
        with logged(recording_in(tmp_path)):
            logging.getLogger("demo").setLevel(logging.ERROR)
        assert logging.getLogger("demo").level == logging.ERROR


def test_a_project_that_sets_up_logging_meanwhile_keeps_that(tmp_path: Path) -> None:
    own = logging.StreamHandler(io.StringIO())
    with runtime_logging():
        with logged(recording_in(tmp_path)) as (hooks, _):
            logging.getLogger().handlers[:] = [own]
            demo.warning("theirs")
            hooks.on_span_ended(NODE)
        assert logging.getLogger().handlers == [own]
        assert own.stream.getvalue() == "theirs\n"
    assert lines_of(log_file(tmp_path))[0]["event"] == "node.finished"


def test_without_logging_nothing_is_touched(tmp_path: Path) -> None:
    with runtime_logging() as plain, logged(recording_in(tmp_path, enabled=False)) as (hooks, events):
        hooks.on_span_started(NODE)
        hooks.on_span_ended(NODE)
        assert logging.getLogger().handlers == [plain]
    assert events == []
    assert not log_file(tmp_path).exists()


def test_sessions_that_overlap_log_each_line_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first, second = recording_in(tmp_path / "a", stderr="json"), recording_in(tmp_path / "b", stderr="json")
    second.session_id = "session-2"
    of_second = span_of("node", node="n", scope=RunScope("session-2", "run-2", "p", b"t" * 16))
    with runtime_logging() as plain:
        plain.setStream(sys.stderr)
        one, two = Setup(first), Setup(second)
        with inside(of_second):
            demo.info("in the second")
        demo.info("in none")
        one.undo(0)
        assert plain not in logging.getLogger().handlers
        demo.info("after the first")
        two.undo(0)
        assert logging.getLogger().handlers == [plain]
        assert ours() == []
    assert [json.loads(line)["event"] for line in capfd.readouterr().err.splitlines()] == [
        "in the second", "in none", "after the first"
    ]  # fmt: skip
    assert [each["event"] for each in lines_of(log_file(tmp_path / "a"))] == ["in none"]
    assert [each["event"] for each in lines_of(log_file(tmp_path / "b"))] == ["in the second", "after the first"]


def test_lines_of_the_runtime_that_repeat_an_event_are_left_out(tmp_path: Path) -> None:
    runner, catalog = logging.getLogger("pellucid.runner"), logging.getLogger("pellucid.io.data_catalog")
    with runtime_logging(), logged(recording_in(tmp_path)) as (_, events):
        with inside(NODE):
            runner.info("Completed node: %s", "a")
            catalog.info("Loading '%s' (%s)", "a", "b")
            demo.info("Completed node: %s", "of the project")
            runner.warning("something else")
        catalog.info("Loading '%s' (%s)", "in", "a notebook")
    assert [each["event"] for each in events[:-1]] == [
        "Completed node: of the project", "something else", "Loading 'in' (a notebook)"
    ]  # fmt: skip


def test_the_runtime_still_has_the_lines_that_are_left_out() -> None:
    root = Path(pellucid.__file__).parent
    source = "".join(
        each.read_text() for name in ("runner", "io", "pipeline", "framework") for each in (root / name).rglob("*.py")
    )
    for template in ALWAYS | INSIDE:
        assert f'"{template}"' in source


def test_threads_log_without_losing_a_line(tmp_path: Path) -> None:
    def work(number: int) -> None:
        for each in range(200):
            demo.info("%d %d", number, each)

    with runtime_logging(), logged(recording_in(tmp_path, stderr="off")):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({each["event"] for each in lines_of(log_file(tmp_path))}) == 801


@pytest.mark.parametrize("name", ["nonsense", "INFO"])
def test_a_level_that_is_none_is_info(tmp_path: Path, name: str) -> None:
    with runtime_logging(), logged(recording_in(tmp_path, level=name)) as (_, events):
        logging.getLogger("demo").debug("no")
        demo.info("yes")
    assert [each["event"] for each in events[:-1]] == ["yes"]


def test_a_stream_that_is_no_descriptor_gets_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Notebook(io.StringIO):
        def isatty(self) -> bool:
            raise ValueError("closed")

    stream = Notebook()
    with runtime_logging():
        monkeypatch.setattr(sys, "stderr", stream)
        with logged(recording_in(tmp_path)):
            demo.info("hello")
            text = stream.getvalue()
            stream.close()
            demo.info("into the void")
    assert json.loads(text)["event"] == "hello"


def test_without_stderr_there_is_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with runtime_logging():
        monkeypatch.setattr(sys, "stderr", None)
        with logged(recording_in(tmp_path)):
            demo.info("hello")
    assert len(lines_of(log_file(tmp_path))) == 2


def test_a_file_that_loses_lines_is_told_once_to_the_others(tmp_path: Path) -> None:
    with runtime_logging(), logged(recording_in(tmp_path, file=Path("/dev/full"))) as (_, events):
        demo.info("one")
        demo.info("two")
    told = [each for each in events if each["logger"] == "pellucid.telemetry"]
    assert len(told) == 1
    assert told[0]["level"] == "WARNING"
    assert "/dev/full" in told[0]["event"]


def test_a_time_that_no_calendar_has_is_told_all_the_same(tmp_path: Path) -> None:
    with runtime_logging(), logged(recording_in(tmp_path)) as (_, events):
        record = demo.makeRecord("demo", logging.INFO, "", 0, "hello", (), None)
        record.created = 1e25
        demo.handle(record)
    assert events[0]["timestamp"].startswith("1970-01-01T00:00:00.")


def test_handlers_that_pass_records_on_reach_ours(tmp_path: Path) -> None:
    with runtime_logging(), logged(recording_in(tmp_path)) as (_, events):
        for handler in ours():
            handler.emit(demo.makeRecord("demo", logging.INFO, "", 0, "hello", (), None))
            handler.acquire()  # it has no lock, and needs none
            handler.release()
            handler.flush()
    assert events[0]["event"] == "hello"


def test_an_event_below_the_level_is_not_told(tmp_path: Path) -> None:
    with runtime_logging():
        memory = MemorySink()
        setup = Setup(recording_in(tmp_path, level="ERROR"), [memory])
        setup.log.tell("node.finished", 0, NODE, {})
        setup.undo(0)
    assert memory.events == []


def test_a_descriptor_that_is_closed_behind_the_stream_is_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = (tmp_path / "x").open("w")
    with runtime_logging():
        monkeypatch.setattr(sys, "stderr", file)
        descriptor = os.dup(file.fileno())
        os.close(file.fileno())
        with logged(recording_in(tmp_path)):
            demo.info("hello")
        os.dup2(descriptor, file.fileno())
        os.close(descriptor)
        file.close()
        with logged(recording_in(tmp_path)):
            demo.info("hello")
    assert len(lines_of(log_file(tmp_path))) == 4
