"""Secrets that are known by their values."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pellucid._util.redaction import REDACTED, SHORTEST_SECRET, forms_of, texts_in

if TYPE_CHECKING:
    from collections.abc import Iterable

# These stand in many credentials, and say nothing.
_HARMLESS = frozenset({"true", "false", "none", "null", "yes", "http", "https"})
_SHORTEST_BASE64 = 8
_SHORTEST_LINE = 8
_LONGEST_MARGIN = 65536

# What begins each kind of secret that is recognised by its form; see _patterns.
_MARKS = ("-----BEGIN", "eyJ", "AKIA", "ASIA", "gh", "glpat-", "xox", "AIza", "earer", "EARER")


class KnownSecrets:
    """Finds and replaces secrets by their values; never changes.

    Args:
        texts: the secrets; also found as their repr, and as JSON, URLs and base64 have them.
    """

    __slots__ = ("_replace", "finds", "harmless", "longest", "texts")

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.texts = frozenset(each for each in texts if _is_secret(each))
        forms = sorted({form for each in self.texts for form in _all_forms(each)}, key=lambda form: (-len(form), form))
        self.longest = min(_LONGEST_MARGIN, len(forms[0])) if forms else 0
        # The placeholder comes first, so that a secret that is a part of it is not looked for in it.
        self._replace = re.compile("|".join((re.escape(REDACTED), _any_of(forms)))).sub if forms else None
        search = re.compile("|".join((*map(re.escape, _MARKS), *map(re.escape, forms)))).search
        self.finds = search
        """Finds a secret by its value or its first letters; None if there is none."""
        self.harmless: set[str] = set()
        """Short texts that were looked at; of the caller, who bounds it."""

    def hide(self, text: str) -> str:
        """Return a text without the secrets."""
        return self._replace(REDACTED, text) if self._replace is not None else text


def secrets_in(credentials: Any) -> set[str]:
    """Return the texts of a credentials configuration that are not to be shown; empty where it cannot be read.

    Args:
        credentials: mappings, lists and tuples of anything.
    """
    try:
        return {each for each in texts_in(credentials) if _is_secret(each)}
    except Exception:  # somebody's mapping
        return set()


def _is_secret(text: object) -> bool:
    return isinstance(text, str) and len(text.strip()) >= SHORTEST_SECRET and text.lower() not in _HARMLESS


def _all_forms(text: str) -> set[str]:
    lines = {line.strip() for line in text.splitlines() if len(line.strip()) >= _SHORTEST_LINE}
    forms = forms_of(text) | lines | {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    forms.add(quote(text.encode("utf-8", "surrogatepass")))  # as a path of a URL has it
    return {form for form in forms | _base64_forms(text) if len(form) >= SHORTEST_SECRET}


def _base64_forms(text: str) -> set[str]:
    """Return what of the text's base64 form is the same whatever stands before and after it."""
    raw = text.encode("utf-8", "surrogatepass")
    found = set()
    for before in range(3):
        # Letters of six bits that share a byte with a neighbour are left out.
        first = -(-before * 8 // 6)
        last = (before + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            form = encode(b"\0" * before + raw).decode("ascii")[first:last]
            if len(form) >= _SHORTEST_BASE64:
                found.add(form)
    return found


def _any_of(forms: list[str]) -> str:
    """Return a pattern for any of the forms, the longest first, by their first letters."""
    by_letter: dict[str, list[str]] = {}
    for form in forms:
        by_letter.setdefault(form[0], []).append(re.escape(form[1:]))
    return "|".join(f"{re.escape(letter)}(?:{'|'.join(rest)})" for letter, rest in by_letter.items())
