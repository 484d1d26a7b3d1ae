"""Rows are named tuples as those of ``typing``."""

from __future__ import annotations

import copy
import pickle
import sys
from typing import Any, NamedTuple

import pytest

from pellucid._util.rows import Row


class Ours(Row):
    """One of ours."""

    name: str
    number: int = 1
    rest: tuple[str, ...] = ()

    @property
    def twice(self) -> int:
        """Of the number."""
        return 2 * self.number

    @classmethod
    def of(cls, text: str) -> Ours:
        """Return one with a name."""
        return cls(text)


class Usual(NamedTuple):
    """One of the standard library's."""

    name: str
    number: int = 1
    rest: tuple[str, ...] = ()


ARGUMENTS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("a",), {}),
    (("a", 2), {}),
    (("a", 2, ("b",)), {}),
    ((), {"name": "a"}),
    (("a",), {"rest": ("c",)}),
]


@pytest.mark.parametrize(("args", "named"), ARGUMENTS)
def test_a_row_is_the_tuple_of_its_values(args: tuple[Any, ...], named: dict[str, Any]) -> None:
    ours = Ours(*args, **named)
    usual: Any = Usual(*args, **named)
    assert ours == usual
    assert (ours.name, ours.number, ours.rest) == tuple(ours) == tuple(usual)
    assert hash(ours) == hash(usual)
    assert repr(ours) == repr(usual).replace("Usual", "Ours")
    assert ours._asdict() == usual._asdict()
    assert ours._replace(number=7) == usual._replace(number=7)


@pytest.mark.parametrize(
    ("args", "named"),
    [((), {}), (("a", 1, (), 4), {}), (("a",), {"name": "b"}), (("a",), {"other": 1}), ((), {"number": 1})],
)
def test_values_that_do_not_fit_are_refused(args: tuple[Any, ...], named: dict[str, Any]) -> None:
    for kind in (Ours, Usual):
        with pytest.raises(TypeError):
            kind(*args, **named)


def test_a_row_can_be_taken_apart_and_compared() -> None:
    name, number, rest = Ours("a", 2)
    assert (name, number, rest) == ("a", 2, ())
    assert Ours("a", 2) < Ours("b", 1)
    assert Ours._fields == Usual._fields
    assert Ours._field_defaults == Usual._field_defaults
    assert Ours._make(["a", 1, ()]) == Ours("a")
    match Ours("a", 5):
        case Ours(first, second):
            assert (first, second) == ("a", 5)


def test_methods_of_a_row_are_its_own() -> None:
    assert (Ours("a", 4).twice, Ours.of("b")) == (8, Ours("b"))


def test_a_row_has_nothing_but_its_values() -> None:
    assert not hasattr(Ours("a"), "__dict__")
    row: Any = Ours("a")
    with pytest.raises(AttributeError):
        row.name = "b"


def test_a_row_travels() -> None:
    row = Ours("a", 2, ("b",))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        found = pickle.loads(pickle.dumps(row, protocol))
        assert (found, type(found)) == (row, Ours)
    assert copy.deepcopy(row) == copy.copy(row) == row
    if sys.version_info >= (3, 13):
        assert copy.replace(row, number=9) == row._replace(number=9)


def test_a_class_costs_no_code() -> None:
    assert Ours.__new__ is Row.__new__
