"""Which files belong to a configuration key."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_GLOB_TOKEN = re.compile(r"\*+|\?|\[!?[^\]/]+\]|.", re.DOTALL)


def _translate_part(part: str) -> str:
    """Translate one component of a glob."""
    translated = ""
    for symbol in _GLOB_TOKEN.findall(part):
        if symbol[0] == "*":
            translated += "[^/]*"
        elif symbol == "?":
            translated += "[^/]"
        elif symbol[0] == "[" and len(symbol) > 1:
            negated, characters = symbol[1] == "!", symbol[1:-1].removeprefix("!")
            translated += f"[{'^/' if negated else ''}{characters.translate(_IN_SET)}]"
        else:
            translated += re.escape(symbol)
    return translated


_IN_SET = str.maketrans({"\\": r"\\", "^": r"\^", "[": r"\[", "&": r"\&", "~": r"\~", "|": r"\|"})


@lru_cache(maxsize=256)
def _compile(pattern: str) -> re.Pattern[str]:
    """Translate a glob: ``*`` stays within a folder, ``**`` stands for any number of folders."""
    *folders, last = pattern.strip("/").split("/")
    translated = "".join("(?:[^/]+/)*" if part == "**" else _translate_part(part) + "/" for part in folders)
    return re.compile(translated + (".+" if last == "**" else _translate_part(last)), re.DOTALL)


def matching(paths: Iterable[str], patterns: Iterable[str], *, ignore_hidden: bool) -> list[str]:
    """Return the paths that match one of the patterns, in their order.

    Args:
        paths: relative to the environment's folder.
        patterns: globs, relative to the same.
        ignore_hidden: leave out files and folders whose names start with a dot.
    """
    compiled = [_compile(pattern) for pattern in patterns]
    return [
        path
        for path in paths
        if not (ignore_hidden and (path.startswith(".") or "/." in path))
        and any(pattern.fullmatch(path) for pattern in compiled)
    ]
