"""Which pattern a name matches, what its placeholders stand for, and how a configuration is filled."""

from __future__ import annotations

import pickle
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pellucid.exceptions import DatasetError
from pellucid.io import _patterns
from pellucid.io._patterns import Pattern, PatternTable, is_pattern

if TYPE_CHECKING:
    from random import Random

FIELDS = st.sampled_from(["{a}", "{b}", "{}"])
LITERALS = st.text(alphabet="xYz._#", min_size=0, max_size=3)
TEXTS = st.lists(st.one_of(FIELDS, LITERALS), min_size=1, max_size=6).map("".join).filter(is_pattern)
NAMES = st.text(alphabet="xXyYzZ._#ü", min_size=0, max_size=10)
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def reference_matches(text: str, name: str, known: tuple[tuple[str, str], ...] = ()) -> bool:
    """Try every way to divide a name among the parts of a pattern."""
    if not text:
        return not name
    if not text.startswith("{"):
        return bool(name) and name[0].lower() == text[0].lower() and reference_matches(text[1:], name[1:], known)
    field, rest = text[1 : text.index("}")], text[text.index("}") + 1 :]
    values = dict(known)
    for length in range(1, len(name) + 1):
        piece = name[:length]
        if field and field in values and values[field].lower() != piece.lower():
            continue
        if reference_matches(rest, name[length:], (*known, (field, piece)) if field else known):
            return True
    return False


@UNHURRIED
@given(TEXTS, NAMES)
@example("{a}{a}", "xX")
def test_a_match_agrees_with_trying_every_division(text: str, name: str) -> None:
    assert (Pattern(text).match(name) is not None) == reference_matches(text, name)


@UNHURRIED
@given(TEXTS, NAMES)
def test_what_placeholders_stand_for_gives_the_name_again(text: str, name: str) -> None:
    values = Pattern(text).match(name)
    if values is not None and "{}" not in text:
        again = re.sub(r"\{(\w+)\}", lambda found: values[found[1]], text)
        assert again.lower() == name.lower()


@UNHURRIED
@given(st.lists(TEXTS, unique=True, max_size=8), st.randoms())
def test_the_order_of_patterns_is_total_and_does_not_depend_on_the_order_they_are_given_in(
    texts: list[str], random: Random
) -> None:
    shuffled = list(texts)
    random.shuffle(shuffled)
    ordered = [pattern.text for pattern in PatternTable(dict.fromkeys(texts))]
    assert ordered == [pattern.text for pattern in PatternTable(dict.fromkeys(shuffled))]
    keys = [
        (-len(re.sub(r"\{.*?\}", "", text)), -text.count("{"), text)  # as the rule is stated
        for text in ordered
    ]
    assert keys == sorted(keys)


@UNHURRIED
@given(st.lists(TEXTS, unique=True, max_size=8), NAMES)
def test_a_table_finds_the_first_of_its_patterns_that_matches(texts: list[str], name: str) -> None:
    table = PatternTable(dict.fromkeys(texts))
    expected = next((pattern.text for pattern in table if reference_matches(pattern.text, name)), None)
    for _ in range(2):  # the second answer is remembered
        found = table.find(name)
        assert (found.text if found else None) == expected
    assert len(table) == len(texts)


def test_specificity_is_literals_then_placeholders_then_the_alphabet() -> None:
    texts = ["{c}_", "_{c}", "{a}_{b}", "{a}{b}_", "aa{x}", "B_{x}", "{any}"]
    assert [each.text for each in PatternTable(dict.fromkeys(texts))] == [
        "B_{x}",
        "aa{x}",
        "{a}_{b}",
        "{a}{b}_",
        "_{c}",
        "{c}_",
        "{any}",
    ]


def test_placeholders_take_as_little_as_they_can() -> None:
    assert Pattern("{a}.{b}").match("one.two.three") == {"a": "one", "b": "two.three"}


def test_a_placeholder_may_hold_a_line_break_and_never_nothing() -> None:
    assert Pattern("x{a}").match("x\ny") == {"a": "\ny"}
    assert Pattern("x{a}").match("x") is None


@pytest.mark.parametrize(
    ("text", "name"),
    [("raw_{a}", "RAW_x"), ("ÜBER_{a}", "über_x"), ("\u017f_{a}", "s_x"), ("s_{a}", "\u017f_x"), ("{a}#CSV", "x#csv")],
)
def test_letters_match_in_either_case(text: str, name: str) -> None:
    assert Pattern(text).match(name) == {"a": "x"}


def test_a_placeholder_that_occurs_twice_stands_for_one_text() -> None:
    assert Pattern("{a}_{a}").match("q_q") == {"a": "q"}
    assert Pattern("{a}_{a}").match("q_r") is None


def test_a_pattern_of_placeholders_alone_is_a_catch_all() -> None:
    assert Pattern("{a}{b}").is_catch_all
    assert not Pattern("{a}_").is_catch_all
    assert repr(Pattern("{a}_")) == "Pattern('{a}_')"


@pytest.mark.parametrize("text", ["a{", "{a}}", "{{a}}", "a}{b}"])
def test_a_brace_without_its_counterpart_is_refused(text: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(f"The pattern '{text}' has a brace without its counterpart.")):
        Pattern(text)


@pytest.mark.parametrize("name", ["a-b", "a.b", "1", "a:d", " a"])
def test_a_placeholder_needs_an_identifier(name: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(f"has a placeholder '{name}': use letters")):
        Pattern(f"x{{{name}}}")


def test_every_text_of_a_configuration_is_filled_keys_and_lists_included() -> None:
    config = {"type": "T", "{a}": ["{b}/{a}", {"deep": ("{b}", 1)}, None], 5: True, "q": r"\d{2}", "j": '{"k": 1}'}
    assert Pattern("{a}_{b}").fill(config, "x_y") == {
        "type": "T",
        "x": ["y/x", {"deep": ("y", 1)}, None],
        5: True,
        "q": r"\d{2}",
        "j": '{"k": 1}',
    }


def test_filling_for_a_name_that_does_not_match_is_refused() -> None:
    with pytest.raises(DatasetError, match=re.escape("The pattern '{a}_' does not match 'x'.")):
        Pattern("{a}_").fill({}, "x")


def test_unknown_placeholders_of_a_configuration_are_named_with_those_that_there_are() -> None:
    with pytest.raises(DatasetError) as caught:
        Pattern("{a}_{b}").check_references({"f": ["{c}", {"{d}": "{a}"}, 3]})
    assert str(caught.value) == (
        "The configuration of the pattern '{a}_{b}' uses '{c}', '{d}', which the pattern does not have. "
        "Its placeholders: '{a}', '{b}'."
    )


def test_unknown_placeholders_where_none_has_a_name() -> None:
    with pytest.raises(DatasetError, match="Its placeholders: none with a name"):
        Pattern("x{}").check_references("{a}")


def test_what_a_table_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_patterns, "_REMEMBERED", 3)
    table = PatternTable({"x{a}": {}})
    for number in range(20):
        assert (table.find(f"x{number}") is None) is False
        assert len(table._found) <= 3


def test_a_table_travels_without_what_it_remembers() -> None:
    table = PatternTable({"x{a}": {"k": 1}})
    found = table.find("xy")
    again = pickle.loads(pickle.dumps(table))
    assert again._found == {}
    assert again.find("xy").text == "x{a}"
    assert found is not None
    assert again.config_of(found) == {"k": 1}
