"""What a test is told that asks for something which was not recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid._util.suggest import did_you_mean
from pellucid.exceptions import PellucidError

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_SHOWN = 10


class NotRecordedError(PellucidError, AssertionError, LookupError):
    """Something is asked for that was not recorded, or is there several times."""


def choice(name: str, known: Iterable[str]) -> str:
    """Return the end of a message on a name that is not there: the nearest ones, or those that are there."""
    names = list(dict.fromkeys(known))
    near = did_you_mean(name, names)
    if near or not names:
        return near
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return f" There are {', '.join(repr(each) for each in names[:_MOST_SHOWN])}{more}."
