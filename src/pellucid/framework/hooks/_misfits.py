"""What is wrong with a hook that cannot be registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid._util.suggest import did_you_mean
from pellucid._util.texts import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pluggy


def describe_misfit(registry: pluggy.PluginManager, plugin: object, error: Exception) -> str:
    """Return which hook of a plugin does not fit, which argument of it, and what there is instead.

    Args:
        registry: knows the specifications.
        plugin: the one that cannot be registered.
        error: why the registry refused it.
    """
    owner = getattr(plugin, "__name__", type(plugin).__qualname__)
    for name in dir(plugin):
        specified = _arguments_of_spec(registry, name)
        if specified is None or registry.parse_hookimpl_opts(plugin, name) is None:
            continue
        unknown = [each for each in _arguments(getattr(plugin, name)) if each not in specified]
        if unknown:
            hint = did_you_mean(unknown[0], specified)
            known = ", ".join(f"'{each}'" for each in specified)
            return f"The hook '{name}' of {owner} takes '{unknown[0]}', which there is not.{hint} There are {known}."
    # What stands above it names the plugin by a number.
    return f"The hooks of {owner} cannot be used: {text_of(error).splitlines()[-1]}"


def _arguments_of_spec(registry: pluggy.PluginManager, name: str) -> list[str] | None:
    caller = getattr(registry.hook, name, None)
    spec = getattr(caller, "spec", None)
    return None if spec is None else list(spec.argnames)


def _arguments(function: Callable[..., Any]) -> list[str]:
    """Return the arguments that a hook is called with: those without a default."""
    import inspect

    by_name = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return [each.name for each in parameters if each.kind in by_name and each.default is inspect.Parameter.empty]
