"""The hooks of the command line that installed plugins bring."""

from __future__ import annotations

import pluggy

from pellucid.framework.cli._plugins import load_each, warn_of_plugin

from .markers import CLI_HOOK_NAMESPACE
from .specs import CLICommandSpecs

__all__ = ["CLI_HOOK_NAMESPACE", "CLIHooksManager", "get_cli_hook_manager"]


class CLIHooksManager(pluggy.PluginManager):
    """Knows the hooks of every plugin with an entry point for them; a plugin that is broken is left out."""

    def __init__(self) -> None:
        super().__init__(CLI_HOOK_NAMESPACE)
        self.add_hookspecs(CLICommandSpecs)
        for each, plugin in load_each("cli_hooks"):
            if isinstance(plugin, type):
                warn_of_plugin(each, TypeError("an instance is needed, not a class"))
                continue
            try:
                self.register(plugin, name=f"{each.name} ({each.value})")
            except Exception as error:
                warn_of_plugin(each, error)


def get_cli_hook_manager() -> pluggy.PluginManager:
    """Return a manager with the hooks of every installed plugin."""
    return CLIHooksManager()
