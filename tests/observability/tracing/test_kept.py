"""Spans that the project opens take anything that it gives them, and neither raise, hang, leak nor flood the log."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from tests.support.otlp import Stage, with_limits

if TYPE_CHECKING:
    from pathlib import Path

NEVER = threading.Event()
SECRET = "hunter2-hunter2"


class Hostile:
    """Has no text; whoever asks waits for ever, or gets an error."""

    def __init__(self, waits: bool = False) -> None:
        self.waits = waits

    def __str__(self) -> str:
        if self.waits:
            NEVER.wait()
        raise RuntimeError("no text")

    __repr__ = __str__


class HostileError(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class HostileKey(str):
    """Is like nothing else."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError


class HostileMapping(dict[str, Any]):
    """Has no items."""

    def items(self) -> Any:
        raise RuntimeError


def ended(stage: Stage, name: str) -> Any:
    return next(each for each in stage.ended() if each.name == name)


@pytest.mark.parametrize("waits", [False, True])
def test_attributes_may_be_anything(stage: Stage, caplog: pytest.LogCaptureFixture, waits: bool) -> None:
    hostile: Any = Hostile(waits)
    given: Any = {"at start": hostile, 5: "five", hostile: 1, "": 2, "list": [hostile, 1], "map": {"a": hostile}}
    elsewhere = trace.SpanContext(7, 8, is_remote=True)
    with stage.span("node", "clean"):
        link = trace.Link(elsewhere, {"why": hostile})
        span: Any = trace.get_tracer("lib").start_span("mine", attributes=given, links=[link])
        span.set_attribute("later", hostile)
        span.set_attribute(HostileKey("like"), "value")
        span.set_attribute("none", None)
        span.set_attributes({"more": hostile})
        span.set_attributes(HostileMapping(a=1))
        span.set_attributes(7)
        span.add_event("event", {"a": hostile})
        span.add_event(hostile, timestamp="yesterday")
        span.add_link(elsewhere, {"why": hostile})
        span.end("tomorrow")
        span.end()
        span.set_attribute("too late", 1)
        span.add_event("too late")
        span.record_exception(ValueError("too late"))
        span.fail(ValueError("too late"), records=True, sets_status=True)

    found = ended(stage, "mine")
    told = f"<{__name__}.Hostile>"
    assert {found.attributes[each] for each in ("at start", "later", "more")} == {told}
    assert (found.attributes["5"], found.attributes["like"], found.attributes["list"]) == (
        "five",
        "value",
        f'["{told}",1]',
    )
    assert "too late" not in found.attributes
    assert found.dropped_attributes == 2
    assert [event.name for event in found.events] == ["event", told]
    assert [dict(each.attributes) for each in found.links] == [{"why": told}, {"why": told}]
    assert not stage.recording.guard.faults
    assert "opentelemetry" not in {record.name.partition(".")[0] for record in caplog.records}


def test_names_kinds_and_times_may_be_anything(stage: Stage) -> None:
    wrong: Any = Hostile()
    with stage.span("node", "clean") as node:
        span = trace.get_tracer("lib").start_span(wrong, kind=wrong, links=wrong, start_time=wrong)
        span.end()
        trace.get_tracer("lib").start_span("next").end()

    found = ended(stage, f"<{__name__}.Hostile>")
    assert found.start_ns >= node.started_ns
    assert ended(stage, "next")


def test_an_exception_without_a_text_stays_the_one_that_was_raised(stage: Stage) -> None:
    tracer = trace.get_tracer("lib")
    error = HostileError(SECRET)
    stage.recording.hide({"a": SECRET})
    with stage.span("node", "clean"):
        with pytest.raises(HostileError) as caught, tracer.start_as_current_span("current"):
            raise error
        assert caught.value is error
        with pytest.raises(HostileError), tracer.start_span("left"):
            raise error
        with tracer.start_as_current_span("told") as span:
            span.record_exception(error, {"more": 1}, timestamp=5)
            span.record_exception(ValueError(Hostile(waits=True), SECRET))

    for name, escaped in (("current", "False"), ("left", "True"), ("told", "False")):
        event = ended(stage, name).events[0]
        assert event.attributes["exception.type"] == f"{__name__}.HostileError"
        assert event.attributes["exception.message"] == "<its text raises RuntimeError>"
        assert event.attributes["exception.escaped"] == escaped
    assert ended(stage, "current").status_message == "HostileError: <its text raises RuntimeError>"
    assert ended(stage, "told").events[0].time_ns == 5
    assert not any(SECRET.encode() in frame.payload for frame in stage.spool.frames())


def test_a_traceback_has_its_lines_and_none_of_telemetry(stage: Stage) -> None:
    """Whole, whatever bound other attributes have; control characters that end no line are made visible."""
    tracer = trace.get_tracer("lib")
    with stage.span("node", "clean"):
        opened = tracer.start_as_current_span
        with pytest.raises(ValueError, match="first"), opened("outer"), opened("inner"):
            raise ValueError("first\n" + "x" * 3900 + "\x1b[31m\nlast")
        with tracer.start_as_current_span("given") as span:
            span.add_event("exception", {"exception.stacktrace": f"{'a' * 300}\nb\x1b", "other": "c\nd"})

    for name in ("outer", "inner"):
        told = ended(stage, name).events[0].attributes
        lines = told["exception.stacktrace"].split("\n")
        assert lines[0] == "Traceback (most recent call last):"
        assert {line for line in lines if line.startswith("  File ")} == {
            line for line in lines if f'File "{__file__}"' in line
        }
        assert (lines[-3], lines[-1]) == ("ValueError: first", "last")
        assert lines[-2].endswith("x\\x1b[31m")
        assert "\n" not in told["exception.message"]
    told = ended(stage, "given").events[0].attributes
    assert told["exception.stacktrace"] == f"{'a' * 300}\nb\\x1b"
    assert told["other"] == "c\\nd"


@pytest.mark.parametrize(("records", "sets"), [(True, False), (False, True), (False, False)])
def test_what_is_told_of_an_exception_may_be_chosen(stage: Stage, records: bool, sets: bool) -> None:
    def fail() -> None:
        with trace.get_tracer("lib").start_as_current_span(
            "it", record_exception=records, set_status_on_exception=sets
        ):
            raise ValueError("broken")

    with stage.span("node", "clean"), pytest.raises(ValueError, match="broken"):
        fail()
    found = ended(stage, "it")
    assert (len(found.events), found.status_code) == (int(records), 2 if sets else 0)


def test_no_part_of_a_secret_is_left_by_a_cut(tmp_path: Path) -> None:
    stage = Stage(tmp_path, with_limits(100, 20))
    stage.recording.hide({"a": SECRET})
    attributes: dict[str, Any] = {f"a{offset}": "x" * offset + SECRET for offset in range(25)}
    with stage.span("node", "clean"):
        span = trace.get_tracer("lib").start_span("mine", attributes=attributes)
        span.set_attributes({f"b{key}": value for key, value in attributes.items()})
        span.set_attribute("list", ["x" * 15 + SECRET])
        span.end()
    stage.close()
    found = ended(stage, "mine")
    texts = [*(found.attributes[key] for key in found.attributes if key[0] in "ab"), *found.attributes["list"]]
    assert len(texts) == 51
    assert max(map(len, texts)) == 20
    assert not any("hu" in text for text in texts)


def test_what_is_beyond_the_limits_is_counted_and_not_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(tmp_path, with_limits(3, 5))
    with stage.span("node", "clean"):
        span = trace.get_tracer("lib").start_span("many", attributes={f"a{each}": "x" * 500 for each in range(5)})
        for number in range(300):
            span.set_attribute(f"b{number}", "y" * 500)
        span.set_attribute("b299", "z" * 500)
        span.end()
    stage.close()
    found = ended(stage, "many")
    shown = {key: value for key, value in found.attributes.items() if key[0] in "ab"}
    assert shown == {"b297": "y" * 5, "b298": "y" * 5, "b299": "z" * 5}
    assert found.dropped_attributes == 302
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


def test_a_switched_off_tracer_gives_what_it_has(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with stage.span("node", "clean"), trace.get_tracer("lib").start_as_current_span("mine") as span:
        assert not span.is_recording()
