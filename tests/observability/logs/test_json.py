"""One event is one line of JSON, whatever is in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.observability.logs import json_line
from pellucid.observability.logs._json import LONGEST_LINE

TEXTS = st.text(st.characters(exclude_categories=()), max_size=30)
KEYS = st.one_of(TEXTS, st.integers(), st.floats(), st.booleans(), st.none(), st.tuples(st.integers()), st.binary())
VALUES: Any = st.recursive(
    st.one_of(TEXTS, st.integers(), st.floats(), st.booleans(), st.none(), st.binary(), st.builds(object)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=20,
)


class Hostile:
    """Refuses to be shown."""

    def __repr__(self) -> str:
        raise AssertionError("nobody may call this")

    __str__ = __repr__


class HostileText(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise AssertionError("nobody may call this")

    __repr__ = __str__


@settings(deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_any_event_is_one_line_of_json(event: dict[Any, Any]) -> None:
    line = json_line(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert all(32 <= byte < 127 for byte in line[:-1])
    assert isinstance(json.loads(line, parse_constant=pytest.fail), dict)


@settings(deadline=None)
@given(st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(-(2**60), 2**60), st.booleans(), st.none()), max_size=6))
def test_plain_values_come_back_as_they_were(event: dict[str, Any]) -> None:
    assert json.loads(json_line(event)) == event


def test_what_is_no_json_stands_as_its_class_without_being_asked() -> None:
    event = {"a": Hostile(), "b": [Hostile()], "c": HostileText("text"), "d": float("nan"), "e": {1: 10**5000}}
    shown = json.loads(json_line(event))
    assert shown == {"a": "<Hostile>", "b": ["<Hostile>"], "c": "text", "d": "nan", "e": {"1": "<int of 16610 bits>"}}


def test_a_structure_that_contains_itself_ends() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "<list>" in json_line({"a": endless}).decode()


def test_a_line_that_is_too_long_is_cut_and_says_so() -> None:
    event = {"event": "x" * 10_000, **{f"field{number}": "y" * 2000 for number in range(100)}, "last": 1}
    line = json_line(event)
    cut = json.loads(line)
    assert len(line) <= LONGEST_LINE
    assert cut["is_cut"] is True
    assert cut["event"].startswith("xxx")
    assert cut["event"].endswith("x…")
    assert cut["last"] == 1
    assert "field90" not in cut
