"""The command ``pellucid telemetry``, imported when it is asked for."""

from __future__ import annotations

from pellucid.framework.cli._commands import DescribedGroup

__all__ = ["commands"]

commands = DescribedGroup(
    {
        "telemetry": (
            "pellucid.observability._cli._telemetry_commands.telemetry",
            "Show, deliver and check the telemetry of this project.",
        )
    }
)
"""Commands of a project."""
