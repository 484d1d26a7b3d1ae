"""From what a command did to the exit code of the process, and what is said of it."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner
from tests.support.cli import invoke

from pellucid._util.redaction import hiding
from pellucid.exceptions import PellucidError, RunTerminated
from pellucid.framework.cli import main
from pellucid.framework.cli._commands import PellucidCommand
from pellucid.framework.cli.utils import KedroCliError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def unread() -> Iterator[Any]:
    """A stream whose reader has gone."""
    read, write = os.pipe()
    os.close(read)
    stream = os.fdopen(write, "w")
    yield stream
    stream.close()


def ended(action: Any) -> tuple[int, str]:
    """Return the exit code, and what was said, of a command of ours."""

    @click.command(cls=PellucidCommand)
    def act() -> None:
        action()

    result = CliRunner().invoke(act, [])
    return result.exit_code, result.stderr


def raising(error: BaseException) -> Any:
    def act() -> None:
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (RunTerminated(), 143, "The run was ended by SIGTERM.\n"),
        (SystemExit(0), 2, "Error: sys.exit(0) was called"),
        (SystemExit("text"), 2, "Error: sys.exit('text') was called"),
        (KeyboardInterrupt(), 130, "\nInterrupted.\n"),
        (click.Abort(), 1, "Aborted.\n"),
        (click.exceptions.Exit(5), 5, ""),
        (PellucidError("a mistake"), 2, "Error: a mistake\n"),
        (BrokenPipeError(), 1, ""),
    ],
)
def test_each_end_of_a_command_has_its_code_and_message(error: BaseException, code: int, said: str) -> None:
    result = ended(raising(error))
    assert result[0] == code
    assert result[1].startswith(said)
    assert bool(result[1]) is bool(said)


@pytest.mark.parametrize("kind", [PellucidError, ValueError, SystemExit, KedroCliError])
def test_what_an_error_says_is_hidden_as_it_was_chosen(kind: type[BaseException]) -> None:
    """By telemetry, where it is on; else, and where that fails, what stands in URLs."""
    error = kind("cannot log in at https://me:pass1@host/?key=pass2 as hunter2")

    def broken(text: str) -> str:
        raise RuntimeError(text)

    for choice in (None, broken, lambda text: text.replace("hunter2", "***")):
        token = hiding.set(choice) if choice is not None else None
        try:
            code, said = ended(raising(error))
        finally:
            if token is not None:
                hiding.reset(token)
        assert code in (1, 2)
        if choice is None or choice is broken:
            assert "https://<redacted>@host/?<redacted> as hunter2" in said
        else:
            assert "pass2 as ***" in said


def test_the_notes_of_a_mistake_are_shown() -> None:
    error: Any = PellucidError("a mistake")
    error.__notes__ = ["look there"]  # what add_note does, on every Python
    assert ended(raising(error)) == (2, "Error: a mistake\nlook there\n")


def test_output_that_nobody_reads_is_a_failure_without_words(
    unread: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command(cls=PellucidCommand)
    def act() -> None:
        unread.write("still in the buffer")

    monkeypatch.setattr(sys, "stdout", unread)
    assert act.exit_code([], "act", {}) == 1
    unread.flush()  # it leads nowhere now, so that the interpreter can end in peace
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("error", [PellucidError("a mistake"), RunTerminated()])
def test_a_failure_that_nobody_reads_of_is_one_all_the_same(
    unread: Any, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    @click.command(cls=PellucidCommand)
    def act() -> None:
        raise error

    monkeypatch.setattr(sys, "stderr", unread)
    assert act.exit_code([], "act", {}) != 0


def test_a_process_without_streams_ends_as_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)

    @click.command(cls=PellucidCommand)
    def act() -> None:
        pass

    assert act.exit_code([], "act", {}) == 0


def test_the_version_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pellucid import __version__

    assert invoke(tmp_path, "--version").stdout == f"pellucid, version {__version__}\n"
    with pytest.raises(SystemExit) as stop:
        main(["-V"])
    assert (stop.value.code, capsys.readouterr().out) == (0, f"pellucid, version {__version__}\n")


def test_importing_the_main_module_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    importlib.import_module("pellucid.__main__")
    assert capsys.readouterr().out == ""
