"""The redactor: one for all that a session records."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

from pellucid._util.redaction import REDACTED, SECRET_KEY
from pellucid.observability.redaction._assigned import hide_assigned, names_count
from pellucid.observability.redaction._errors import described_error
from pellucid.observability.redaction._known import KnownSecrets
from pellucid.observability.redaction._letters import visible
from pellucid.observability.redaction._patterns import hide_known_forms
from pellucid.observability.redaction._values import Described, as_attribute, name_of_type

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pellucid.observability.options import RedactionOptions

_SHORT_TEXT = 256
_LONGEST_KEY = 256
_MARGIN = 512
_MOST_KEYS = 2048
_TRACEBACK_TIMES = 4
_SMALLEST_LENGTH = 32
# In a text, these are words of sentences as well, and `key` is the name of most arguments.
_NEVER_IN_TEXT = frozenset({"con", "key"})
_IN_CODE_ONLY = frozenset({"auth", "bearer", "pass", "pat", "pin", "salt"})


class Redactor:
    """Hides secrets, bounds what is long, and makes visible what is not; may be used by several threads.

    Nothing here raises, whatever it is given; only Ctrl-C and the signals that end a run pass. What it returns, it
    leaves as it is when it is given it again. Where secrets are replaced, ``<redacted>`` stands.

    Args:
        options: patterns of keys, and bounds.
        secrets: texts that are not to be shown, such as the values of the credentials.
    """

    def __init__(self, options: RedactionOptions, secrets: Iterable[str] = ()) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._known = KnownSecrets(secrets)
        self._length = max(_SMALLEST_LENGTH, options.value_length)
        self._short = min(_SHORT_TEXT, self._length)
        self._key_patterns = [SECRET_KEY.search, *(each.search for each in map(_compiled, options.keys) if each)]
        self._keys: dict[str, bool] = {}
        self.version = 0
        """Changes with what is hidden: what was redacted before may be kept for as long as it stays the same."""

    def add_secrets(self, values: Iterable[str]) -> None:
        """Hide these texts as well, from now on."""
        with self._lock:
            texts = {*self._known.texts, *values}
            if len(texts) > len(self._known.texts):
                self._known = KnownSecrets(texts)
                self.version += 1

    def text(self, text: str) -> str:
        """Return a text on one line, bounded, without secrets."""
        return text if self._is_clean(text) else self._text(text, self._length)

    def hides_nothing_in(self, texts: Collection[str]) -> bool:
        """Tell, by one look, whether all of these texts are certainly shown as they are; False is no answer."""
        if not texts or max(map(len, texts)) > self._short:
            return False
        # What ends or begins one of them does so here as well: at a space as at the end of a text.
        text = " ".join(texts)
        return text.isprintable() and ":" not in text and "=" not in text and self._known.finds(text) is None

    def lines(self, text: str, length: int | None = None) -> str:
        """Return a text that may have several lines, bounded, without secrets.

        Args:
            text: for example a traceback.
            length: the most characters; the limit for values if not given.
        """
        most = self._length if length is None else max(_SMALLEST_LENGTH, length)
        return text if self._is_clean(text) and len(text) <= most else self._text(text, most, keeps_lines=True)

    def value(self, key: str, value: Any) -> Any:
        """Return a value as JSON has them: None, bool, int, float, str, list, dict; bounded, without secrets.

        Args:
            key: its name, which may say that it is secret.
            value: of anybody; what is not plain data shows as ``<module.Type>``.
        """
        return Described(self, items=max(1, self._options.items), length=self._length).value(key, value)

    def attribute(
        self, key: str, value: Any
    ) -> str | bool | int | float | list[str] | list[bool] | list[int] | list[float]:
        """Return a value as OTLP has them: a primitive or a list of one kind of them; anything else as JSON text.

        Args:
            key: its name, which may say that it is secret.
            value: of anybody.
        """
        if type(value) is str and not self.is_secret_key(key):
            return self.text(value)
        return as_attribute(self.value(key, value), self._length)

    def exception(self, error: BaseException) -> tuple[str, str, str]:
        """Return type, message and traceback of an exception, bounded, without secrets.

        Args:
            error: of anybody; its causes and its notes are in the traceback, and the source lines.
        """
        return described_error(self, error, self._length, self._length * _TRACEBACK_TIMES)

    def is_secret_key(self, key: str) -> bool:
        """Tell whether the values under a key are secret."""
        if type(key) is not str:
            key = str.__getitem__(key, slice(None)) if issubclass(type(key), str) else ""
        known = self._keys.get(key)
        if known is None:
            if len(self._keys) >= _MOST_KEYS:
                self._keys.clear()
            short = key[:_LONGEST_KEY]
            known = self._keys[short] = any(search(short) for search in self._key_patterns)
        return known

    def hides(self, key: str, value: Any) -> bool:
        """Tell whether a value is secret for its key: there is no secret in None or a bool, or in a count of tokens."""
        if value is None or value is True or value is False or not self.is_secret_key(key):
            return False
        return not (type(value) in (int, float) and names_count(key))

    def _text(self, text: str, length: int, *, keeps_lines: bool = False) -> str:
        if not issubclass(type(text), str):
            return f"<{name_of_type(type(text))}>"
        size = str.__len__(text)
        known = self._known
        margin = max(_MARGIN, known.longest)
        is_cut = size > length + margin
        shown = str.__getitem__(text, slice(0, length + margin))
        shown = hide_known_forms(known.hide(shown), self._names_secret, is_cut=is_cut)
        seen = visible(shown, keeps_lines=keeps_lines)
        if seen is not shown:
            seen = hide_known_forms(known.hide(seen), self._names_secret, is_cut=is_cut)
        return _cut(seen, length, max(0, size - length - margin))

    def _is_clean(self, text: str) -> bool:
        """Tell whether a short text is shown as it is; quickly, as nearly all are."""
        known = self._known
        if type(text) is not str or len(text) > self._short:
            return False
        if text in known.harmless:
            return True
        if not text.isprintable() or known.finds(text) is not None or self._is_suspect(text):
            return False
        if len(known.harmless) >= _MOST_KEYS:
            known.harmless.clear()
        known.harmless.add(text)
        return True

    def _is_suspect(self, text: str) -> bool:
        return (":" in text or "=" in text) and ("://" in text or hide_assigned(text, self._names_secret) is not text)

    def _names_secret(self, name: str, in_code: bool) -> bool:
        """Tell whether what is assigned to a name in a text is secret."""
        if not self.is_secret_key(name):
            return False
        folded = name.lower()
        return not (folded in _NEVER_IN_TEXT or (folded in _IN_CODE_ONLY and not in_code))

    def __reduce__(self) -> tuple[type[Redactor], tuple[RedactionOptions, tuple[str, ...]]]:
        return Redactor, (self._options, tuple(self._known.texts))


def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError, TypeError):  # the settings say so where they are checked
        return None


def _cut(text: str, length: int, unseen: int) -> str:
    """Return a text of at most ``length`` characters, saying how much is left out; a placeholder stays whole."""
    if len(text) <= length and not unseen:
        return text
    left_out = len(text) - length + unseen
    room = max(0, length - len(f"… ({left_out + length:,} more characters)"))
    kept = text[:room]
    start = kept.rfind(REDACTED[0], max(0, room - len(REDACTED)))
    if start >= 0 and text.startswith(REDACTED, start) and start + len(REDACTED) > room:
        kept = kept[:start]
    return f"{kept}… ({len(text) - len(kept) + unseen:,} more characters)"
