"""The history that the commands read, with everything in it that runs have left."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pellucid.framework.cli.utils import KedroCliError
from pellucid.observability._cli._project import project_and_options
from pellucid.observability.flow import Backlog
from pellucid.observability.history import HistoryError, HistoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import click

    from pellucid.observability.options import HistoryOptions, Options

_COLLECT_SECONDS = 2.0
"""How long a command works on what others left, before it shows what is there."""

_logger = logging.getLogger("pellucid.telemetry")


@contextmanager
def opened_history(ctx: click.Context) -> Iterator[tuple[HistoryStore, HistoryOptions]]:
    """Give the project's history and its settings, after what ended runs have left was added to it.

    Raises:
        NotAProjectError: there is no project here.
        KedroCliError: the history cannot be used, or the run that is asked for is not in it.
    """
    folder, loaded = project_and_options(ctx)
    options = loaded.options
    _collect(folder, options)
    try:
        yield HistoryStore(folder / options.history.path), options.history
    except HistoryError as error:
        raise KedroCliError(str(error)) from None


def _collect(folder: Path, options: Options) -> None:
    """Move what ended and dead processes left into the history; what is there can be read in any case."""
    try:
        Backlog(folder, options).collect(_COLLECT_SECONDS)
    except Exception as error:
        _logger.warning("What the latest runs left cannot be read; they may be missing here: %s", error)
