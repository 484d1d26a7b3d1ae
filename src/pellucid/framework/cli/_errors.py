"""What the command line says when something goes wrong, and nothing more than that."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click
from click.exceptions import Exit

from pellucid._util.redaction import hiding, redact_urls
from pellucid.exceptions import PellucidError, RunTerminated

from ._traceback import format_error, last_place, notes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TRACEBACK_FLAGS = ("--traceback", "--verbose", "-v")
TRACEBACK_HINT = "Run with --traceback to see where it came from."


class KedroCliError(click.ClickException):
    """A mistake of the user, shown as one message; the process ends with code 2.

    Plugins raise it by hand. ``VERBOSE_ERROR`` shows the traceback as well; with ``VERBOSE_EXISTS`` false, the
    option for it is not pointed at.
    """

    VERBOSE_ERROR = False
    VERBOSE_EXISTS = True
    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the message to stderr, with the traceback of its cause if that was asked for."""
        if self.VERBOSE_ERROR and self.__traceback__ is not None:
            echo_error(format_error(self, whole=True), file)
            return
        echo_error(f"Error: {self.format_message()}", file)


class CommandExitError(PellucidError):
    """Code of the project or of a plugin called ``sys.exit`` in the middle of a command."""

    def __init__(self, stop: SystemExit) -> None:
        self.code = stop.code
        place = last_place(stop)
        where = f" at {place}" if place else ""
        super().__init__(f"sys.exit({stop.code!r}) was called{where} before the command was complete.")


@contextmanager
def exit_refused(*, of_click: bool = False) -> Iterator[None]:
    """Turn a ``sys.exit`` of somebody else's code into an error, as what was to be done is not complete then.

    Args:
        of_click: refuse click's way to end a command, too.

    Raises:
        CommandExitError: it was called, whatever the code.
    """
    try:
        yield
    except RunTerminated:
        raise
    except SystemExit as stop:
        raise CommandExitError(stop) from stop
    except Exit as end:
        if not of_click:
            raise
        ended = SystemExit(end.exit_code).with_traceback(end.__traceback__)
        raise CommandExitError(ended) from ended


@contextmanager
def os_errors_told(attempt: str) -> Iterator[None]:
    """Turn an error of the system, as of a folder that cannot be written to, into one message.

    Args:
        attempt: what could not be done, for example "The pipeline cannot be made".

    Raises:
        KedroCliError: such an error; it names the path and the reason.
    """
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename is not None else ""
        raise KedroCliError(f"{attempt}: {where}{error.strerror or error}") from None


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
        echo_error(f"The node '{node}' failed:")
    if whole or not mistake:
        echo_error(format_error(error, whole=whole))
        return
    echo_error("\n".join([f"Error: {error}", *notes_of(error)]))
    place = last_place(error.__cause__) if isinstance(error.__cause__, SystemExit) else None
    if place is not None and place not in str(error):
        echo_error(f"It was called at {place}.")
    elif error.__cause__ is not None:
        echo_error(TRACEBACK_HINT)


def echo_error(text: str, file: IO[Any] | None = None) -> None:
    """Write what an error says without the secrets that are known, to stderr unless a file is given."""
    click.echo(_hidden(text.removesuffix("\n")), file=file, err=file is None)


def _hidden(text: str) -> str:
    try:
        return hiding.get()(text)
    except Exception:  # of telemetry, which changes nothing that a command does
        return redact_urls(text)


def is_mistake(error: BaseException) -> bool:
    """Tell whether an error's own text is written for whoever made the mistake: no traceback is needed to act on it."""
    yaml = sys.modules.get("yaml")  # an error of a module that was never imported cannot be one
    return isinstance(error, PellucidError) or (yaml is not None and isinstance(error, yaml.YAMLError))
