"""What the command line says when something goes wrong, and nothing more than that."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING, Any

import click

from pellucid.exceptions import PellucidError

from ._traceback import format_error, last_place, notes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

TRACEBACK_FLAGS = ("--traceback", "--verbose", "-v")


class KedroCliError(click.ClickException):
    """A mistake of the user, shown as one message; the process ends with code 2.

    Plugins raise it by hand. ``VERBOSE_ERROR`` shows the traceback as well; ``VERBOSE_EXISTS`` says that there is
    an option for it.
    """

    VERBOSE_ERROR = False
    VERBOSE_EXISTS = True
    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the message to stderr, with the traceback of its cause if that was asked for."""
        if self.VERBOSE_ERROR and self.__traceback__ is not None:
            click.echo(format_error(self, whole=True), nl=False, file=file, err=file is None)
            return
        click.echo(f"Error: {self.format_message()}", file=file, err=file is None)
        if self.VERBOSE_EXISTS and self.__cause__ is not None:
            click.echo("Run with --traceback to see where it came from.", file=file, err=file is None)


class CommandExitError(PellucidError):
    """Code of the project or of a plugin called ``sys.exit`` in the middle of a command."""

    def __init__(self, stop: SystemExit) -> None:
        self.code = stop.code
        place = last_place(stop)
        where = f" at {place}" if place else ""
        super().__init__(f"sys.exit({stop.code!r}) was called{where} before the command was complete.")


def wants_traceback(args: Sequence[str]) -> bool:
    """Tell whether the whole traceback of an error was asked for."""
    return any(arg in TRACEBACK_FLAGS for arg in args)


def show_error(error: BaseException, *, whole: bool, node: str | None = None) -> None:
    """Write an error to stderr.

    Args:
        error: a mistake of the user gets its message alone; anything else its traceback without machinery.
        whole: show the complete traceback, whatever the error is.
        node: the name of the node that failed with it, if one did.
    """
    mistake = is_mistake(error)
    if node is not None and not (mistake and node in str(error)):
        click.echo(f"The node '{node}' failed:", err=True)
    if whole or not mistake:
        click.echo(format_error(error, whole=whole), nl=False, err=True)
        return
    click.echo(f"Error: {error}", err=True)
    for note in notes_of(error):
        click.echo(note, err=True)
    place = last_place(error.__cause__) if isinstance(error.__cause__, SystemExit) else None
    if place is not None and place not in str(error):
        click.echo(f"It was called at {place}.", err=True)
    elif error.__cause__ is not None:
        click.echo("Run with --traceback to see where it came from.", err=True)


def is_mistake(error: BaseException) -> bool:
    """Tell whether an error's own text is written for whoever made the mistake: no traceback is needed to act on it."""
    yaml = sys.modules.get("yaml")  # an error of a module that was never imported cannot be one
    return isinstance(error, PellucidError) or (yaml is not None and isinstance(error, yaml.YAMLError))
