"""Re-creates the hooks of a run in a worker process."""

from __future__ import annotations

import logging
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pellucid.exceptions import HookError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pellucid.framework.hooks._entry_points import InstalledPlugin
    from pellucid.framework.hooks.manager import HookManager

_logger = logging.getLogger(__name__)


class ProcessSetup(Protocol):
    """Makes a process ready for a project; travels to it by pickle."""

    def prepare(self) -> None:
        """Make the project importable, and configure it and logging."""
        ...

    def declared_hooks(self) -> Sequence[Any]:
        """Return the hooks that the project's settings declare, in order; called after ``prepare``."""
        ...


@dataclass(frozen=True)
class Declared:
    """The hook at this place of the project's settings."""

    index: int


@dataclass(frozen=True)
class Carried:
    """The hook at this place of the pickled ones."""

    index: int


@dataclass(frozen=True)
class HookBootstrap:
    """Makes a worker process ready, and returns its hooks, in the order they had in the parent.

    Args:
        make: returns an empty manager.
        setup: what to do first.
        carried: a pickled list of the hooks that could be pickled, with their state.
        recipes: where each registered hook comes from, the first registered first.
    """

    make: Callable[[], HookManager]
    setup: ProcessSetup | None
    carried: bytes
    recipes: tuple[tuple[str, Carried | Declared | InstalledPlugin], ...]

    def __call__(self) -> HookManager:
        """Prepare this process, and return a manager with the same hooks."""
        declared: Sequence[Any] = ()
        if self.setup is not None:
            self.setup.prepare()
            if any(isinstance(recipe, Declared) for _, recipe in self.recipes):
                declared = self.setup.declared_hooks()
        carried = self._unpickled()
        manager = self.make()
        manager.process_setup = self.setup
        for name, recipe in self.recipes:
            manager.restore(_made(recipe, carried, declared), name)
        return manager

    def _unpickled(self) -> list[Any]:
        try:
            hooks: list[Any] = pickle.loads(self.carried)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            raise HookError(f"The hooks cannot be brought to a worker process: {problem}") from error
        return hooks


def _made(recipe: Carried | Declared | InstalledPlugin, carried: list[Any], declared: Sequence[Any]) -> Any:
    if isinstance(recipe, Carried):
        return carried[recipe.index]
    if isinstance(recipe, Declared):
        return declared[recipe.index]
    return recipe.load()


def bootstrap_for(
    make: Callable[[], HookManager],
    setup: ProcessSetup | None,
    plugins: Sequence[tuple[str, Any]],
    origins: dict[str, Declared | InstalledPlugin],
) -> HookBootstrap:
    """Return what brings these hooks to a worker process.

    A hook travels with its state where it can be pickled. One that cannot is made anew there, from the settings or
    its entry point; one that came from neither is left out, with a warning.
    """
    carried: list[Any] = []
    recipes: list[tuple[str, Carried | Declared | InstalledPlugin]] = []
    for name, plugin in plugins:
        problem = _unpicklable(plugin)
        origin = origins.get(name)
        if problem is None:
            recipes.append((name, Carried(len(carried))))
            carried.append(plugin)
        elif origin is not None and (setup is not None or not isinstance(origin, Declared)):
            recipes.append((name, origin))
        else:
            _logger.warning(
                "The hooks of %s do not run in worker processes, as they cannot be pickled: %s",
                type(plugin).__qualname__,
                problem,
            )
    # In one go, so that what hooks share is still shared in the worker.
    return HookBootstrap(make, setup, pickle.dumps(carried), tuple(recipes))


def _unpicklable(plugin: Any) -> str | None:
    try:
        pickle.dumps(plugin)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None
