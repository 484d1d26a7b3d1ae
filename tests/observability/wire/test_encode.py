"""What the encoder writes is what OpenTelemetry's own code reads."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.support.otlp import proto_attributes, proto_value, same

from pellucid.observability.wire import (
    AttributeEncoder,
    any_value,
    bytes_field,
    decode_any,
    decode_attributes,
    encode_resource,
    fields,
    fixed32_field,
    fixed64_field,
    key_value,
    key_values,
    text_field,
    varint,
    varint_field,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
SCALARS = (
    ANY_TEXT
    | st.booleans()
    | st.integers()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats()
    | st.binary(max_size=200)
    | st.none()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4), max_leaves=12
)


def expected(value: Any) -> Any:
    """Return what a reader is to find."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if type(value) is int and not -(1 << 63) <= value < 1 << 63:
        return str(value)
    if isinstance(value, list):
        return [expected(each) for each in value]
    if isinstance(value, dict):
        return {expected(key): expected(item) for key, item in value.items()}
    return value


@given(VALUES)
def test_any_value_is_read_alike_by_opentelemetry_and_by_us(value: Any) -> None:
    encoded = any_value(value)

    message = AnyValue()
    message.ParseFromString(encoded)
    assert same(proto_value(message), expected(value))
    assert same(decode_any(encoded), expected(value))
    assert any_value(value) == encoded


@given(st.dictionaries(ANY_TEXT, VALUES, max_size=6))
def test_attributes_are_read_alike_by_opentelemetry_and_by_us(attributes: dict[str, Any]) -> None:
    span = Span()
    span.ParseFromString(key_values(9, attributes))

    assert same(proto_attributes(span.attributes), expected(attributes))
    assert same(decode_attributes(encode_resource(attributes)), expected(attributes))


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=300) | st.integers(-5, 5) | st.floats(allow_nan=False)))
def test_the_bytes_are_those_that_opentelemetry_writes(attributes: dict[str, Any]) -> None:
    message = KeyValueList()
    for key, value in attributes.items():
        pair = message.values.add(key=key)
        name = {str: "string_value", int: "int_value", float: "double_value"}[type(value)]
        setattr(pair.value, name, value)
    ours = key_values(1, attributes)

    # An empty key is left out by theirs, and written by ours: both say the same.
    if "" not in attributes:
        assert ours == message.SerializeToString(deterministic=True)


@given(st.integers(0, (1 << 64) - 1))
def test_varint(number: int) -> None:
    message = Span()
    small = number & 0xFFFFFFFF
    message.ParseFromString(varint_field(10, small) + fixed64_field(7, number) + fixed32_field(16, number))

    assert message.dropped_attributes_count == small
    assert message.start_time_unix_nano == number
    assert message.flags == small
    assert sum((byte & 0x7F) << 7 * at for at, byte in enumerate(varint(number))) == number


def test_a_negative_varint_has_ten_bytes() -> None:
    assert varint(-1) == b"\xff" * 9 + b"\x01"


def test_numbers_of_a_field_may_need_two_bytes() -> None:
    assert bytes_field(16, b"ab") == b"\x82\x01\x02ab"
    assert text_field(16, "ab") == b"\x82\x01\x02ab"


class Shouting(str):
    """A text that misbehaves."""

    __slots__ = ()

    def encode(self, *args: Any, **kwargs: Any) -> bytes:
        raise RuntimeError

    def __str__(self) -> str:
        raise RuntimeError


class Odd(int):
    def __int__(self) -> int:
        raise RuntimeError

    def __repr__(self) -> str:
        raise RuntimeError


class Foreign:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (Shouting("ab"), "ab"),
        (Odd(7), 7),
        (Foreign(), "<Foreign>"),
        ({1: "a"}, {"<int>": "a"}),
        ((1, "a"), [1, "a"]),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        (1 << 10_000, "<int of 10001 bits>"),
        (-math.inf, -math.inf),
    ],
    ids=["str", "int", "object", "key", "tuple", "bytearray", "memoryview", "large", "inf"],
)
def test_what_is_not_plain(value: Any, seen: Any) -> None:
    assert same(decode_any(any_value(value)), seen)


def test_a_list_that_holds_itself_is_cut() -> None:
    endless: list[Any] = []
    endless.append(endless)
    depth, value = 0, decode_any(any_value(endless))
    while value:
        depth, value = depth + 1, value[0]

    assert depth == 16
    assert value is None


NAMES = st.text(st.characters(exclude_categories=()), max_size=20) | st.integers(100, 200).map("n".__mul__)


@given(st.sampled_from([6, 9, 16, 300]), NAMES, ANY_TEXT | st.integers(60, 200).map("é".__mul__))
def test_a_text_of_a_known_name_is_what_it_is_of_any(number: int, name: str, text: str) -> None:
    encoder = AttributeEncoder(number, name)
    for _ in range(2):
        assert encoder.text(text) == key_value(number, name, text)


@given(st.sampled_from([6, 9, 16, 300]), NAMES, st.integers(-(1 << 63), (1 << 63) - 1), st.floats())
def test_a_number_of_a_known_name_is_what_it_is_of_any(number: int, name: str, whole: int, real: float) -> None:
    encoder = AttributeEncoder(number, name)
    assert encoder.integer(whole) == key_value(number, name, whole)
    assert encoder.double(real) == key_value(number, name, real)


@given(st.integers(0, 70), st.integers(-3, 3))
def test_a_varint_ends_where_its_length_changes(bits: int, beside: int) -> None:
    number = max(0, (1 << bits) + beside) & (1 << 64) - 1
    (field,) = fields(b"\x08" + varint(number))
    assert field == (1, 0, number)
    assert len(varint(number)) == max(1, -(-number.bit_length() // 7))
