"""What the hooks of the command line are called with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .markers import cli_hook_spec

if TYPE_CHECKING:
    from pellucid.framework.startup import ProjectMetadata

__all__ = ["CLICommandSpecs"]


class CLICommandSpecs:
    """Around every command."""

    @cli_hook_spec
    def before_command_run(self, project_metadata: ProjectMetadata, command_args: list[str]) -> None:
        """Called before a command; what it raises, ``sys.exit`` included, stops the command, which has failed then.

        Args:
            project_metadata: of the project that the command runs in, or None outside of one.
            command_args: the words of the command line, without the program's name.
        """

    @cli_hook_spec
    def after_command_run(self, project_metadata: ProjectMetadata, command_args: list[str], exit_code: int) -> None:
        """Called after a command, however it ended; what it raises is a warning and leaves the exit code.

        Args:
            project_metadata: of the project that the command ran in, or None outside of one.
            command_args: the words of the command line, without the program's name.
            exit_code: with which the process is about to end.
        """
