"""Commands that hand over to other programs, and the option that shows tracebacks for commands of plugins."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from ._commands import CONTEXT_SETTINGS, MainCommand, traceback_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def call(cmd: list[str], **kwargs: Any) -> None:
    """Show a command line and run it.

    Args:
        cmd: the program and its arguments.
        kwargs: passed to ``subprocess.run``.

    Raises:
        click.exceptions.Exit: it failed; with the program's exit code.
    """
    import subprocess

    click.echo(shlex.join(cmd))
    try:
        code = subprocess.run(cmd, check=False, **kwargs).returncode
    except FileNotFoundError:
        click.echo(f"Error: The program '{cmd[0]}' is not installed, or not on the PATH.", err=True)
        code = 127
    if code:
        raise click.exceptions.Exit(code=code if code > 0 else 128 - code)


def python_call(module: str, arguments: Iterable[str], **kwargs: Any) -> None:
    """Run a module with this interpreter, as ``python -m module arguments`` does; see ``call``."""
    call([sys.executable, "-m", module, *arguments], **kwargs)


def forward_command(group: Any, name: str | None = None, forward_help: bool = False) -> Any:
    """Make a command of a function that gets all words after the command's name, as ``args``.

    Args:
        group: where the command is added.
        name: of the command; the function's if not given.
        forward_help: let ``--help`` be one of these words.
    """

    def wrapper(func: Callable[..., Any]) -> Any:
        settings: dict[str, Any] = {"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}
        if forward_help:
            settings["help_option_names"] = []
        with_args = click.argument("args", nargs=-1, type=click.UNPROCESSED)(func)
        return group.command(name=name, context_settings=settings)(with_args)

    return wrapper


def command_with_verbosity(group: click.Group, *args: Any, **kwargs: Any) -> Any:
    """Make a command of a function, as ``group.command`` does, with the option that shows whole tracebacks."""

    def decorator(func: Callable[..., Any]) -> click.Command:
        command: click.Command = group.command(*args, **{"context_settings": CONTEXT_SETTINGS, **kwargs})(func)
        if not isinstance(command, MainCommand):
            command.params.append(traceback_option())
        return command

    return decorator
