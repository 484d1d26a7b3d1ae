"""Frozen data classes that cost next to nothing to import.

``dataclasses`` compiles the methods of each class anew, at each start of a process. Here they are written once.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, fields
from functools import partial
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["values"]

_T = TypeVar("_T")


def _init(self: Any, /, *args: Any, **named: Any) -> None:
    known = self.__dataclass_fields__
    state = dict(zip(known, args, strict=False))
    if len(args) > len(known) or not named.keys() <= known.keys() - state.keys():
        raise TypeError(f"{type(self).__qualname__}() takes other values: {', '.join(known)}, each once")
    state.update(named)
    if len(state) < len(known):
        for name, field in known.items():
            if name not in state:
                state[name] = _default(self, field)
    self.__dict__.update(state)


def _default(self: Any, field: Field[Any]) -> Any:
    if field.default is not MISSING:
        return field.default
    if field.default_factory is MISSING:
        raise TypeError(f"{type(self).__qualname__}() needs a value for {field.name!r}")
    return field.default_factory()


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _values(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, each.name) for each in fields(self))


def _eq(self: Any, other: object) -> bool:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _setattr(_self: Any, name: str, _value: Any) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(_self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _with_shared_methods(cls: type[_T], *, eq: bool) -> type[_T]:
    made: Any = dataclass(init=False, repr=False, eq=False)(cls)
    made.__init__, made.__repr__ = _init, _repr
    made.__setattr__, made.__delattr__ = _setattr, _delattr
    if eq:
        made.__eq__, made.__hash__ = _eq, _hash
    return cls


if TYPE_CHECKING:
    from dataclasses import dataclass as values
else:

    def values(*, frozen: bool, eq: bool = True) -> Callable[[type[_T]], type[_T]]:
        """Make a class a frozen data class; ``fields``, ``replace`` and ``asdict`` know it.

        Args:
            frozen: has to be true, so that checkers know it, too.
            eq: objects with the same values are equal, and have the same hash.
        """
        assert frozen
        return partial(_with_shared_methods, eq=eq)
