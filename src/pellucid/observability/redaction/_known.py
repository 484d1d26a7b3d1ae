"""Secrets that are known by their values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pellucid._util.lazily import LazyPattern
from pellucid._util.redaction import REDACTED, SHORTEST_SECRET, forms_of, texts_in
from pellucid.observability.redaction._environment import is_telling, passwords_in_urls
from pellucid.observability.redaction._patterns import MARKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# These stand in many credentials, and say nothing.
_HARMLESS = frozenset({"true", "false", "none", "null", "yes", "http", "https"})
_SHORTEST_BASE64 = 8
_SHORTEST_LINE = 8
_LONGEST_MARGIN = 65536
_MOST_DEPTH = 20
_HTML_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_HTML = {**_HTML_TEXT, **str.maketrans({'"': "&quot;", "'": "&#x27;"})}
_ESCAPE = LazyPattern("%[0-9A-F]{2}")


class KnownSecrets:
    """Finds and replaces secrets by their values; never changes.

    Args:
        texts: the secrets; also found as their repr, and as JSON, URLs and base64 have them.
    """

    __slots__ = ("_any_form", "_replace", "finds", "harmless", "longest", "texts")

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.texts = frozenset(each for each in texts if _is_secret(each))
        forms = sorted({form for each in self.texts for form in _all_forms(each)}, key=lambda form: (-len(form), form))
        self.longest = min(_LONGEST_MARGIN, len(forms[0])) if forms else 0
        any_form = self._any_form = _any_of(forms)
        self._replace: Callable[[str, str], str] | None = None
        self.finds = re.compile(f"{MARKS}|{any_form}" if forms else MARKS).search
        """Finds a secret by its value or its first letters; None if there is none."""
        self.harmless: set[str] = set()
        """Short texts that were looked at; of the caller, who bounds it."""

    def hide(self, text: str) -> str:
        """Return a text without the secrets."""
        if not self._any_form or self.finds(text) is None:
            return text
        if self._replace is None:
            # Compiled when first needed. The placeholder comes first, so that a secret that is a part of it is not
            # looked for in it.
            self._replace = re.compile(f"{re.escape(REDACTED)}|{self._any_form}").sub
        return self._replace(REDACTED, text)


def secrets_in(credentials: Any) -> set[str]:
    """Return the texts of a credentials configuration that are not to be shown; of what cannot be read, none.

    Args:
        credentials: mappings, lists and tuples of anything.
    """
    found: set[str] = set()
    _collect(credentials, found, 0)
    inner = {each for text in found for each in passwords_in_urls(text) if is_telling(each)}
    return {each for each in found | inner if _is_secret(each)}


def _collect(value: Any, found: set[str], depth: int) -> None:
    try:
        kind = type(value)
        if issubclass(kind, (Mapping, list, tuple)) and depth < _MOST_DEPTH:
            if issubclass(kind, Mapping):
                numbers = {key: each for key, each in value.items() if type(each) is int}
                found |= texts_in(numbers)
                value = value.values()
            for each in value:
                _collect(each, found, depth + 1)
        elif issubclass(kind, bytes):
            found.add(bytes.decode(value))
        elif hasattr(kind, "get_secret_value"):
            _collect(value.get_secret_value(), found, depth + 1)
        elif issubclass(kind, str):
            found.add(str.__getitem__(value, slice(None)))
    except Exception:  # somebody's object
        return


def _is_secret(text: object) -> bool:
    return isinstance(text, str) and len(text.strip()) >= SHORTEST_SECRET and text.lower() not in _HARMLESS


def _all_forms(text: str) -> set[str]:
    lines = {line.strip() for line in text.splitlines() if len(line.strip()) >= _SHORTEST_LINE}
    forms = forms_of(text) | lines | {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    forms.add(quote(text.encode("utf-8", "surrogatepass")))  # as a path of a URL has it
    forms |= {_ESCAPE.compiled.sub(lambda found: found.group().lower(), form) for form in forms if "%" in form}
    forms |= {text.translate(_HTML), text.translate(_HTML_TEXT)}
    return {form for form in forms | _base64_forms(text) if len(form) >= SHORTEST_SECRET}


def _base64_forms(text: str) -> set[str]:
    """Return what of the text's base64 form is the same whatever stands before and after it."""
    import base64

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
