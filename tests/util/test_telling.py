from __future__ import annotations

from typing import Any

import pluggy
import pytest

from pellucid._util.telling import report, tell, tell_all
from pellucid._util.texts import text_of
from pellucid.exceptions import RunTerminated

spec = pluggy.HookspecMarker("telling")
impl = pluggy.HookimplMarker("telling")


class Specs:
    @spec
    def on_error(self, error: BaseException) -> None: ...


class Plugin:
    def __init__(self, heard: list[str], name: str, raising: BaseException | None = None) -> None:
        self.heard, self.name, self.raising = heard, name, raising

    @impl
    def on_error(self) -> None:
        self.heard.append(self.name)
        if self.raising is not None:
            raise self.raising


class Wrapper:
    @impl(wrapper=True)
    def on_error(self) -> Any:
        return (yield)


class TextlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def hook_of(*plugins: object) -> Any:
    registry = pluggy.PluginManager("telling")
    registry.add_hookspecs(Specs)
    for each in reversed(plugins):
        registry.register(each)
    return registry.hook.on_error


def notes_of(error: BaseException) -> list[str]:
    return getattr(error, "__notes__", [])


def test_what_a_plugin_raises_is_noted_and_the_others_are_told() -> None:
    heard: list[str] = []
    error = ValueError("the first")
    tell(hook_of(Plugin(heard, "a", LookupError("x" * 5000)), Plugin(heard, "b")), error, "on_error", error=error)
    assert heard == ["a", "b"]
    (note,) = notes_of(error)
    assert note.startswith("While this was handled, the hook on_error raised LookupError: xxx")
    assert len(note) < 2100


def test_an_error_without_a_text_does_not_keep_others_from_being_told(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []
    error = ValueError("the first")
    tell(hook_of(Plugin(heard, "a", TextlessError()), Plugin(heard, "b")), error, "on_error", error=error)
    assert heard == ["a", "b"]
    assert notes_of(error)[0].endswith("<TextlessError whose text raises RuntimeError>")
    assert "the hook on_error raised TextlessError" in caplog.text


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), RunTerminated(15)])
def test_an_interruption_wins_over_an_ordinary_error_when_all_were_told(interruption: BaseException) -> None:
    heard: list[str] = []
    error = ValueError("the first")
    plugins = Plugin(heard, "a", interruption), Plugin(heard, "b", KeyboardInterrupt("later")), Plugin(heard, "c")
    with pytest.raises(type(interruption)) as caught:
        tell(hook_of(*plugins), error, "on_error", error=error)
    assert caught.value is interruption
    assert caught.value.__cause__ is error
    assert heard == ["a", "b", "c"]


def test_an_interruption_stays_the_one_that_is_handled() -> None:
    heard: list[str] = []
    error = RunTerminated(15)
    tell(hook_of(Plugin(heard, "a", KeyboardInterrupt())), error, "on_error", error=error)
    assert len(notes_of(error)) == 1


def test_sys_exit_is_no_interruption() -> None:
    error = ValueError("the first")
    tell(hook_of(Plugin([], "a", SystemExit(0))), error, "on_error", error=error)
    assert "SystemExit" in notes_of(error)[0]


@pytest.mark.parametrize(
    ("raising", "winner"),
    [
        ((ValueError(), LookupError(), None), 0),
        ((None, LookupError(), KeyboardInterrupt()), 2),
        ((KeyboardInterrupt(), RunTerminated(15), ValueError()), 0),
    ],
)
def test_each_plugin_is_called_and_the_first_error_raised(
    raising: tuple[BaseException | None, ...], winner: int
) -> None:
    heard: list[str] = []
    plugins = [Plugin(heard, str(index), each) for index, each in enumerate(raising)]
    expected = raising[winner]
    assert expected is not None
    with pytest.raises(type(expected)) as caught:
        tell_all(hook_of(*plugins), "on_error", error=None)
    assert caught.value is expected
    assert heard == ["0", "1", "2"]
    assert len(notes_of(expected)) == len([each for each in raising if each is not None]) - 1


def test_wrapped_plugins_are_called_as_one() -> None:
    heard: list[str] = []
    with pytest.raises(ValueError, match="told"):
        tell_all(hook_of(Wrapper(), Plugin(heard, "a", ValueError("told")), Plugin(heard, "b")), "on_error", error=None)
    assert heard == ["a"]


def test_nothing_raised_is_nothing_said() -> None:
    heard: list[str] = []
    tell_all(hook_of(Plugin(heard, "a")), "on_error", error=None)
    tell(None, ValueError(), "on_error")
    assert heard == ["a"]


def test_an_error_that_takes_no_note_is_left_as_it_is() -> None:
    error = ValueError()
    error.__dict__["__notes__"] = None
    report(LookupError(), error, "somebody")
    assert notes_of(error) is None
    report(LookupError(), None, "somebody")


def test_texts_are_cut_where_that_is_wanted() -> None:
    assert text_of("abcdef", 3) == "abc…"
    assert text_of("abc", 3) == text_of("abc") == "abc"
