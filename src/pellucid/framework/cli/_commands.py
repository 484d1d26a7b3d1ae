"""The kinds of click commands that the command line is made of."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._errors import TRACEBACK_FLAGS, exit_refused
from ._exit import exit_code_of
from ._hints import nearest_or_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"]}


def traceback_option(flags: Sequence[str] = TRACEBACK_FLAGS) -> click.Option:
    """Make the option that every command of ours has; what it asks for is read where errors are shown."""
    return click.Option(
        [*flags, "show_traceback"],
        is_flag=True,
        expose_value=False,
        help="Show the whole traceback of an error.",
    )


def accept_traceback_flags(command: click.Command, ctx: click.Context, words: Sequence[str]) -> None:
    """Add the option for tracebacks to a command of anybody, and to those below it; flags of its own are kept.

    A command that passes unknown words on is left as it is.

    Args:
        command: gets the option.
        ctx: to look up the commands below it.
        words: of the command line; a command below whose name is none of them is not looked up.
    """
    settings = command.context_settings
    if not settings.get("ignore_unknown_options"):
        taken = {flag for param in command.params for flag in (*param.opts, *param.secondary_opts)}
        missing = [flag for flag in TRACEBACK_FLAGS if flag not in taken]
        if missing:
            command.params.append(traceback_option(missing))
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name) if name in words else None
            if inner is not None:
                accept_traceback_flags(inner, ctx, words)


class MainCommand(click.Command):
    """A command that can be the process's main purpose: its ``main`` ends with the promised exit codes."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command and end the process; without ``standalone_mode`` return its value, or raise.

        Args:
            args: the words of the command line, without the program's name.
            prog_name: what the help calls the program.
            complete_var: the variable by which a shell asks for completion.
            standalone_mode: show errors and call ``sys.exit``.
            extra: passed to click's context, for example ``obj``.
        """
        prog_name = prog_name or _program_name()
        if not standalone_mode or _is_completing(prog_name, complete_var):
            return super().main(args, prog_name, complete_var, standalone_mode, **extra)
        extra.pop("windows_expand_args", None)
        sys.exit(self.exit_code(sys.argv[1:] if args is None else list(args), prog_name, extra))

    def exit_code(self, args: Sequence[str], prog_name: str, extra: dict[str, Any]) -> int:
        """Run the command, show what goes wrong, and return the exit code."""
        return exit_code_of(self, args, prog_name, extra)


class PellucidCommand(MainCommand):
    """A command of ours: it can show tracebacks, and cannot be ended by a ``sys.exit`` of somebody else's code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", CONTEXT_SETTINGS)
        super().__init__(*args, **kwargs)
        self.params.append(traceback_option())

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command's function."""
        with exit_refused():
            return super().invoke(ctx)


class LazyGroup(click.Group):
    """A group that imports a command when it is asked for.

    Args:
        args: as for ``click.Group``.
        lazy_subcommands: name of the command to ``"package.module.attribute"``.
        kwargs: as for ``click.Group``.
    """

    def __init__(self, *args: Any, lazy_subcommands: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy_subcommands = lazy_subcommands or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, those included that are not imported yet."""
        return sorted({*super().list_commands(ctx), *self.lazy_subcommands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported if need be, or None."""
        found = super().get_command(ctx, cmd_name)
        if found is not None or cmd_name not in self.lazy_subcommands:
            return found
        module, _, attribute = self.lazy_subcommands[cmd_name].rpartition(".")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{attribute} should be a click command, not {type(command).__name__}.")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names; an unknown one is told with the nearest."""
        refuse_unknown_command(self, ctx, args)
        return super().resolve_command(ctx, args)


class DescribedGroup(LazyGroup):
    """A lazy group whose commands are listed without being imported.

    Args:
        commands: name of the command to ``"package.module.attribute"`` and the first sentence of its help.
    """

    def __init__(self, commands: Mapping[str, tuple[str, str]]) -> None:
        super().__init__(lazy_subcommands={name: place for name, (place, _) in commands.items()})
        self._sentences = {name: sentence for name, (_, sentence) in commands.items()}

    def described(self, name: str) -> click.Command:
        """Return what stands for a command in a list of commands."""
        return click.Command(name, help=self._sentences[name])


class PellucidGroup(LazyGroup):
    """A group of ours: it can show tracebacks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", CONTEXT_SETTINGS)
        super().__init__(*args, **kwargs)
        self.params.append(traceback_option())


class CommandCollection(click.CommandCollection):
    """Several groups of commands shown as one; where two have a command of one name, the first group's is taken.

    Args:
        groups: pairs of a heading for the help and the groups that stand below it.
    """

    def __init__(self, *groups: tuple[str, Sequence[click.Group]]) -> None:
        self.groups_by_title = [(title, list(members)) for title, members in groups]
        super().__init__(
            sources=[each for _, members in self.groups_by_title for each in members],
            context_settings=CONTEXT_SETTINGS,
        )
        self.params = [option for source in self.sources for option in source.params]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names; an unknown one is told with the nearest."""
        refuse_unknown_command(self, ctx, args)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands of each group below its heading, each once."""
        shown: set[str] = set()
        for title, members in self.groups_by_title:
            write_commands(ctx, formatter, title, members, shown)


def write_commands(
    ctx: click.Context, formatter: click.HelpFormatter, title: str, members: Iterable[click.Group], shown: set[str]
) -> None:
    """Write the commands of some groups that are not in ``shown`` yet, and add them to it."""
    rows = []
    for member in members:
        for name in member.list_commands(ctx):
            command = member.described(name) if isinstance(member, DescribedGroup) else member.get_command(ctx, name)
            if command is not None and not command.hidden and name not in shown:
                shown.add(name)
                rows.append((name, command.get_short_help_str(limit=formatter.width)))
    if rows:
        with formatter.section(title):
            formatter.write_dl(sorted(rows))


def refuse_unknown_command(group: click.Group, ctx: click.Context, args: Sequence[str]) -> None:
    """Raise a usage error with the nearest names if the first word is no command of the group."""
    name = args[0]
    if name.startswith("-") or group.get_command(ctx, name) is not None or ctx.resilient_parsing:
        return
    ctx.fail(f"There is no command '{name}'.{nearest_or_all(name, group.list_commands(ctx))}")


def _program_name() -> str:
    path = Path(sys.argv[0])
    return f"python -m {path.parent.name}" if path.name == "__main__.py" else path.name


def _is_completing(prog_name: str, complete_var: str | None) -> bool:
    return (complete_var or f"_{prog_name.replace('-', '_').replace('.', '_')}_COMPLETE".upper()) in os.environ
