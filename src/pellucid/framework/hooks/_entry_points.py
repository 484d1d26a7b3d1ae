"""Plugins that installed distributions offer."""

from __future__ import annotations

import re
from types import FunctionType
from typing import TYPE_CHECKING, Any

from pellucid._util.entry_points import installed_entry_points, load_value
from pellucid._util.rows import Row
from pellucid.exceptions import HookError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pellucid._util.entry_points import InstalledEntryPoint

# A distribution that offers both is asked for the first one alone.
_GROUPS = ("pellucid.hooks", "kedro.hooks")
# Reports the use of Kedro over the network.
_NEVER_LOADED = frozenset({"kedro-telemetry"})


class InstalledPlugin(Row):
    """An entry point for hooks."""

    distribution: str
    version: str
    group: str
    name: str
    value: str

    def load(self) -> Any:
        """Import the plugin.

        Raises:
            HookError: it cannot be imported or made, or is a class; names the distribution and how to do without it.
        """
        try:
            plugin = load_value(self.value)
        except Exception as error:
            raise self._error(f"cannot be loaded: {type(error).__name__}: {error}") from error
        if isinstance(plugin, FunctionType):
            # A function has no hooks: it makes an object that has, one for each session.
            try:
                plugin = plugin()
            except Exception as error:
                raise self._error(f"cannot be made: {type(error).__name__}: {error}") from error
        if isinstance(plugin, type):
            raise self._error(f"is the class '{plugin.__qualname__}', where an instance is needed")
        return plugin

    def _error(self, problem: str) -> HookError:
        return HookError(
            f"The hooks of the installed distribution '{self.distribution}' (entry point '{self.name}' of group "
            f"'{self.group}') {problem}. To run without them, uninstall it, or add '{self.distribution}' to "
            "DISABLE_HOOKS_FOR_PLUGINS in settings.py."
        )


def installed_plugins(disabled: Iterable[str] = ()) -> tuple[list[InstalledPlugin], list[InstalledPlugin]]:
    """Return the plugins to load, and those that are disabled, without importing any.

    Args:
        disabled: names of distributions; case does not count, and ``-``, ``_`` and ``.`` are one.
    """
    refused = {_normalised(name) for name in disabled} | _NEVER_LOADED
    wanted: list[InstalledPlugin] = []
    left_out: list[InstalledPlugin] = []
    for plugin in _offered():
        (left_out if _normalised(plugin.distribution) in refused else wanted).append(plugin)
    return wanted, left_out


def _offered() -> Iterator[InstalledPlugin]:
    found = installed_entry_points(*_GROUPS)
    seen: set[str] = set()
    for group in _GROUPS:
        plugins = [_described(each) for each in found if each.group == group]
        yield from (each for each in plugins if each.distribution not in seen)
        seen.update(each.distribution for each in plugins)


def _described(found: InstalledEntryPoint) -> InstalledPlugin:
    return InstalledPlugin(found.distribution or found.value, found.version, found.group, found.name, found.value)


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
