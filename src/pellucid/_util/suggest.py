"""The nearest valid names to one that is not valid."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, candidates: Iterable[str], *, limit: int = 3, cutoff: float = 0.6) -> list[str]:
    """Return up to ``limit`` of the candidates that look like ``name``, the closest first.

    A candidate that differs in case alone, or that contains the name, counts as close.
    """
    import difflib

    known = list(dict.fromkeys(candidates))
    folded = name.casefold()
    same = [each for each in known if each.casefold() == folded]
    close = difflib.get_close_matches(name, known, n=limit, cutoff=cutoff)
    inside = [each for each in known if len(folded) > 2 and folded in each.casefold()]
    found = list(dict.fromkeys([*same, *close, *inside]))[:limit]
    # Of short names, hardly any looks alike: then what is nearest at all is better than nothing.
    return found or difflib.get_close_matches(name, known, n=limit, cutoff=min(cutoff, 0.4))


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` with a leading blank, or nothing where no candidate is close."""
    found = nearest(name, candidates)
    return f" Did you mean {' or '.join(repr(each) for each in found)}?" if found else ""
