"""Frozen data classes with shared methods are as those of ``dataclasses``."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from typing import Any

import pytest

from pellucid._util import values as module
from pellucid._util.values import values


@values(frozen=True)
class Inner:
    """An inner one."""

    number: int = 1


@values(frozen=True)
class Shared:
    """One of ours."""

    name: str
    hidden: str = field(default="secret", repr=False)
    inner: Inner = field(default_factory=Inner)
    items: tuple[int, ...] = ()

    @cached_property
    def length(self) -> int:
        return len(self.name)


@dataclass(frozen=True)
class Usual:
    """One of the standard library's."""

    name: str
    hidden: str = field(default="secret", repr=False)
    inner: Inner = field(default_factory=Inner)
    items: tuple[int, ...] = ()


@values(frozen=True, eq=False)
class Single:
    """Is equal to itself alone."""

    name: str = ""


ARGUMENTS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("a",), {}),
    ((), {"name": "a"}),
    (("a", "b", Inner(2), (1, 2)), {}),
    (("a",), {"items": (3,), "inner": Inner(3)}),
]


@pytest.mark.parametrize(("args", "named"), ARGUMENTS)
def test_an_object_has_the_values_it_is_given_and_the_defaults(args: tuple[Any, ...], named: dict[str, Any]) -> None:
    ours, usual = Shared(*args, **named), Usual(*args, **named)
    assert asdict(ours) == asdict(usual)
    assert repr(ours) == repr(usual).replace("Usual", "Shared")
    assert [(each.name, each.default) for each in fields(ours)] == [(each.name, each.default) for each in fields(usual)]
    assert list(vars(copy.copy(ours))) == list(vars(ours))


@pytest.mark.parametrize(
    ("args", "named"),
    [((), {}), (("a", "b", Inner(), (), 5), {}), (("a",), {"name": "b"}), (("a",), {"other": 1}), ((), {"items": ()})],
)
def test_values_that_do_not_fit_are_refused(args: tuple[Any, ...], named: dict[str, Any]) -> None:
    for kind in (Shared, Usual):
        with pytest.raises(TypeError):
            kind(*args, **named)


def test_objects_are_equal_by_their_values() -> None:
    assert Shared("a") == Shared("a")
    assert hash(Shared("a")) == hash(Shared("a"))
    assert Shared("a") != Shared("a", "b")
    usual: Any = Usual("a")
    assert Shared("a") != usual
    assert len({Shared("a"), Shared("a"), Shared("b")}) == 2
    assert Shared("a").length == 1  # what is remembered makes no difference
    first = Shared("a")
    assert (first.length, first) == (1, Shared("a"))


def test_without_equality_an_object_is_equal_to_itself_alone() -> None:
    one = other = Single("a")
    assert one == other
    assert one != Single("a")
    assert len({one, Single("a")}) == 2


def test_nothing_can_be_changed() -> None:
    one = Shared("a")
    for name in ("name", "new"):
        with pytest.raises(FrozenInstanceError):
            setattr(one, name, "b")
        with pytest.raises(FrozenInstanceError):
            delattr(one, name)
    assert one == Shared("a")


def test_the_standard_library_knows_them() -> None:
    assert is_dataclass(Shared)
    assert replace(Shared("a"), name="b", items=(1,)) == Shared("b", items=(1,))
    assert asdict(Shared("a"))["inner"] == {"number": 1}
    assert pickle.loads(pickle.dumps(Shared("a", items=(1,)))) == Shared("a", items=(1,))
    assert copy.deepcopy(Shared("a")) == Shared("a")
    match Shared("a", "b"):
        case Shared(name, hidden):
            assert (name, hidden) == ("a", "b")


def test_defaults_that_are_made_are_not_shared() -> None:
    @values(frozen=True)
    class Holder:
        """Holds something."""

        held: dict[str, int] = field(default_factory=dict)

    assert Holder().held is not Holder().held


def test_an_object_that_holds_itself_can_be_shown() -> None:
    held: Any = []
    held.append(Shared("a", items=held))
    assert "..." in repr(held[0])


def test_no_method_is_made_for_a_class() -> None:
    methods = ("__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__")
    assert {vars(Shared)[each].__module__ for each in methods} == {module.__name__}
    assert all(vars(Shared)[each] is vars(Inner)[each] for each in methods)
