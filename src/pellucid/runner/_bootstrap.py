"""How a process that is no fork comes to have the hooks of its parent."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pellucid.runner._calls import HookCalls
    from pellucid.typing import HookRelay, WorkerBootstrap

__all__ = ["PluginsBootstrap", "bootstrap_for"]

_logger = logging.getLogger("pellucid.runner")

_HOOKS_OF_WORKERS = (
    "before_dataset_loaded",
    "after_dataset_loaded",
    "before_node_run",
    "after_node_run",
    "on_node_error",
    "before_dataset_saved",
    "after_dataset_saved",
    "on_dataset_error",
    "after_worker_started",
)


class PluginsBootstrap:
    """Registers plugins that were pickled; for hook managers that do not know how to move to another process.

    Args:
        project_name: by which pluggy finds the marks of hook implementations.
        plugins: the plugin objects in the order of their registration.
    """

    def __init__(self, project_name: str, plugins: Sequence[object]) -> None:
        self.project_name = project_name
        self.plugins = list(plugins)

    def __call__(self) -> HookRelay:
        """Make a hook manager with these plugins."""
        from pluggy import PluginManager

        manager = PluginManager(self.project_name)
        for plugin in self.plugins:
            manager.register(plugin)
        return manager


def bootstrap_for(calls: HookCalls) -> WorkerBootstrap | None:
    """Return what makes the hooks in a worker that is no fork; None if there are none to make."""
    relay: Any = calls.relay
    own = getattr(relay, "worker_bootstrap", None)
    if own is not None:
        made: WorkerBootstrap = own()
        return made
    if all(getattr(calls, name) is None for name in _HOOKS_OF_WORKERS):
        return None
    import pickle

    try:
        found = PluginsBootstrap(
            relay.project_name, [plugin for _, plugin in relay.list_name_plugin() if plugin is not None]
        )
        pickle.dumps(found)
    except Exception as error:
        _logger.warning(
            "The hooks of nodes and datasets do not run in worker processes, as the plugins cannot be pickled: %s",
            error,
        )
        return None
    return found
