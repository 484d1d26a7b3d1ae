"""Hooks of the command line: before and after every command."""

from .manager import CLIHooksManager, get_cli_hook_manager
from .markers import cli_hook_impl

__all__ = ["CLIHooksManager", "cli_hook_impl", "get_cli_hook_manager"]
