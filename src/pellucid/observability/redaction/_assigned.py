"""Secrets that a text assigns to a name, as code, JSON, YAML, queries, flags and logs do."""

from __future__ import annotations

import re
from collections.abc import Callable

from pellucid._util.lazily import LazyPattern
from pellucid._util.redaction import REDACTED, SECRET_KEY

NamesSecret = Callable[[str, bool], bool]
"""Tells for a name, and whether it is one of a program and no word of a sentence, whether its value is secret."""

# The sign is looked for, which is rare, and what is before it is read backwards.
_SIGN = re.compile(r"(?:=[=>]?|:=?)\s{0,3}|-(?<![\w.-]-)-?([\w.-]{2,80})(?:\s{1,3}|[\"'],\s{0,3})(?=[^\s-])")
_NAME_BEFORE = re.compile(r"\s{0,3}\]?[\"']?\\?([\w.-]{1,256})")
_LONGEST_BEFORE = 264
_VALUE = LazyPattern(
    r"([bBfFrRuU]{0,2}\"(?!\"\"))(?:[^\"\\]|\\.)*(\"|\\?\Z)|([bBfFrRuU]{0,2}'(?!''))(?:[^'\\]|\\.)*('|\\?\Z)"
    r"|(\\[\"'])(?:[^\"'\\]|\\(?![\"']))*(\\[\"']|\Z)"
    r"|([\[({])[^\])}]{0,2000}([\])}]|\Z)"
    r"|(?!…|//)((?:(?i:basic|bearer|digest|token)\s{1,3})?[^\s]+)",
    re.DOTALL,
)
_NUMBER = LazyPattern(r"[+-]?\d[\d_]*(?:\.\d+)?")
# A number under such a name is a count.
_COUNT = LazyPattern(r"tokens|(?:max|min|num|n)_?token|token_?(?:budget|count|length|limit|number|size)", re.IGNORECASE)
_NOTHING = frozenset({"None", "True", "False", "null", "true", "false"})
_SIGNS_AFTER = ",;.)]}\"'"
# Words after the name of a flag in a sentence about it.
_PROSE = frozenset(
    {"and", "are", "as", "can", "cannot", "for", "has", "in", "is", "must", "needs", "not", "of", "or", "to", "was"}
)


def hide_assigned(text: str, names_secret: NamesSecret) -> str:
    """Return a text without what is assigned to secret names in it.

    Args:
        text: any.
        names_secret: tells which names are.
    """
    if not (":" in text or "=" in text or "-" in text):
        return text
    shown: list[str] = []
    kept = at = 0
    while (sign := _SIGN.search(text, at)) is not None:
        at = sign.end()
        name = sign.group(1)
        is_flag = name is not None
        if not is_flag:
            before = _NAME_BEFORE.match(text[max(kept, sign.start() - _LONGEST_BEFORE) : sign.start()][::-1])
            if before is None:
                continue
            name = before.group(1)[::-1]
        if not names_secret(name, is_flag or sign.group().strip() != ":" or text[sign.start() - 1] in "\"'"):
            continue
        value = _VALUE.compiled.match(text, at)
        if value is None:
            continue
        hidden = _hidden(value, is_flag=is_flag)
        if hidden is not None and not (
            names_count(name) and _NUMBER.compiled.fullmatch(value.group().rstrip(_SIGNS_AFTER))
        ):
            shown += (text[kept:at], hidden)
            kept = at = value.end()
    return "".join(shown) + text[kept:] if shown else text


def names_count(name: str) -> bool:
    """Tell whether a number under a name that looks secret is none, but a count of tokens."""
    return _COUNT.compiled.search(name) is not None and SECRET_KEY.search(_COUNT.compiled.sub("", name)) is None


def _hidden(value: re.Match[str], *, is_flag: bool) -> str | None:
    """Return what stands for a value; None if it is no secret."""
    *quoted, bare = value.groups()
    if bare is None:
        opening, closing = (each for each in quoted if each is not None)
        return f"{opening}{REDACTED}{closing}"
    inner = bare.rstrip(_SIGNS_AFTER)
    if not inner or inner == REDACTED or inner in _NOTHING or (is_flag and inner in _PROSE):
        return None
    return f"{REDACTED}{bare[len(inner) :]}"
