"""Faults of telemetry are counted and told, and reach nobody."""

from __future__ import annotations

import pytest

from pellucid.exceptions import RunTerminated
from pellucid.observability.guard import STRICT_VARIABLE, Guard


def fail(error: BaseException) -> None:
    raise error


def test_what_a_part_returns_is_returned() -> None:
    assert Guard().call("part", divmod, 7, 2) == (3, 1)


class Awkward(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), GeneratorExit(), MemoryError(), Awkward()])
def test_whatever_a_part_raises_is_counted_and_told_once(
    error: BaseException, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STRICT_VARIABLE, raising=False)
    guard = Guard()
    for _ in range(3):
        assert guard.call("part", fail, error) is None
    assert guard.faults == {"part": 3}
    assert [record.getMessage() for record in caplog.records if "had a fault" in record.getMessage()] == [
        caplog.records[0].getMessage()
    ]
    assert type(error).__name__ in caplog.text


def test_a_part_that_fails_again_and_again_is_switched_off_and_the_others_are_not(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STRICT_VARIABLE, raising=False)
    guard, called = Guard(most_faults=2), list[int]()
    for _ in range(4):
        guard.call("bad", fail, ValueError())
        guard.call("good", called.append, 1)
    assert guard.is_off("bad")
    assert guard.faults == {"bad": 2}
    assert called == [1, 1, 1, 1]
    assert "switched off after 2 faults" in caplog.text


def test_a_part_that_is_off_is_called_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STRICT_VARIABLE, raising=False)
    guard = Guard(most_faults=1)
    guard.call("part", fail, ValueError())
    assert guard.call("part", divmod, 7, 2) is None
    assert guard.call_last("part", divmod, 7, 2) == (3, 1)
    assert guard.call_last("part", fail, ValueError()) is None
    assert guard.faults == {"part": 2}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RunTerminated(15)])
def test_an_interruption_is_the_users(error: BaseException) -> None:
    with pytest.raises(type(error)):
        Guard().call("part", fail, error)


def test_tests_may_ask_for_faults_to_be_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STRICT_VARIABLE, "1")
    with pytest.raises(ValueError, match="x"):
        Guard().call("part", fail, ValueError("x"))
