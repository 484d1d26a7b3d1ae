"""The marks by which hooks of the command line are known."""

from __future__ import annotations

import pluggy

__all__ = ["CLI_HOOK_NAMESPACE", "cli_hook_impl", "cli_hook_spec"]

CLI_HOOK_NAMESPACE = "kedro_cli"

cli_hook_spec = pluggy.HookspecMarker(CLI_HOOK_NAMESPACE)
cli_hook_impl = pluggy.HookimplMarker(CLI_HOOK_NAMESPACE)
