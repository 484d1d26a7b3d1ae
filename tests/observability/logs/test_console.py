"""Lines for people: short, on one row, and unable to do anything to a terminal."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.observability.logs import LEVELS, Entry
from pellucid.observability.logs._console import console_line
from pellucid.observability.logs._sentences import duration, sentence
from pellucid.observability.redaction import visible

BASE = {"timestamp": "2026-01-02T03:04:05.000006Z", "level": "INFO", "logger": "demo.nodes", "session_id": "s"}


def line_of(event: dict[str, Any], level: int = logging.INFO, name: str = "", *, is_coloured: bool = False) -> str:
    return console_line(Entry({**BASE, **event}, level, 0, None, name), is_coloured=is_coloured).decode()


def test_a_message_has_its_logger_and_its_fields() -> None:
    assert line_of({"event": "hello", "rows": 3, "name": "x"}) == ("03:04:05 INFO    demo.nodes: hello rows=3 name=x\n")


def test_ids_are_not_shown() -> None:
    assert "trace" not in line_of({"event": "hello", "trace_id": "trace", "node": "trace"})


@pytest.mark.parametrize(
    ("level", "colour"),
    [(logging.DEBUG, "\x1b[2m"), (logging.INFO, "\x1b[32m"), (logging.WARNING, "\x1b[33m"), (60, "\x1b[31m")],
)
def test_levels_have_colours(level: int, colour: str) -> None:
    line = line_of({"event": "hello", "a": 1}, level, is_coloured=True)
    assert line == f"\x1b[2m03:04:05\x1b[0m {colour}INFO   \x1b[0m demo.nodes: hello\x1b[2m a=1\x1b[0m\n"


def test_a_traceback_is_below_its_line_row_by_row() -> None:
    line = line_of({"event": "oh", "error_type": "E", "error": "e", "traceback": "one\n  two\x1b[2J", "stack": "s"})
    assert line == "03:04:05 INFO    demo.nodes: oh\n    s\n    one\n      two\\x1b[2J\n"


def test_a_built_in_event_is_a_sentence_without_its_traceback() -> None:
    event = {"event": "node.failed", "node": "train", "duration_seconds": 1.5, "result": "failure"}
    event |= {"error_type": "ValueError", "error": "no\nrows", "traceback": "Traceback"}
    line = line_of(event, name="node.failed")
    assert line == "03:04:05 INFO    train failed after 1.500 s: ValueError: no\\nrows\n"


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=()), max_size=40))
def test_nothing_that_is_logged_reaches_the_terminal_as_a_command(message: str, value: str) -> None:
    line = line_of({"event": message, "key": value, value: 1, "logger": value})
    assert line.endswith("\n")
    body = line[:-1]
    assert body.isprintable() or not any(not each.isprintable() and ord(each) < 0xA0 for each in body)
    assert not set(body) & set("\n\r\x1b\x9b\u2028\u2029\u202e\u2066\u200b\ufeff")


@pytest.mark.parametrize("unsafe", ["\n", "\r", "\x1b", "\x00", "\x7f", "\x9b", "\u2028", "\u2029", "\u202e", "\ud800"])
def test_what_is_unsafe_is_escaped(unsafe: str) -> None:
    assert visible(f"a{unsafe}b").isascii()


def test_text_of_all_languages_is_left_alone() -> None:
    assert visible("häuser 房子 بيت 🏠") == "häuser 房子 بيت 🏠"


def test_long_texts_are_cut() -> None:
    line = line_of({"event": "x" * 5000, "key": "y" * 500})
    assert len(line) < 2500
    assert line.count("…") == 2


@pytest.mark.parametrize("name", sorted(LEVELS))
def test_every_event_is_a_sentence_even_with_nothing_known(name: str) -> None:
    assert len(sentence(name, {})) > 5


def test_what_is_no_event_is_no_sentence() -> None:
    assert sentence("of_nobody", {}) == ""


LATER = "for the next run, or: pellucid telemetry replay"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"spans": 41, "delivered": 41, "place": "p"}, "spans 41/41 delivered"),
        ({"spans": 41, "delivered": 20, "kept": 21, "place": "p"}, f"spans 20/41 delivered, 21 kept in p {LATER}"),
        ({"spans": 41, "delivered": 0, "kept": 41, "place": "p"}, f"41 spans kept in p {LATER}"),
        ({"spans": 41, "kept": 40, "dropped": 1, "place": "p"}, f"40 spans kept in p, 1 lost {LATER}"),
        ({"spans": 41, "place": ".pellucid/history.db"}, "41 spans in .pellucid/history.db, see: pellucid runs show"),
        ({"spans": 3, "dropped": 1, "place": "h.db"}, "2 spans in h.db, 1 lost, see: pellucid runs show"),
        ({"spans": 3, "dropped": 3, "place": "p"}, "spans 0/3 delivered, 3 lost"),
        ({"spans": 3, "quarantined": 3, "place": "p"}, "spans 0/3 delivered, 3 refused, in quarantine"),
        ({"spans": 3}, "3 spans, kept nowhere"),
    ],
)
def test_the_last_line_tells_what_became_of_the_spans(event: dict[str, Any], expected: str) -> None:
    given_event = {**event, "result": "success", "duration_seconds": 3.21, "trace_id": "abc"}
    assert sentence("telemetry.closed", given_event) == f"Session succeeded in 3.210 s, trace abc, {expected}"
    given_event["pipeline"] = "__default__"
    assert sentence("telemetry.closed", given_event) == f"Run succeeded in 3.210 s, trace abc, {expected}"


def test_a_session_without_spans_names_no_trace() -> None:
    assert sentence("telemetry.closed", {"spans": 0, "trace_id": "ab"}) == "Session closed, no spans"


def test_a_session_without_a_run_is_closed() -> None:
    assert sentence("telemetry.closed", {"spans": 2, "place": "x"}) == (
        "Session closed, 2 spans in x, see: pellucid runs show"
    )


@pytest.mark.parametrize(
    ("name", "event", "expected"),
    [
        ("dataset.loaded", {"dataset": "a", "duration_seconds": 0.5, "rows": 1200, "bytes": 3000},
         "loaded a in 0.500 s, 1,200 rows, 3,000 bytes"),
        ("dataset.failed", {"dataset": "a", "operation": "save", "error_type": "E"},
         "The dataset a cannot be saved: E"),
        ("pipeline.started", {"pipeline": "p", "nodes": 3, "runner": "R", "parameters": {"a": 1}},
         "Run of p started: 3 nodes, R, parameters {'a': 1}"),
        ("pipeline.failed", {"pipeline": "p", "result": "cancellation", "duration_seconds": 75},
         "Run of p was cancelled after 1 min 15 s"),
    ],
)  # fmt: skip
def test_sentences(name: str, event: dict[str, Any], expected: str) -> None:
    assert sentence(name, event) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.0123, "0.012 s"), (12.34, "12.3 s"), (123, "2 min 03 s"), (7260, "2 h 01 min"), (None, "?")],
)
def test_durations(seconds: float | None, expected: str) -> None:
    assert duration(seconds) == expected
