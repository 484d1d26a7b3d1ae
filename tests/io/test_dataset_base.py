"""What every load and save has around it."""

from __future__ import annotations

import copy
import logging
import pickle
from typing import Any, cast

import pytest
from tests.support.io import Broken, Foreign, OldStyle, Plain

from pellucid.io.core import AbstractDataset, DatasetError, is_ephemeral, is_parameter, is_single_process
from pellucid.io.core import validate_on_forbidden_chars as validate
from pellucid.io.memory_dataset import MemoryDataset


class Unspeakable:
    """Data whose repr must never be asked for."""

    def __repr__(self) -> str:
        raise AssertionError("somebody called repr of the data")

    __str__ = __repr__


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no message")


@pytest.mark.parametrize("call", [lambda d: d.load(), lambda d: d.save(1), lambda d: d.exists(), lambda d: d.release()])
def test_an_error_becomes_one_that_names_the_dataset_and_keeps_its_cause(call: Any) -> None:
    cause = ValueError("disk on fire")
    with pytest.raises(DatasetError, match=r"tests\.support\.io\.Broken\(.*: disk on fire") as caught:
        call(Broken(cause, "hunter22"))
    assert caught.value.__cause__ is cause
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("call", [lambda d: d.load(), lambda d: d.save(1), lambda d: d.exists(), lambda d: d.release()])
def test_a_dataset_error_stays_what_it_is(call: Any) -> None:
    error = DatasetError("said well already")
    with pytest.raises(DatasetError) as caught:
        call(Broken(error))
    assert caught.value is error


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(3)])
def test_what_is_no_exception_of_a_program_passes(stop: Any) -> None:
    with pytest.raises(type(stop)):
        Broken(stop).load()


def test_an_error_without_message_is_named_by_its_type() -> None:
    with pytest.raises(DatasetError, match=r"\): TimeoutError$"):
        Broken(TimeoutError()).load()
    with pytest.raises(DatasetError, match=r"\): Mute$"):
        Broken(Mute()).load()
    with pytest.raises(DatasetError, match=r"\): KeyError: 'missing'$"):
        Broken(KeyError("missing")).load()


def test_a_dataset_that_cannot_describe_itself_still_gives_the_real_error() -> None:
    class Shy(Broken):
        def _describe(self) -> dict[str, Any]:
            raise RuntimeError("cannot say")

    with pytest.raises(DatasetError, match=r"Shy: disk on fire"):
        Shy(ValueError("disk on fire")).load()


def test_nothing_cannot_be_saved() -> None:
    with pytest.raises(DatasetError, match=r"None cannot be saved.*MemoryDataset"):
        MemoryDataset().save(None)


def test_data_is_never_asked_for_its_repr(caplog: pytest.LogCaptureFixture) -> None:
    class Keeper(AbstractDataset[Any, Any]):
        def __init__(self, data: Any) -> None:
            self.data = data

        def load(self) -> Any:
            raise ValueError("no")

        def save(self, data: Any) -> None:
            raise ValueError("no")

    with caplog.at_level(logging.DEBUG):
        dataset = Keeper({"a": [Unspeakable()]})
        with pytest.raises(DatasetError, match=r"<.*Unspeakable>"):
            dataset.load()
        with pytest.raises(DatasetError, match=r"no$"):
            dataset.save(Unspeakable())
    assert [record.getMessage().partition(" ")[0] for record in caplog.records] == ["Loading", "Saving"]
    assert repr(MemoryDataset(Unspeakable(), copy_mode="assign")).endswith("MemoryDataset(data='<Unspeakable>')")


def test_nothing_is_described_for_a_log_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryDataset, "__repr__", lambda self: pytest.fail("described"))
    logging.getLogger("pellucid.io.core").setLevel(logging.INFO)
    try:
        MemoryDataset(1).load()
    finally:
        logging.getLogger("pellucid.io.core").setLevel(logging.NOTSET)


def test_a_dataset_in_the_old_style_works() -> None:
    dataset = cast("Any", OldStyle)()
    dataset.save({"found": 5})
    assert dataset.load() == 5
    dataset.save({})
    with pytest.raises(DatasetError, match=r"OldStyle\(old=True\): KeyError: 'found'"):
        dataset.load()


def test_a_subclass_of_an_old_dataset_may_be_new() -> None:
    class New(OldStyle):
        def load(self) -> Any:
            return cast("Any", super()).load() + 1

    dataset = cast("Any", New)()
    dataset.save({"found": 5})
    assert dataset.load() == 6


def test_a_private_method_takes_the_place_of_a_public_one_that_nobody_wrote() -> None:
    class Fresh(OldStyle):
        def _load(self) -> Any:
            return "fresh"

    class Template(MemoryDataset):
        def load(self) -> Any:
            return self._load() + 1

        def _load(self) -> Any:
            return 1

    class Filled(Template):
        def _load(self) -> Any:
            return 2

    assert cast("Any", Fresh)().load() == "fresh"
    assert Template().load() == 2
    assert Filled().load() == 3


def test_a_borrowed_method_is_not_wrapped_again() -> None:
    class Borrowing(MemoryDataset):
        load = MemoryDataset.load
        save = MemoryDataset.save

    assert Borrowing.__dict__["load"] is MemoryDataset.__dict__["load"]
    assert Borrowing.__dict__["save"] is MemoryDataset.__dict__["save"]


def test_a_class_without_save_cannot_be_made() -> None:
    class Half(AbstractDataset[Any, Any]):
        def load(self) -> Any: ...

    with pytest.raises(TypeError, match="save"):
        cast("Any", Half)()


def test_a_dataset_that_does_not_say_whether_it_exists_is_taken_as_if_not(caplog: pytest.LogCaptureFixture) -> None:
    assert not cast("Any", OldStyle)().exists()
    assert "'OldStyle' does not say" in caplog.text
    cast("Any", OldStyle)().release()


class Varied(AbstractDataset[Any, Any]):
    def __init__(self, first: int, *more: int, last: int = 2, **rest: int) -> None:
        self.first = first

    def load(self) -> Any: ...

    def save(self, data: Any) -> None: ...


class Heir(Varied):
    def __init__(self, only: int) -> None:
        super().__init__(only, 7)


def test_the_arguments_of_a_dataset_are_recorded_with_their_defaults() -> None:
    assert Varied(1)._init_args == {"first": 1, "last": 2}
    assert Varied(1, 5, other=3)._init_args == {"first": 1, "more": (5,), "last": 2, "other": 3}
    assert Heir(4)._init_args == {"only": 4}
    assert cast("Any", OldStyle)()._init_args == {}


def test_a_dataset_tells_the_configuration_that_makes_it_again() -> None:
    config = Varied(1, other=3)._init_config()
    assert config == {"type": f"{__name__}.Varied", "first": 1, "last": 2, "other": 3}
    versioned = Plain("a/b.txt", version=("v1", "v2"))._init_config()
    assert versioned == {"type": "tests.support.io.Plain", "filepath": "a/b.txt", "versioned": True}
    assert MemoryDataset([1])._init_config() == {
        "type": "pellucid.io.memory_dataset.MemoryDataset",
        "copy_mode": None,
        "metadata": None,
    }


def test_what_was_recorded_does_not_keep_released_data_alive() -> None:
    import weakref

    class Data:
        pass

    data = Data()
    alive = weakref.ref(data)
    dataset = MemoryDataset(data, copy_mode="assign")
    del data
    dataset.release()
    assert alive() is None


def test_a_copy_of_a_dataset_may_differ_from_it() -> None:
    original = Varied(1)
    copied = original._copy(first=9)
    assert isinstance(copied, Varied)
    assert (copied.first, original.first) == (9, 1)
    assert copy.deepcopy(original)._init_args == original._init_args
    assert pickle.loads(pickle.dumps(original))._init_args == original._init_args


def test_it_describes_what_it_is_told_to() -> None:
    dataset = Varied(1)
    assert dataset._pretty_repr({"a": 1, "b": None}) == f"{__name__}.Varied(a=1)"
    assert dataset._logger.name == __name__


def test_what_a_dataset_may_do_is_told_by_its_marks() -> None:
    class Marked(Foreign):
        _EPHEMERAL = True
        _SINGLE_PROCESS = True

    assert (is_ephemeral(Marked()), is_single_process(Marked())) == (True, True)
    assert (is_ephemeral(Foreign()), is_single_process(Foreign())) == (False, False)
    assert (is_ephemeral(MemoryDataset()), is_single_process(MemoryDataset())) == (True, False)


def test_parameters_are_told_by_their_names() -> None:
    assert [is_parameter(name) for name in ("parameters", "params:a.b", "param", "data")] == [True, True, False, False]


def test_blanks_and_semicolons_are_refused() -> None:
    validate(a="x.y:z@p", b="")
    for bad in ("a b", "a;b"):
        with pytest.raises(DatasetError, match="'second'"):
            validate(first="fine", second=bad)
