"""What is done when it is first needed: names of a package, and patterns."""

from __future__ import annotations

import importlib
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def names_from(package: str, modules: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package that imports a module when one of its names is asked for.

    Args:
        package: its full name.
        modules: a module of the package, to the names that it gives.
    """
    places = {name: module for module, names in modules.items() for name in names}

    def imported(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{places[name]}"), name)

    return imported


class LazyPattern:
    """A regular expression that most processes have no use for: it is compiled when it is first looked for.

    Args:
        source: the pattern.
        flags: as for ``re.compile``.
    """

    def __init__(self, source: str, flags: int = 0) -> None:
        self._source = source
        self._flags = flags

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern itself."""
        return re.compile(self._source, self._flags)

    def sub(self, by: str | Callable[[re.Match[str]], str], text: str) -> str:
        """Replace what is found in a text."""
        return self.compiled.sub(by, text)
