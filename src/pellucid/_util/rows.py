"""Named tuples that cost next to nothing to import.

``typing.NamedTuple`` compiles a constructor and each annotation of each class, at each start of a process.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from typing_extensions import Self

__all__ = ["Row"]


class _RowType(type):
    """Makes items of a tuple of what a class annotates."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _RowType:
        names = tuple(namespace.get("__annotations__", ()))
        defaults = {each: namespace[each] for each in names if each in namespace}
        items = {each: property(itemgetter(index)) for index, each in enumerate(names)}
        about = {"__slots__": (), "__match_args__": names, "_fields": names, "_field_defaults": defaults}
        return super().__new__(mcs, name, bases, {**namespace, **items, **about})


class _Row(tuple[Any, ...], metaclass=_RowType):
    __slots__ = ()

    if TYPE_CHECKING:
        _fields: tuple[str, ...]

    def __new__(cls, *args: Any, **named: Any) -> Self:
        names = cls._fields
        given = args if len(args) == len(names) and not named else _completed(cls, names, args, named)
        return super().__new__(cls, given)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._asdict().items())})"

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))

    def _replace(self, /, **named: Any) -> Self:
        return type(self)(**{**self._asdict(), **named})

    __replace__ = _replace  # of copy.replace

    @classmethod
    def _make(cls, values: Iterable[Any]) -> Self:
        return cls(*values)


def _completed(cls: Any, names: tuple[str, ...], args: tuple[Any, ...], named: Mapping[str, Any]) -> list[Any]:
    if len(args) > len(names) or not named.keys() <= set(names[len(args) :]):
        raise TypeError(f"{cls.__name__}() takes other values: {', '.join(names)}, each once")
    given = {**cls._field_defaults, **named}
    try:
        return [*args, *(given[each] for each in names[len(args) :])]
    except KeyError as error:
        raise TypeError(f"{cls.__name__}() needs a value for {error}") from None


if TYPE_CHECKING:
    from typing import NamedTuple as Row
else:
    Row = _Row
