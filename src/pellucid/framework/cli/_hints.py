"""What to say after a name that is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid._util.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST = 10


def nearest_or_all(name: str, known: Iterable[str]) -> str:
    """Return the names that look like one, or else those that there are, ten at most; with a leading blank."""
    names = list(dict.fromkeys(known))
    near = did_you_mean(name, names)
    if near or not names:
        return near
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f" There are: {', '.join(names[:_MOST])}{more}."
