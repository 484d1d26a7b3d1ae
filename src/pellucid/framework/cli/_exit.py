"""From what a command did to the exit code of the process."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click
from click.exceptions import Abort, Exit

from pellucid._util.rows import Row
from pellucid.exceptions import RunTerminated

from ._errors import TRACEBACK_HINT, KedroCliError, echo_error, is_mistake, show_error, wants_traceback
from ._traceback import format_error

if TYPE_CHECKING:
    from collections.abc import Sequence

DONE, FAILED, MISTAKE, INTERRUPTED = 0, 1, 2, 130
_FAILED_RUN = "pellucid.failed_run"


class FailedRun(Row):
    """A run that had begun and did not complete; ``node`` is the name of the node that failed, if one did."""

    error: BaseException
    node: str | None


def note_failed_run(ctx: click.Context, failed: FailedRun) -> None:
    """Remember for the exit code that an error ended a run, and not the preparation of one."""
    ctx.meta[_FAILED_RUN] = failed


def exit_code_of(command: click.Command, args: Sequence[str], prog_name: str, extra: dict[str, Any]) -> int:
    """Run a command as the process's main purpose, show what goes wrong, and return the exit code.

    0: done; 1: the pipeline or the command failed; 2: wrong usage or a mistake in the project; 130: Ctrl-C;
    143: SIGTERM. ``sys.exit`` keeps its code.
    """
    meta: dict[str, Any] = {}
    try:
        # The parser empties the list that it is given.
        with command.make_context(prog_name, list(args), **extra) as ctx:
            meta = ctx.meta
            command.invoke(ctx)
        code = DONE
    except BaseException as error:  # the process ends here, whatever it was
        code = code_of_error(error, meta.get(_FAILED_RUN), whole=wants_traceback(args))
    return flushed(code)


def code_of_error(error: BaseException, failed: FailedRun | None = None, *, whole: bool) -> int:
    """Show what went wrong, and return the exit code for it."""
    try:
        return _shown_code(error, failed, whole=whole)
    except OSError:  # nobody reads stderr any more: the code still tells
        return FAILED


def _shown_code(error: BaseException, failed: FailedRun | None, *, whole: bool) -> int:
    if isinstance(error, Exit):
        return error.exit_code
    if isinstance(error, (KeyboardInterrupt, Abort)):
        return _code_of_interrupt(error)
    if isinstance(error, SystemExit):
        return code_of_exit(error)
    # The session marks what ended a run that had begun, also for a run command of the project's own.
    run_failed = getattr(error, "__pellucid_run_failed__", False) or (failed is not None and failed.error is error)
    if isinstance(error, click.ClickException) and not run_failed:
        _show_click_error(error, whole=whole)
        return error.exit_code
    if run_failed or not isinstance(error, BrokenPipeError):  # else the reader of stdout has gone, as with "| head"
        show_error(error, whole=whole, node=failed.node if failed is not None else None)
    return MISTAKE if is_mistake(error) and not run_failed else FAILED


def _code_of_interrupt(error: KeyboardInterrupt | Abort) -> int:
    # click turns a Ctrl-C at a prompt into an Abort.
    if isinstance(error, KeyboardInterrupt) or isinstance(error.__context__, KeyboardInterrupt):
        click.echo("\nInterrupted.", err=True)
        return INTERRUPTED
    click.echo("Aborted.", err=True)
    return FAILED


def code_of_exit(error: SystemExit) -> int:
    """Return the exit code that ``sys.exit`` asked for; a text is shown, as Python does."""
    if isinstance(error, RunTerminated):
        echo_error(str(error))
    if error.code is None:
        return DONE
    if isinstance(error.code, int):
        return error.code
    echo_error(str(error.code))
    return FAILED


def _show_click_error(error: click.ClickException, *, whole: bool) -> None:
    if whole and not isinstance(error, click.UsageError):
        echo_error(format_error(error, whole=True))
        return
    error.show()
    # Said here and not by the error, as there is the option wherever this module ends the process.
    if isinstance(error, KedroCliError) and error.VERBOSE_EXISTS and error.__cause__ is not None:
        click.echo(TRACEBACK_HINT, err=True)


def flushed(code: int) -> int:
    """Write out what is buffered, so that a reader who has gone is met here and not while the interpreter ends."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            code = code or FAILED
            _point_nowhere(stream)
    return code


def _point_nowhere(stream: Any) -> None:
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
