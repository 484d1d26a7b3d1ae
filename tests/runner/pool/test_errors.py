from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.pool import TwoArguments

from pellucid.exceptions import DatasetError, NodeExitError, RemoteError
from pellucid.runner._pool._errors import LIMIT_BYTES, RemoteTraceback, pack_error, unpack_error

if TYPE_CHECKING:
    from typing_extensions import Self


def there_and_back(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return unpack_error(pack_error(caught))


@given(st.sampled_from([ValueError, KeyError, OSError, SystemExit, DatasetError]), st.text())
def test_what_pickles_arrives_equal(kind: type[BaseException], message: str) -> None:
    found = there_and_back(kind(message))
    assert type(found) is kind
    assert found.args == (message,)
    assert isinstance(found.__cause__, RemoteTraceback)
    assert kind.__name__ in str(found.__cause__)


def test_what_builds_its_message_of_names_arrives_with_them() -> None:
    found = there_and_back(NodeExitError("node", 3))
    assert isinstance(found, NodeExitError)
    assert (found.node, found.code) == ("node", 3)


class Prefixed(ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(f"no {name}")


def test_a_message_that_unpickling_would_build_twice_is_kept() -> None:
    found = there_and_back(Prefixed("bread"))
    assert isinstance(found, Prefixed)
    assert str(found) == "no bread"
    assert found.args == ("no bread",)
    assert repr(found) == "Prefixed('no bread')"


def test_attributes_that_pickle_are_kept_and_others_left_out() -> None:
    error = ValueError("with a lock")
    vars(error).update(lock=threading.Lock(), rows=[1, 2])
    found = there_and_back(error)
    assert isinstance(found, ValueError)
    assert isinstance(found, RemoteError)
    assert vars(found) == {"rows": [1, 2]}


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no comment")


def test_a_message_that_cannot_be_made_has_a_placeholder() -> None:
    found = there_and_back(Silent())
    assert isinstance(found, Silent)
    assert str(found) == "<str() of this Silent raised RuntimeError>"


class Picky(ValueError):
    def __new__(cls, *, needed: int) -> Self:
        return super().__new__(cls)

    def __init__(self, *, needed: int) -> None:
        super().__init__(f"needed {needed}")


def test_a_class_that_cannot_be_made_without_arguments_gives_way_to_its_base() -> None:
    found = there_and_back(Picky(needed=3))
    assert isinstance(found, ValueError)
    assert not isinstance(found, Picky)
    assert type(found).__name__ == "Picky"
    assert str(found) == "needed 3"


def test_exceptions_that_end_processes_keep_their_kind() -> None:
    class Stop(KeyboardInterrupt):
        pass

    found = there_and_back(Stop("now"))
    assert isinstance(found, KeyboardInterrupt)
    assert not isinstance(found, Exception)


def test_a_direct_subclass_of_the_root_stays_one() -> None:
    class Root(BaseException):
        pass

    found = there_and_back(Root("deep"))
    assert isinstance(found, RemoteError)
    assert not isinstance(found, Exception)


def test_too_large_an_exception_arrives_without_what_makes_it_large() -> None:
    error = ValueError("short")
    vars(error).update(data=b"x" * (LIMIT_BYTES + 1), code=7)
    found = there_and_back(error)
    assert str(found) == "short"
    assert vars(found) == {"code": 7}


def test_a_text_that_is_no_unicode_is_escaped() -> None:
    class Odd(ValueError):
        pass

    assert str(there_and_back(Odd("\ud800"))) == "\\ud800"


class Forgetful(Exception):
    """Pickles as something that is no exception."""

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return dict, ()


def test_what_unpickles_as_something_else_is_stood_for() -> None:
    assert isinstance(there_and_back(Forgetful("who?")), Forgetful)


class Unformattable(Exception):
    @property
    def __notes__(self) -> list[str]:
        raise KeyboardInterrupt


def test_a_traceback_that_cannot_be_formatted_hides_no_error() -> None:
    found = there_and_back(Unformattable("still here"))
    assert str(found) == "still here"


def test_a_stand_in_travels_on() -> None:
    """From a pool within a worker of a pool."""
    found = there_and_back(there_and_back(TwoArguments("a", "b")))
    assert isinstance(found, TwoArguments)
    assert str(found) == "a in b"


def test_the_cause_of_a_cause_is_in_the_text() -> None:
    try:
        try:
            raise LookupError("first")
        except LookupError as first:
            raise ValueError("second") from first
    except ValueError as second:
        text = str(unpack_error(pack_error(second)).__cause__)
    assert "LookupError: first" in text
    assert "direct cause" in text


@pytest.mark.parametrize("error", [UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), StopIteration(3)])
def test_builtins_with_constructors_of_their_own_arrive(error: Exception) -> None:
    found = there_and_back(error)
    assert type(found) is type(error)
    assert str(found) == str(error)


class Sealed(Exception):
    def __setattr__(self, name: str, value: object) -> None:
        raise TypeError(f"{name} cannot be set")


class SealedAndUnpicklable(Sealed):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")
        vars(self)["one"] = one


@dataclass(frozen=True)
class Frozen(Exception):
    code: int


def test_what_lets_nothing_be_set_arrives_with_its_traceback() -> None:
    found = there_and_back(Sealed("as it is"))
    assert type(found) is Sealed
    assert isinstance(found.__cause__, RemoteTraceback)


def test_a_stand_in_of_what_lets_nothing_be_set_has_its_attributes() -> None:
    found = there_and_back(SealedAndUnpicklable("one", "two"))
    assert isinstance(found, SealedAndUnpicklable)
    assert isinstance(found.__cause__, RemoteTraceback)
    assert (str(found), found.args, vars(found)) == ("one two", ("one two",), {"one": "one"})


def test_an_exception_that_is_a_frozen_dataclass_arrives() -> None:
    found = there_and_back(Frozen(3))
    assert isinstance(found, Frozen)
    assert found.code == 3
    assert isinstance(found.__cause__, RemoteTraceback)
