"""Re-creates the hooks of a run in a worker process."""

from __future__ import annotations

import io
import logging
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pellucid._util.texts import text_of
from pellucid.exceptions import HookError
from pellucid.framework.hooks._recipes import Carried, Declared

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
class HookBootstrap:
    """Makes a worker process ready, and returns its hooks, in the order they had in the parent.

    Args:
        make: returns an empty manager.
        setup: what to do first.
        carried: the pickles, one after the other, of the hooks that could be pickled, with their state.
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
        manager = self.make()
        manager.process_setup = self.setup
        carried = self._unpickled(manager)
        for name, recipe in self.recipes:
            manager.restore(_made(recipe, carried, declared), name)
        return manager

    def _unpickled(self, manager: HookManager) -> list[Any]:
        unpickler = _Unpickler(io.BytesIO(self.carried), manager)
        hooks: list[Any] = []
        for name in (name for name, recipe in self.recipes if isinstance(recipe, Carried)):
            try:
                hooks.append(unpickler.load())
            except Exception as error:
                problem = f"{type(error).__name__}: {text_of(error)}"
                raise HookError(f"The hooks of '{name}' cannot be brought to a worker process: {problem}") from error
        return hooks


class _Pickler(pickle.Pickler):
    """Leaves the manager of the hooks out: what refers to it gets that of the worker process."""

    def __init__(self, file: io.BytesIO, manager: HookManager) -> None:
        super().__init__(file)
        self._manager = manager

    def persistent_id(self, obj: Any) -> str | None:
        """Return the name of what is not pickled, or None."""
        if obj is self._manager:
            return "manager"
        return "hook" if obj is self._manager.hook else None


class _Unpickler(pickle.Unpickler):
    """Reads what ``_Pickler`` wrote."""

    def __init__(self, file: io.BytesIO, manager: HookManager) -> None:
        super().__init__(file)
        self._manager = manager

    def persistent_load(self, pid: str) -> Any:
        """Return what goes by this name here."""
        return self._manager if pid == "manager" else self._manager.hook


def _made(recipe: Carried | Declared | InstalledPlugin, carried: list[Any], declared: Sequence[Any]) -> Any:
    if isinstance(recipe, Carried):
        return carried[recipe.place]
    if isinstance(recipe, Declared):
        return declared[recipe.place]
    return recipe.load()


def bootstrap_for(
    make: Callable[[], HookManager],
    manager: HookManager,
    plugins: Sequence[tuple[str, Any]],
    origins: dict[str, Declared | InstalledPlugin],
) -> HookBootstrap:
    """Return what brings these hooks to a worker process.

    A hook travels with its state where it can be pickled and be unpickled again. One that cannot is made anew there,
    from the settings or its entry point; one that came from neither is left out, with a warning.

    Args:
        make: returns an empty manager.
        manager: that of the hooks; does not travel.
        plugins: the registered hooks by name, the first registered first.
        origins: where those come from that can be made anew, by the same names.
    """
    setup = manager.process_setup
    # One pickler for all, so that what hooks share is still shared in the worker.
    carried = io.BytesIO()
    pickler, index = _Pickler(carried, manager), 0
    recipes: list[tuple[str, Carried | Declared | InstalledPlugin]] = []
    for name, plugin in plugins:
        problem = _unpicklable(plugin, manager)
        origin = origins.get(name)
        if problem is None:
            pickler.dump(plugin)
            recipes.append((name, Carried(index)))
            index += 1
        elif origin is not None and (setup is not None or not isinstance(origin, Declared)):
            recipes.append((name, origin))
        else:
            _logger.warning(
                "The hooks of %s do not run in worker processes, as they cannot be pickled: %s",
                type(plugin).__qualname__,
                problem,
            )
    return HookBootstrap(make, setup, carried.getvalue(), tuple(recipes))


def _unpicklable(plugin: Any, manager: HookManager) -> str | None:
    file = io.BytesIO()
    try:
        _Pickler(file, manager).dump(plugin)
        file.seek(0)
        _Unpickler(file, manager).load()
    except Exception as error:
        return f"{type(error).__name__}: {text_of(error)}"
    return None
