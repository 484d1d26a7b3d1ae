from __future__ import annotations

import json
import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pellucid.config._parsing import _loader_class, parse
from pellucid.exceptions import BadConfigException, ConfigSyntaxError

# What Kedro 1.7.0 with OmegaConf 2.4.0 makes of these.
SCALARS: list[tuple[str, Any]] = [
    ("1e-3", 0.001), ("1.e5", 1e5), ("1_000", 1000), (".inf", math.inf), ("-.inf", -math.inf), ("0o17", "0o17"),
    ("017", 15), ("0x1F", 31), ("12:30:45", 45045), ("2020-01-01", "2020-01-01"), ("yes", True), ("on", True),
    ("null", None), ("~", None), ("'1e-3'", "1e-3"), ("1E5", 1e5), ("+12", 12), ("190:20:30.15", 685230.15),
    ("1e3", 1000.0), (".5", 0.5), ("2020-01-01 10:00:00", "2020-01-01 10:00:00"), ("no", False), ("0b101", 5),
    ("1__0", 10), ("nan", "nan"), ("inf", "inf"), ("1e+5", 1e5), ("1_0.5_0", 10.5), ("08", "08"), ("1.", 1.0),
    ("-1e-3", -0.001), ("Yes", True), ("y", "y"), (".e3", ".e3"), ("_1", "_1"), ("1_", 1), ("1e5_0", "1e5_0"),
    ("!!binary aGVsbG8=", b"hello"), ("!!omap [x: 1]", [("x", 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_scalars_are_what_omegaconf_makes_of_them(text: str, value: Any) -> None:
    loaded = parse(f"a: {text}\n".encode(), "p.yml")["a"]
    assert loaded == value
    assert type(loaded) is type(value)


def test_not_a_number_is_a_float() -> None:
    assert math.isnan(parse(b"a: .NaN", "p.yml")["a"])


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"null\n", b"---\n", b"\xef\xbb\xbf", b"\n  \n"])
@pytest.mark.parametrize("name", ["p.yml", "p.json"])
def test_an_empty_file_is_an_empty_mapping(content: bytes, name: str) -> None:
    assert parse(content, name) == {}


def test_a_byte_order_mark_is_left_out() -> None:
    assert parse(b"\xef\xbb\xbfa: 1", "p.yml") == {"a": 1}


def test_keys_keep_their_types() -> None:
    assert parse(b"1: a\n2.5: b\n2020-01-01: c\nnull: d\n=: e\n", "p.yml") == {
        1: "a", 2.5: "b", "2020-01-01": "c", None: "d", "=": "e",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' stands twice in one mapping"),
        ("a:\n  b: 2\n  b: 3\n", 3, "the key 'b' stands twice in one mapping"),
        ("a: [1\nb: 2\n", 2, "while parsing a flow sequence"),
        ("a: 1\n---\nb: 2\n", 2, "expected a single document"),
        ("a:\n\tb: 1\n", 2, "a tab cannot indent"),
        ("x: 1\na: {n: ${x}}\n", 2, "needs quotes"),
        ("a: !foo bar\n", 1, "could not determine a constructor for the tag '!foo'"),
        ("a: !!python/object/apply:os.getcwd []\n", 1, "could not determine a constructor"),
        ("? [a, b]\n: c\n", 1, "a key is a list or a mapping"),
        ("a: &a {x: *a}\n", 1, "an alias stands inside of what it repeats"),
        ("a: {<<: 3}\n", 1, "'<<' takes a mapping"),
        ("a: !!map [1]\n", 1, "a tag does not fit its value"),
        ("a: *nowhere\n", 1, "undefined alias"),
        ("a: \x01\n", None, "control characters"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(text: str, line: int | None, problem: str) -> None:
    with pytest.raises(ConfigSyntaxError, match=problem.replace("(", r"\(")) as caught:
        parse(text.encode(), "conf/base/p.yml")
    assert caught.value.line == line or line is None
    assert str(caught.value).startswith("conf/base/p.yml")


def test_a_value_that_its_tag_does_not_allow_is_a_mistake() -> None:
    with pytest.raises(ConfigSyntaxError, match=r"p\.yml"):
        parse(b"a: !!int hello", "p.yml")


def test_a_mapping_nested_too_deeply_is_a_mistake() -> None:
    with pytest.raises(ConfigSyntaxError, match="nested too deeply"):
        parse(b"a: " + b"[" * 5000 + b"]" * 5000, "p.yml")


def test_aliases_cannot_stand_for_billions_of_values() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(ConfigSyntaxError, match="aliases repeat far more values"):
        parse("\n".join(lines).encode(), "p.yml")


def test_what_an_alias_repeats_is_a_copy() -> None:
    data = parse(b"a: &a {x: [1]}\nb: *a\n", "p.yml")
    assert data["a"] == data["b"]
    assert data["a"]["x"] is not data["b"]["x"]


def test_merge_keys_yield_to_explicit_ones_and_the_first_of_a_list_wins() -> None:
    data = parse(b"_a: &a {x: 1}\n_b: &b {x: 2, y: 3}\nc: {<<: [*a, *b], z: 4}\nd: {<<: *a, x: 9}\n", "p.yml")
    assert data["c"] == {"x": 1, "y": 3, "z": 4}
    assert data["d"] == {"x": 9}


@pytest.mark.parametrize(
    ("text", "kind"), [("- 1\n", "a list"), ("hello\n", "a single value"), ("1", "a single value")]
)
@pytest.mark.parametrize("name", ["p.yml", "p.json"])
def test_a_file_that_is_no_mapping_is_refused(text: str, kind: str, name: str) -> None:
    with pytest.raises(BadConfigException, match=f"{name} holds {kind}"):
        parse(text.encode(), name)


def test_a_file_that_is_not_utf_8_is_named_with_the_line() -> None:
    with pytest.raises(BadConfigException, match=r"p\.yml is not UTF-8 text \(byte 0xe9 in line 2\)"):
        parse(b"b: 1\na: caf\xe9\n", "p.yml")


def test_json_may_have_tabs_comments_and_trailing_commas() -> None:
    assert parse(b'{\n\t"a": 1e-3,\n\t"b": [1, null]}', "p.json") == {"a": 0.001, "b": [1, None]}
    assert parse(b'{"a": 1, # first\n "b": 2,}', "p.json") == {"a": 1, "b": 2}


def test_mistakes_of_json_are_told_in_terms_of_json() -> None:
    with pytest.raises(ConfigSyntaxError, match=r"p\.json:1:9: Expecting property name"):
        parse(b'{"a": 1,', "p.json")
    with pytest.raises(ConfigSyntaxError, match=r"p\.json:2:1: the key 'a' stands twice"):
        parse(b'{"a": 1,\n"a": 2}', "p.json")


def test_a_file_of_ten_thousand_entries_is_read() -> None:
    text = "".join(f"ds_{i}: {{type: pandas.CSVDataset, filepath: data/{i}.csv, index: {i}}}\n" for i in range(10_000))
    assert parse(text.encode(), "catalog.yml")["ds_9999"]["index"] == 9999


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("abcdef xyz-_/.", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abcdef", min_size=1), VALUES, max_size=5))
def test_what_is_written_as_yaml_or_json_is_read_back(data: dict[str, Any]) -> None:
    assert parse(yaml.safe_dump(data).encode(), "p.yml") == data
    assert parse(json.dumps(data).encode(), "p.json") == data


@pytest.mark.parametrize(
    "text", ["a: [1e-3, 2020-01-01, ~]\nb: {<<: {c: 1}}\n", "a: 1\na: 2\n", "a: \x01", "a: ]", "\tb"]
)
def test_without_the_c_library_files_are_read_alike(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome() -> tuple[Any, ...]:
        try:
            return (parse(text.encode(), "p.yml"),)
        except ConfigSyntaxError as error:
            return type(error), error.line

    fast = outcome()
    with monkeypatch.context() as without:
        without.delattr(yaml, "CSafeLoader")
        _loader_class.cache_clear()
        assert outcome() == fast
    _loader_class.cache_clear()
