"""What is recorded has no secrets in it, and is bounded, whatever it is made of."""

from __future__ import annotations

import base64
import json
import math
import pickle
import string
from collections import OrderedDict, deque, namedtuple
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.exceptions import RunTerminated
from pellucid.observability.options import RedactionOptions
from pellucid.observability.redaction import HIDDEN_MARK, Redactor, secrets_in

HIDDEN = "<redacted>"
SECRET = "hunter2/Pa$s wörd"


def redactor(*secrets: str, **options: Any) -> Redactor:
    return Redactor(RedactionOptions(**options), secrets)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("load companies", "load companies"),
        ("params:alpha = 5", "params:alpha = 5"),
        ("postgres://me:p'a<s@host:5/db?x=1", f"postgres://{HIDDEN}@host:5/db?{HIDDEN}"),
        ("http://host:4318/v1/@scope/x", "http://host:4318/v1/@scope/x"),
        ("postgres://me:pa/ss@host/db", f"postgres://{HIDDEN}@host/db"),
        ("Authorization: Basic bWU6eW91", f"Authorization: {HIDDEN}"),
        ("got Bearer abc.def-123456", f"got Bearer {HIDDEN}"),
        ("connect(password='abc', host='h')", f"connect(password='{HIDDEN}', host='h')"),
        ('{"api_key": "a\\"bc", "x": 1}', f'{{"api_key": "{HIDDEN}", "x": 1}}'),
        ("password=abc) and more", f"password={HIDDEN}) and more"),
        ('token = "unfinished', f'token = "{HIDDEN}'),
        ("AKIAIOSFODNN7EXAMPLE", HIDDEN),
        ("x eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2ln y", f"x {HIDDEN} y"),
        ("ghp_" + "a1" * 18, HIDDEN),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- x", f"{HIDDEN} x"),
        ("-----BEGIN PRIVATE KEY-----\nabc", HIDDEN),
        ("a\nb\tc\r\x1b[31m\x85\u2028\u202e\ud800\U000e0041", r"a\nb\tc\r\x1b[31m\x85\u2028\u202e\ud800\U000e0041"),
        ("Grüße, 世界", "Grüße, 世界"),
        ("tokenizer: bert", "tokenizer: bert"),
    ],
)
def test_secrets_are_known_by_their_form_and_control_characters_are_made_visible(text: str, shown: str) -> None:
    made = redactor()
    assert made.text(text) == shown
    assert made.text(shown) == shown


@pytest.mark.parametrize("before", ["", "a", "ab", "abc:"])
def test_values_of_credentials_are_found_in_every_form(before: str) -> None:
    made = redactor(SECRET)
    for form in (SECRET, repr(SECRET), json.dumps(SECRET), quote(SECRET, safe=""), quote(SECRET)):
        assert SECRET not in made.text(f"x {form} y")
        assert "hunter2" not in made.text(f"x {form} y")
    coded = base64.b64encode(f"{before}{SECRET}:more".encode()).decode()
    assert coded not in made.text(coded)
    assert HIDDEN in made.text(coded)


def test_each_line_of_a_secret_is_hidden() -> None:
    made = redactor("first-line-of-it\nsecond-line-of-it")
    assert made.text("in second-line-of-it here") == f"in {HIDDEN} here"


def test_secrets_may_be_added_and_harmless_words_are_none() -> None:
    made = redactor("true", "ab")
    assert made.text("true later") == "true later"
    made.add_secrets(["later"])
    assert made.text("true later") == f"true {HIDDEN}"
    assert pickle.loads(pickle.dumps(made)).text("later") == HIDDEN
    made.add_secrets(["later"])
    assert made.text("later") == HIDDEN


def test_secrets_of_a_credentials_configuration_are_its_texts() -> None:
    assert secrets_in({"db": {"user": "me-too", "anon": "true", "pin": 12345, "port": 5432}, "l": ["abc"]}) == {
        "me-too",
        "12345",
        "abc",
    }

    class Broken(dict[str, Any]):
        def values(self) -> Any:
            raise RuntimeError

    assert secrets_in(Broken(a=1)) == set()


def test_a_secret_is_not_left_in_part_by_the_cut() -> None:
    made = redactor("s3cr3t-value", value_length=64)
    for offset in range(40, 70):
        shown = made.text("x" * offset + "s3cr3t-value" + "y" * 5000)
        assert "s3c" not in shown
        assert len(shown) <= 64
        assert made.text(shown) == shown
    assert "sesame" not in redactor(value_length=64).text("x" * 40 + "http://me:sesame" + "y" * 5000)


class Secretive:
    def get_secret_value(self) -> str:
        return "x"


class Marked(str):
    __slots__ = ()


setattr(Marked, HIDDEN_MARK, True)
Pair = namedtuple("Pair", "a b")  # noqa: PYI024 - the plain form is what is tested


class Meta(type):
    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError(name)


class Unnamed(metaclass=Meta):
    pass


class Hostile(dict[str, Any]):
    def _raise(self, *_: Any) -> Any:
        raise SystemExit

    __len__ = __iter__ = items = __repr__ = __str__ = __getattr__ = __getattribute__ = __eq__ = _raise
    __hash__ = None
    __class__ = property(_raise)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (5, 5),
        (2.5, 2.5),
        (math.inf, "inf"),
        (math.nan, "nan"),
        (2**64, str(2**64)),
        ([1 << 20_000], ["<int of 20001 bits>"]),
        (np.float64(1.5), 1.5),
        (np.int64(7), 7),
        (np.zeros(3), "<numpy.ndarray>"),
        (PurePosixPath("/a"), "/a"),
        (Path("/a"), "/a"),
        (datetime(2026, 1, 2, tzinfo=timezone.utc), "2026-01-02 00:00:00+00:00"),
        (b"secret", "<bytes>"),
        (Secretive(), HIDDEN),
        (Marked("x"), HIDDEN),
        (object(), "<object>"),
        (Pair(1, "b"), [1, "b"]),
        ((1, [2]), [1, [2]]),
        ({3}, [3]),
        (deque([1]), [1]),
        (OrderedDict(a=1), {"a": 1}),
        (MappingProxyType({"password": "abc"}), {"password": HIDDEN}),
        ({"max_tokens": 5, "token": 5, "tokens": ["a"], "pin": 1234, "secret": None, "api_key": False},
         {"max_tokens": 5, "token": HIDDEN, "tokens": HIDDEN, "pin": HIDDEN, "secret": None, "api_key": False}),
        ({1: "a", None: "b", ("x",): "c"}, {"1": "a", "null": "b", "…": "c"}),
        ({"u": "http://a:b@c"}, {"u": f"http://{HIDDEN}@c"}),
    ],
)  # fmt: skip
def test_values_are_plain_data_and_anything_else_its_type(value: Any, shown: Any) -> None:
    made = redactor().value("x", value)
    assert made == shown
    json.dumps(made, allow_nan=False)


def test_code_of_hostile_objects_is_not_run() -> None:
    shown = redactor().value("x", [Hostile(password="abc", n=1), Unnamed()])
    assert shown[0] == {"password": HIDDEN, "n": 1}
    assert shown[1].endswith("Unnamed>")


def test_configured_keys_hide_values_and_a_broken_pattern_hides_nothing() -> None:
    made = redactor(keys=("^customer", "("))
    assert made.value("CustomerName", "x") == HIDDEN
    assert made.value("name", "x") == "x"


def test_a_number_that_is_a_secret_is_hidden() -> None:
    assert redactor("123456").value("x", [123456, 7]) == [HIDDEN, 7]


def test_values_are_bounded_in_depth_items_and_size() -> None:
    made = redactor(items=10, value_length=100)
    nested: Any = "end"
    for _ in range(50):
        nested = [nested]
    assert json.dumps(made.value("x", nested)).count("[") == 8
    assert made.value("x", list(range(100)))[-1] == "… 91 more"
    assert made.value("x", dict.fromkeys(map(str, range(100)), 1))["…"] == "91 more"
    assert len(json.dumps(made.value("x", [["y" * 10_000] * 10] * 10))) < 1500
    huge = "x" * 50_000_000
    assert len(json.dumps(made.value(huge, {huge: huge}))) < 1000
    assert len(made.text(huge)) == 100
    for _ in range(3000):
        assert made.text(f"name {_}") == f"name {_}"
        assert not made.is_secret_key(f"name {_}")


def test_attributes_are_primitives_lists_of_one_kind_or_json() -> None:
    made = redactor(value_length=40)
    assert made.attribute("a", "x") == "x"
    assert made.attribute("password", "x") == HIDDEN
    assert made.attribute("a", 1.5) == 1.5
    assert made.attribute("a", ("x", "y")) == ["x", "y"]
    assert made.attribute("a", [1, "y"]) == '[1,"y"]'
    assert made.attribute("a", {"é": None}) == '{"é":null}'
    assert made.attribute("a", None) == "null"
    text = made.attribute("a", {"k": "v" * 100})
    assert isinstance(text, str)
    assert len(text) == 40


def fail(password: str) -> None:
    raise ValueError(f"no {SECRET} at http://me:{password}@host\nFake line")


def test_exceptions_have_type_message_and_traceback_without_secrets() -> None:
    try:
        try:
            fail(password="planted-one")
        except ValueError as error:
            vars(error)["__notes__"] = [f"note {SECRET}", 5]  # what add_note does, on every Python
            raise KeyError("outer") from error
    except KeyError as error:
        kind, message, traceback = redactor(SECRET).exception(error)
    assert (kind, message) == ("KeyError", "'outer'")
    assert f"ValueError: no {HIDDEN} at http://{HIDDEN}@host\nFake line" in traceback
    assert f"note {HIDDEN}" in traceback
    assert "direct cause" in traceback
    assert f'fail(password="{HIDDEN}")' in traceback
    assert SECRET not in traceback
    assert "planted-one" not in traceback


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise SystemExit

    __notes__ = property(lambda self: 1 / 0)


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError


class Saying(Exception):
    def __str__(self) -> str:
        return Text("said")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError(), ""),
        (ValueError(5), "5"),
        (ValueError("a", object()), "('a', <object>)"),
        (ValueError(object()), "<object>"),
        (ValueError(Path("/x")), "/x"),
        (ValueError(ValueError("inner")), "inner"),
        (Unspeakable(), "<its text raises SystemExit>"),
        (Saying(), "said"),
        (ValueError("x" * 5_000_000), None),
    ],
)
def test_messages_are_told_without_the_text_of_foreign_objects(error: BaseException, message: str | None) -> None:
    said = redactor().exception(error)
    assert said[1] == message or (message is None and len(said[1]) == 4096)
    assert sum(map(len, said)) < 30_000


def recurse(depth: int) -> None:
    if depth:
        recurse(depth - 1)
    raise LookupError("x" * 4000)


def test_tracebacks_are_bounded_and_keep_their_end() -> None:
    with pytest.raises(LookupError) as caught:
        recurse(200)
    error: BaseException = caught.value
    text = redactor().exception(error)[2]
    assert "more frames" in text
    assert text.count("in recurse") < 40
    for _ in range(30):
        outer = RuntimeError("y" * 3000)
        outer.__context__ = error
        error = outer
    text = redactor().exception(error)[2]
    assert len(text) <= 4 * 4096
    assert "more characters" in text
    assert "During handling" in text
    error.__cause__ = error
    assert redactor().exception(error)[0] == "RuntimeError"


def test_errors_of_a_group_are_told() -> None:
    class Group(Exception):  # as ExceptionGroup, on every Python
        exceptions = tuple(ValueError(f"number {number}") for number in range(7))

    text = redactor().exception(Group("several"))[2]
    assert "ValueError: number 4" in text
    assert "… 2 more" in text


@pytest.mark.parametrize("error", [KeyboardInterrupt, RunTerminated])
def test_what_ends_a_run_passes(error: type[BaseException]) -> None:
    class Ending(Exception):
        def __str__(self) -> str:
            raise error(15)

    with pytest.raises(error):
        redactor().exception(Ending())


_WORDS = st.text(string.ascii_letters + string.digits + "_-!$%&/=?+ .äß'\"\\", min_size=6, max_size=30).filter(
    lambda word: len(word.strip()) >= 6 and len(set(word)) > 4 and "redact" not in word
)
_SURROUNDINGS = st.text(max_size=20)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(_WORDS, _SURROUNDINGS, _SURROUNDINGS)
def test_no_planted_secret_survives(secret: str, before: str, after: str) -> None:
    made = redactor(secret)
    planted = f"{before}{secret}{after}"
    wrapped = [planted, {"k": planted}, {planted: 1}, [(planted,)], {"k": {"l": repr(secret), "m": json.dumps(secret)}}]
    outputs = [made.text(planted), made.text(quote(secret)), *made.exception(ValueError(planted))]
    outputs += [json.dumps(made.value("k", each), ensure_ascii=False) for each in wrapped]
    outputs += [json.dumps(made.attribute("k", each), ensure_ascii=False) for each in wrapped]
    for output in outputs:
        assert secret not in output.replace(HIDDEN, "\0")


@given(st.text(), st.lists(_WORDS, max_size=3))
def test_texts_are_left_as_they_are_the_second_time(text: str, secrets: list[str]) -> None:
    made = redactor(*secrets, value_length=64)
    shown = made.text(text)
    assert made.text(shown) == shown
    assert len(shown) <= 64
    assert not any(letter in shown for letter in "\n\r\x1b\u2028\u2029\u202e")


@given(_VALUES)
def test_values_are_json_and_bounded(value: Any) -> None:
    made = redactor(value_length=64, items=5)
    shown = made.value("k", value)
    assert len(json.dumps(shown, allow_nan=False)) < 20_000
    assert made.value("k", shown) == shown
