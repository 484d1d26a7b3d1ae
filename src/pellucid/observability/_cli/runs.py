"""The command ``pellucid runs``, imported when it is asked for."""

from __future__ import annotations

from pellucid.framework.cli._commands import DescribedGroup

__all__ = ["commands"]

commands = DescribedGroup(
    {
        "runs": (
            "pellucid.observability._cli._runs_commands.runs",
            "Show, compare and export earlier runs of this project.",
        )
    }
)
"""Commands of a project."""
