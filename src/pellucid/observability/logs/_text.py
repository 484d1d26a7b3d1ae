"""Text that is safe to show on a terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from re import Match

__all__ = ["visible"]

# C0 and C1 controls with DEL; soft hyphen; Arabic letter mark; zero-width and bidi marks; line and paragraph
# separators; bidi embeddings, overrides and isolates; byte order mark; annotations; lone surrogates; tags.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """Return a text on one line, with what a terminal would obey, or hide, written as an escape."""
    return _UNSAFE.sub(_escaped, text) if not (text.isascii() and text.isprintable()) else text


def _escaped(found: Match[str]) -> str:
    return found.group().encode("unicode_escape", "backslashreplace").decode("ascii")
