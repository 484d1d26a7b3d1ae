"""How values are shown in messages."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pellucid.io._redaction import redact_urls, show, show_arguments, show_error, without_values
from pellucid.io.core import Version


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "None"),
        (3, "3"),
        ("a'b", '"a\'b"'),
        (PurePosixPath("/a/b"), "'/a/b'"),
        ([1, "x"], "[1, 'x']"),
        ((1,), "(1)"),
        ({1}, "{1}"),
        ({"a": {"b": None}}, "{'a': {'b': None}}"),
        (OrderedDict(a=1), "{'a': 1}"),
        (Version(None, "v"), "Version(load=None, save='v')"),
        (int, "<class builtins.int>"),
        (b"secret", "<builtins.bytes>"),
        (len, "<builtins.builtin_function_or_method>"),
        ([[[[[1]]]]], "[[[[…]]]]"),
        (
            {"password": "x", "api_key": "y", "token": None},
            "{'password': <redacted>, 'api_key': <redacted>, 'token': None}",
        ),
        ({"accesskey": 1, "delimiter": 2}, "{'accesskey': <redacted>, 'delimiter': 2}"),
    ],
)
def test_plain_data_is_shown_as_typed_and_anything_else_by_its_type(value: Any, shown: str) -> None:
    assert show(value) == shown


def test_what_is_shown_is_bounded() -> None:
    assert len(show("x" * 10_000_000)) < 600
    assert show(list(range(10_000))).endswith("19, …]")
    assert show({number: number for number in range(10_000)}).endswith("19: 19, …}")
    assert show_arguments({f"a{number}": number for number in range(100)}).endswith("a19=19, …")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://me:secret@host/x?sig=abc&y=1", "s3://<redacted>@host/x?<redacted>"),
        ("see http://token@host/ and ftp://a:b@c", "see http://<redacted>@host/ and ftp://<redacted>@c"),
        ("abfss://container@account.net/path", "abfss://container@account.net/path"),
        ("abfss://user:secret@account.net/path", "abfss://<redacted>@account.net/path"),
        ("s3://bucket/me@home.csv", "s3://bucket/me@home.csv"),
        ("plain text", "plain text"),
    ],
)
def test_urls_lose_their_credentials(url: str, shown: str) -> None:
    assert redact_urls(url) == shown
    assert show(PurePosixPath("x")) == "'x'"


def test_values_of_credentials_are_taken_out_of_a_text() -> None:
    secrets = {"key": "abcdef", "nested": [{"token": "abcdefgh"}, ("tuple1",)], "short": "a", "port": 5432}
    text = without_values("bad abcdefgh and abcdef and tuple1 at 5432", secrets)
    assert text == "bad <redacted> and <redacted> and <redacted> at 5432"
    assert without_values("nothing", None) == "nothing"


_NESTED = st.recursive(
    st.none() | st.integers() | st.text() | st.binary(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=30,
)


@given(_NESTED, st.text(alphabet="qwxyz", min_size=12))
def test_the_value_of_a_secret_key_is_never_shown(value: Any, secret: str) -> None:
    assume(secret not in repr(value))
    shown = show_arguments({"options": {"inner": value, "password": secret}, "credentials": {"x": secret}})
    assert secret not in shown


def test_an_error_is_shown_by_its_message() -> None:
    assert show_error(ValueError("text")) == "text"
    assert show_error(KeyError("k")) == "KeyError: 'k'"
    assert show_error(ValueError()) == "ValueError"
