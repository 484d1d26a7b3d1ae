"""The registry of hooks that a session calls."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pluggy

from pellucid.exceptions import HookError
from pellucid.framework.hooks._entry_points import InstalledPlugin, installed_plugins
from pellucid.framework.hooks._recipes import Declared
from pellucid.framework.hooks.markers import HOOK_NAMESPACE
from pellucid.framework.hooks.specs import (
    DataCatalogSpecs,
    DatasetSpecs,
    KedroContextSpecs,
    NodeSpecs,
    PipelineSpecs,
    RecordingSpecs,
    SessionSpecs,
    WorkerSpecs,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pellucid.framework.hooks._worker import HookBootstrap, ProcessSetup

__all__ = [
    "HOOK_NAMESPACE",
    "HookManager",
    "_NullPluginManager",
    "_create_hook_manager",
    "_register_hooks",
    "_register_hooks_entry_points",
]

logger = logging.getLogger(__name__)

_SPECS = (
    SessionSpecs,
    KedroContextSpecs,
    DataCatalogSpecs,
    PipelineSpecs,
    NodeSpecs,
    DatasetSpecs,
    WorkerSpecs,
    RecordingSpecs,
)
_OF_OBJECTS = frozenset(dir(object))
_NO_FUNCTIONS = frozenset({"__class__", "__dict__", "__doc__", "__module__", "__weakref__"})


class HookManager(pluggy.PluginManager):
    """pluggy's registry with every specification; what was registered last is called first.

    Each call is traced only if this module's logger is at DEBUG when the registry is made.

    Attributes:
        is_watched: whether somebody watches the calls, by ``add_hookcall_monitoring`` or tracing.
        process_setup: what a worker process does before it gets the same hooks.
    """

    def __init__(self) -> None:
        super().__init__(HOOK_NAMESPACE)
        self.is_watched = False
        self.process_setup: ProcessSetup | None = None
        self._origins: dict[str, Declared | InstalledPlugin] = {}
        if logger.isEnabledFor(logging.DEBUG):
            self.trace.root.setwriter(logger.debug)
            self.enable_tracing()
        for spec in _SPECS:
            self.add_hookspecs(spec)

    def add_hookcall_monitoring(self, before: Any, after: Any) -> Callable[[], None]:
        """Have all calls of hooks watched, from the next run on; see pluggy."""
        self.is_watched = True
        return super().add_hookcall_monitoring(before, after)

    def register(self, plugin: object, name: str | None = None) -> str | None:
        """Register an object with hooks; one that is registered already is ignored.

        Raises:
            TypeError: it is a class, whose hooks would lack ``self``.
            HookError: a hook of it cannot be called, for example as it takes an argument that there is not.
        """
        if isinstance(plugin, type):
            raise TypeError(f"Hooks are registered as instances; write {plugin.__qualname__}() with parentheses.")
        if self.is_registered(plugin):
            return self.get_name(plugin)
        try:
            registered = super().register(plugin, name)
        except pluggy.PluginValidationError as error:
            from pellucid.framework.hooks._misfits import describe_misfit

            raise HookError(describe_misfit(self, plugin, error)) from error
        self._warn_of_unknown_hooks(plugin)
        return registered

    def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:
        """Return how an attribute of a plugin is marked; None if it is no hook."""
        return None if _is_of_every_object(type(plugin), name) else super().parse_hookimpl_opts(plugin, name)

    def parse_hookspec_opts(self, module_or_class: Any, name: str) -> Any:
        """Return how an attribute of a specification is marked; None if it is none."""
        return (
            None if _is_of_every_object(module_or_class, name) else super().parse_hookspec_opts(module_or_class, name)
        )

    def restore(self, plugin: object, name: str) -> None:
        """Register a hook that a parent process had registered, without saying again what is odd about it."""
        super().register(plugin, name)

    def register_declared(self, hooks: Iterable[object]) -> None:
        """Register the hooks of the project's settings, and remember the place of each."""
        for index, hook in enumerate(hooks):
            name = self.register(hook)
            self._origins.setdefault(str(name), Declared(index))

    def register_installed(self, disabled: Iterable[str] = ()) -> None:
        """Register the hooks of installed distributions, except the disabled ones.

        Raises:
            HookError: one cannot be loaded.
        """
        wanted, left_out = installed_plugins(disabled)
        for each in left_out:
            logger.debug("The hooks of %s %s are disabled.", each.distribution, each.version)
        for each in wanted:
            full_name = f"{each.distribution}:{each.name}"
            if self.has_plugin(full_name):
                continue
            name = self.register(each.load(), full_name)
            self._origins.setdefault(str(name), each)
            logger.debug("The hooks of %s %s are registered.", each.distribution, each.version)

    def worker_bootstrap(self) -> HookBootstrap:
        """Return what gives a worker process the same hooks; it can be pickled."""
        plugins = [(name, plugin) for name, plugin in self.list_name_plugin() if plugin is not None]
        from pellucid.framework.hooks._worker import bootstrap_for

        return bootstrap_for(_create_hook_manager, self, plugins, self._origins)

    def _warn_of_unknown_hooks(self, plugin: object) -> None:
        for caller in self.get_hookcallers(plugin) or ():
            if not caller.has_spec():
                from pellucid._util.suggest import did_you_mean

                known = [each for each in vars(self.hook) if getattr(self.hook, each).has_spec()]
                hint = did_you_mean(caller.name, known)
                owner = getattr(plugin, "__name__", type(plugin).__qualname__)
                logger.warning("There is no hook '%s', so that of %s is never called.%s", caller.name, owner, hint)


def _is_of_every_object(kind: type[Any], name: str) -> bool:
    """Tell whether an attribute is one that every object has; most are, and pluggy looks closely at each."""
    return name in _NO_FUNCTIONS or (name in _OF_OBJECTS and getattr(kind, name, None) is getattr(object, name))


class _NullPluginManager:
    """Stands in where there are no hooks: every attribute can be called with anything, and does nothing."""

    def __getattr__(self, name: str) -> _NullPluginManager:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""


def _create_hook_manager() -> HookManager:
    """Return a registry without any hooks."""
    return HookManager()


def _register_hooks(hook_manager: pluggy.PluginManager, hooks: Iterable[Any]) -> None:
    """Register hooks of the project; those that are registered already are ignored.

    Raises:
        TypeError: one is a class.
    """
    if isinstance(hook_manager, HookManager):
        hook_manager.register_declared(hooks)
        return
    for hook in hooks:
        if isinstance(hook, type):
            raise TypeError(f"Hooks are registered as instances; write {hook.__qualname__}() with parentheses.")
        if not hook_manager.is_registered(hook):
            hook_manager.register(hook)


def _register_hooks_entry_points(hook_manager: pluggy.PluginManager, disabled_plugins: Iterable[str]) -> None:
    """Register the hooks of installed distributions.

    Args:
        hook_manager: where to.
        disabled_plugins: names of distributions whose hooks are not wanted.

    Raises:
        HookError: one cannot be loaded.
    """
    if isinstance(hook_manager, HookManager):
        hook_manager.register_installed(disabled_plugins)
        return
    for each in installed_plugins(disabled_plugins)[0]:
        name = f"{each.distribution}:{each.name}"
        if not hook_manager.has_plugin(name):
            plugin = each.load()
            if not hook_manager.is_registered(plugin):
                hook_manager.register(plugin, name)
