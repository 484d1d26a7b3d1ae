"""The command ``pellucid``."""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pellucid.exceptions import PellucidError
from pellucid.utils import find_project

from ._builtin import GLOBAL_COMMANDS, PROJECT_COMMANDS
from ._commands import (
    CONTEXT_SETTINGS,
    CommandCollection,
    DescribedGroup,
    MainCommand,
    accept_traceback_flags,
    traceback_option,
    write_commands,
)
from ._errors import exit_refused, wants_traceback
from ._exit import code_of_error
from ._garbage import nothing_collected
from ._hints import nearest_or_all
from ._main import main, version_text
from ._own_commands import load_project_commands
from ._plugins import ENTRY_POINT_GROUPS, entry_points_of, load_each, plugin_groups
from ._project import OWNS_PROCESS, not_a_project, offer_project

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pellucid.framework.startup import ProjectMetadata

__all__ = ["CONTEXT_SETTINGS", "ENTRY_POINT_GROUPS", "LOGO", "KedroCLI", "main"]

logger = logging.getLogger(__name__)

LOGO = r"""
            _ _            _     _
 _ __   ___| | |_   _  ___(_) __| |
| '_ \ / _ \ | | | | |/ __| |/ _` |
| |_) |  __/ | | |_| | (__| | (_| |
| .__/ \___|_|_|\__,_|\___|_|\__,_|
|_|
"""


class KedroCLI(MainCommand, CommandCollection):
    """All commands: those of the project's own ``cli.py``, those of plugins, and the built-in ones.

    Of two with one name, the project's is taken, then a plugin's. Nothing is imported before it is needed: the
    project's package only if it has a ``cli.py``, or when a command asks for the project.

    Args:
        project_path: where to look for a project: there, and above.
        owns_process: whether the process is there for one command, and ends with it.
    """

    def __init__(self, project_path: Path, *, owns_process: bool = False) -> None:
        super().__init__()
        self.name = "pellucid"
        self.help = "Make and run projects of data pipelines. Commands of a project are shown inside of it."
        self.params = [_version_option(), traceback_option()]
        self._start = project_path
        self._owns_process = owns_process
        self._problem: PellucidError | None = None
        self._builtin_global = DescribedGroup(GLOBAL_COMMANDS)
        self._builtin_project = DescribedGroup(PROJECT_COMMANDS)

    # ------------------------------------------------------------------ the project

    @cached_property
    def project_path(self) -> Path | None:
        """The folder of the project, or None outside of one."""
        return find_project(self._start)

    @cached_property
    def metadata(self) -> ProjectMetadata:
        """The project, configured and ready to be used.

        Raises:
            NotAProjectError: there is none here.
        """
        from pellucid.framework.startup import bootstrap_project

        if self.project_path is None:
            raise not_a_project(self._start)
        return bootstrap_project(self.project_path)

    def _own_commands(self) -> click.Group | None:
        """Return the commands of the project's ``cli.py``, if it has one."""
        from pellucid.framework._pyproject import read_project_metadata

        if self.project_path is None:
            return None
        described = read_project_metadata(self.project_path)
        if not (Path(described.source_dir) / described.package_name.replace(".", "/") / "cli.py").is_file():
            return None
        return load_project_commands(self.metadata.package_name)

    @cached_property
    def _own_group(self) -> click.Group | None:
        try:
            return self._own_commands()
        except PellucidError as error:
            self._problem = error
            return None

    # ------------------------------------------------------------------ the groups

    @cached_property
    def global_groups(self) -> Sequence[click.Group]:
        """The commands that need no project: those of plugins, then ours."""
        return [*plugin_groups("global"), self._builtin_global]

    @cached_property
    def project_groups(self) -> Sequence[click.Group]:
        """The commands that need a project, if there is one: its own, those of plugins, then ours."""
        if self.project_path is None:
            return []
        own = [self._own_group] if self._own_group is not None else []
        return [*own, *plugin_groups("project"), self._builtin_project]

    def _groups_for(self, name: str) -> Iterator[click.Group]:
        # A project that is broken must not stop the commands that need none.
        if name in GLOBAL_COMMANDS:
            yield from self.global_groups
        yield from self.project_groups
        yield from self.global_groups
        yield self._builtin_project

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands that can be used here."""
        groups = [*self.project_groups, *self.global_groups]
        return sorted({name for group in groups for name in group.list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name, or None."""
        for group in self._groups_for(cmd_name):
            command = group.get_command(ctx, cmd_name)
            if command is not None:
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names; an unknown one is told with the nearest."""
        name = args[0]
        with nothing_collected(keep=self._owns_process):
            command = self.get_command(ctx, name)
        if command is None:
            self._raise_problem()
            if self.project_path is None and any(name in each.list_commands(ctx) for each in plugin_groups("project")):
                raise not_a_project(self._start)
            ctx.fail(
                f"There is no command '{name}'.{nearest_or_all(name, [*self.list_commands(ctx), *PROJECT_COMMANDS])}"
            )
        if name not in GLOBAL_COMMANDS:
            self._raise_problem()
        if not _is_builtin(command) and ctx.obj is None and self.project_path is not None:
            ctx.obj = self.metadata  # what Kedro's plugins are given by click.pass_obj
        if wants_traceback(args):
            accept_traceback_flags(command, ctx, args)  # a project's and a plugin's commands need not have the option
        return name, command, args[1:]

    def _raise_problem(self) -> None:
        if self._problem is not None:
            raise self._problem

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, those of a project apart; each once."""
        shown: set[str] = set()
        project = self.project_groups
        if self._problem is not None:
            click.echo(f"Warning: {self._problem}\n", err=True)
        own = [group for group in project if group is self._own_group]
        write_commands(ctx, formatter, "Commands of this project", own, shown)
        write_commands(ctx, formatter, "Project commands", project[len(own) :], shown)
        write_commands(ctx, formatter, "Global commands", self.global_groups, shown)

    # ------------------------------------------------------------------ running

    def invoke(self, ctx: click.Context) -> Any:
        """Let plugins initialise, then run the command."""
        for _, start in load_each("init"):
            with exit_refused(of_click=True):
                start()
        offer_project(ctx, lambda: self.metadata)
        ctx.meta[OWNS_PROCESS] = self._owns_process
        return super().invoke(ctx)

    def exit_code(self, args: Sequence[str], prog_name: str, extra: dict[str, Any]) -> int:
        """Run a command between the hooks of the command line, and return the exit code."""
        if not entry_points_of("cli_hooks"):
            return super().exit_code(args, prog_name, extra)
        return self._hooked_exit_code(args, prog_name, extra)

    def _hooked_exit_code(self, args: Sequence[str], prog_name: str, extra: dict[str, Any]) -> int:
        from .hooks import get_cli_hook_manager

        hook = get_cli_hook_manager().hook
        metadata = extra.get("obj") or self._metadata_or_none()
        try:
            with exit_refused(of_click=True):
                hook.before_command_run(project_metadata=metadata, command_args=list(args))
            code = super().exit_code(args, prog_name, extra)
        except BaseException as error:
            code = code_of_error(error, whole=wants_traceback(args))
        try:
            hook.after_command_run(project_metadata=metadata, command_args=list(args), exit_code=code)
        except (Exception, SystemExit):
            logger.warning("A plugin's hook failed after the command; the exit code stays %s.", code, exc_info=True)
        except KeyboardInterrupt as error:
            return code or code_of_error(error, whole=False)
        return code

    def _metadata_or_none(self) -> ProjectMetadata | None:
        try:
            return self.metadata if self.project_path is not None else None
        except PellucidError:
            return None  # the command itself says so, if it needs the project


def _is_builtin(command: click.Command) -> bool:
    callback_module = getattr(command.callback, "__module__", None) or type(command).__module__
    return callback_module.startswith("pellucid.")


def _version_option() -> click.Option:
    def show(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
        if value and not ctx.resilient_parsing:
            click.echo(version_text())
            ctx.exit()

    return click.Option(
        ["--version", "-V"], is_flag=True, is_eager=True, expose_value=False, callback=show, help="Show the version."
    )
