"""Letters that are not to be shown as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid._util.lazily import LazyPattern

if TYPE_CHECKING:
    import re

# C0 and C1 controls with DEL; soft hyphen; Arabic letter mark; zero-width space and bidi marks; line and paragraph
# separators; bidi embeddings, overrides and isolates; byte order mark; annotations; lone surrogates; tags. The joiners
# between letters are none of them: scripts and emoji are written with them.
_LETTERS = (
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
INVISIBLE = LazyPattern(_LETTERS)
"""Finds a letter that controls a terminal, ends a line, turns the direction of text, or is not to be seen."""

_INVISIBLE_IN_LINES = LazyPattern(f"(?![\t\n]){_LETTERS}")


def visible(text: str, *, keeps_lines: bool = False) -> str:
    """Return a text in which letters that control a terminal, end a line, or turn the direction are written as escapes.

    Args:
        text: any.
        keeps_lines: leave line ends and tabulators as they are.
    """
    if text.isprintable():
        return text
    return (_INVISIBLE_IN_LINES if keeps_lines else INVISIBLE).sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape", "backslashreplace").decode("ascii")
