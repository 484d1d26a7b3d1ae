"""Print, as JSON, the public names of a package and the argument names of each: run by the acceptance tests.

Usage: python public_names.py kedro|pellucid MODULE [MODULE ...]; modules are named without the package.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from typing import Any


def arguments_of(thing: Any) -> list[str] | None:
    """The names of a callable's arguments with a mark for those that have a default, or None."""
    try:
        parameters = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return None
    return [f"{p.name}{'' if p.default is p.empty else '='}" for p in parameters]


def members_of(cls: type) -> dict[str, list[str] | None]:
    """The public methods and properties that a class or its bases of the same package define."""
    package = cls.__module__.partition(".")[0]
    names: dict[str, list[str] | None] = {"__init__": arguments_of(cls)}
    for base in reversed(cls.__mro__):
        if base.__module__.partition(".")[0] == package:
            for name in vars(base):
                if not name.startswith("_"):
                    names[name] = arguments_of(inspect.getattr_static(cls, name))
    return names


def main(package: str, modules: list[str]) -> None:
    found: dict[str, Any] = {}
    for module_name in modules:
        try:
            module = importlib.import_module(f"{package}.{module_name}".rstrip("."))
        except ModuleNotFoundError as error:
            found[module_name] = f"cannot be imported: {error}"
            continue
        names: dict[str, Any] = {}
        for name in sorted({*dir(module), *getattr(module, "__all__", ())}):
            thing = inspect.getattr_static(module, name) if name in vars(module) else getattr(module, name)
            own = getattr(thing, "__module__", "") or ""
            if name.startswith("_") or inspect.ismodule(thing) or not own.startswith(package):
                continue
            if package == "kedro" and own != module.__name__ and name not in getattr(module, "__all__", ()):
                continue  # it stands there because another name needs it
            names[name] = members_of(thing) if inspect.isclass(thing) else arguments_of(thing)
        found[module_name] = names
    print(json.dumps(found))  # noqa: T201 - its output is what it is for


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
