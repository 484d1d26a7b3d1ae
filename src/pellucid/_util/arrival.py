"""Notices that a module is imported for the first time."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class Arrival:
    """Calls a function when one module has been executed; a finder that finds nothing that others would not.

    Args:
        module: its full name.
        on_arrival: called in the thread that imports it; must not raise.
    """

    def __init__(self, module: str, on_arrival: Callable[[], object]) -> None:
        self._module = module
        self._on_arrival = on_arrival
        self._is_busy = False

    def install(self) -> None:
        """Begin, unless the module is there already."""
        if self._module not in sys.modules:
            sys.meta_path.insert(0, self)

    def remove(self) -> None:
        """End."""
        # By identity, and by a new list: another thread may be walking along the old one.
        sys.meta_path[:] = [each for each in sys.meta_path if each is not self]

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /) -> Any:
        """Return what the other finders find; of the module that is waited for, with a loader that tells of it."""
        if fullname != self._module or self._is_busy:
            return None
        self._is_busy = True  # the import system holds a lock for each module
        try:
            found = self._by_others(fullname, path, target)
        finally:
            self._is_busy = False
        if found is not None:
            self._watch(found.loader)
        return found

    def _by_others(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            if finder is not self and (find := getattr(finder, "find_spec", None)) is not None:
                found: ModuleSpec | None = find(fullname, path, target)
                if found is not None:
                    return found
        return None

    def _watch(self, loader: Any) -> None:
        """Wrap one method of this one loader, so that the module keeps the loader that it would have had."""
        execute = getattr(loader, "exec_module", None)
        if execute is None:
            return

        def exec_module(module: ModuleType) -> None:
            execute(module)
            self.remove()
            self._on_arrival()

        try:
            loader.exec_module = exec_module
        except AttributeError:
            self.remove()
