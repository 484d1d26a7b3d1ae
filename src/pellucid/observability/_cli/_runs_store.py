"""The history that the commands read, with everything in it that runs have left."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from pellucid._util.suggest import nearest
from pellucid.framework.cli.utils import KedroCliError
from pellucid.observability._cli._project import project_and_options, tell_problems
from pellucid.observability.flow import Backlog, folder_of
from pellucid.observability.history import CurrentRuns, HistoryError, HistoryStore, LiveSpans, NoSuchRunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import click

    from pellucid.observability.options import HistoryOptions, LoadedOptions, Options

_COLLECT_SECONDS = 2.0
"""How long a command works on what others left, before it shows what is there."""

_WORDS = ("last", "last-failed")

_logger = logging.getLogger("pellucid.telemetry")


class OpenedHistory(NamedTuple):
    """The history of a project.

    Attributes:
        store: what is in it.
        runs: those in it, and those that are going on.
        folder: of the project.
        options: its settings.
        why_empty: a sentence that says why runs are not kept, with a leading blank; empty if they are.
    """

    store: HistoryStore
    runs: CurrentRuns
    folder: Path
    options: HistoryOptions
    why_empty: str


@contextmanager
def opened_history(ctx: click.Context, env: str | None) -> Iterator[OpenedHistory]:
    """Give the project's history and its settings, after what ended runs have left was added to it.

    Args:
        ctx: of the command.
        env: the environment of the configuration, as it was given.

    Raises:
        NotAProjectError: there is no project here.
        MissingConfigException: there is no such environment.
        KedroCliError: the history cannot be used, or the run that is asked for is not in it.
    """
    folder, loaded = project_and_options(ctx, env)
    tell_problems(loaded, "history", "spool")
    options = loaded.options
    live = _live(folder, options)
    _collect(folder, options)
    why_empty = _why_empty(loaded)
    try:
        store = HistoryStore(folder / options.history.path)
        yield OpenedHistory(store, CurrentRuns(store, live), folder, options.history, why_empty)
    except NoSuchRunError as error:
        raise KedroCliError(f"{_told(error)}{why_empty}") from None
    except HistoryError as error:
        raise KedroCliError(str(error)) from None


def _told(error: NoSuchRunError) -> str:
    words = [] if error.candidates or error.nearest or error.text in _WORDS else nearest(error.text, _WORDS)
    return f"There is no run '{error.text}'. Did you mean '{words[0]}'?" if words else str(error)


def _why_empty(loaded: LoadedOptions) -> str:
    options = loaded.options
    switches = {
        "enabled": options.enabled,
        "tracing.enabled": options.tracing.enabled,
        "history.enabled": options.history.enabled,
    }
    off = next((name for name, is_on in switches.items() if not is_on), None)
    return "" if off is None else f" Runs are not kept: {off} is false, by {loaded.origins[off]}."


def _live(folder: Path, options: Options) -> LiveSpans:
    """Read what living processes write; what is in the history can be read in any case."""
    place = str(options.history.path)
    segments = folder_of(folder / options.spool.path, options.spool).live_elsewhere()
    try:
        return LiveSpans((each for each in segments if each.header.get("history") == place), time.time_ns())
    except OSError as error:
        _logger.warning("What is going on cannot be read; it is missing here: %s", error)
        return LiveSpans((), 0)


def _collect(folder: Path, options: Options) -> None:
    """Move what ended and dead processes left into the history; what is there can be read in any case."""
    try:
        Backlog(folder, options).collect(_COLLECT_SECONDS)
    except Exception as error:
        _logger.warning("What the latest runs left cannot be read; they may be missing here: %s", error)
