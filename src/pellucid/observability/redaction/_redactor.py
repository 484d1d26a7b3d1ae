"""The redactor: one for all that a session records."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

from pellucid._util.redaction import REDACTED, SECRET_KEY
from pellucid.observability.redaction._errors import described_error
from pellucid.observability.redaction._known import KnownSecrets
from pellucid.observability.redaction._patterns import hide_known_forms, names_secret, visible
from pellucid.observability.redaction._values import Described, as_attribute

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pellucid.observability.options import RedactionOptions

_SHORT_TEXT = 256
_LONGEST_KEY = 256
_MARGIN = 512
_MOST_KEYS = 2048
_TRACEBACK_TIMES = 4
_SMALLEST_LENGTH = 32
# A number under such a key is a count.
_COUNT_KEY = re.compile(r"tokens|(?:max|min|num|n)_?token", re.IGNORECASE)


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
        return self._text(text, self._length)

    def lines(self, text: str, length: int | None = None) -> str:
        """Return a text that may have several lines, bounded, without secrets.

        Args:
            text: for example a traceback.
            length: the most characters; the limit for values if not given.
        """
        return self._text(text, self._length if length is None else max(_SMALLEST_LENGTH, length), keeps_lines=True)

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
            return self._text(value, self._length)
        return as_attribute(self.value(key, value), self._length)

    def exception(self, error: BaseException) -> tuple[str, str, str]:
        """Return type, message and traceback of an exception, bounded, without secrets.

        Args:
            error: of anybody; its causes and its notes are in the traceback, and the source lines.
        """
        return described_error(self, error, self._length, self._length * _TRACEBACK_TIMES)

    def is_secret_key(self, key: str) -> bool:
        """Tell whether the values under a key are secret."""
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
        return not (type(value) in (int, float) and _COUNT_KEY.search(key) and not _is_hidden_else(key))

    def _text(self, text: str, length: int, *, keeps_lines: bool = False) -> str:
        known = self._known
        if type(text) is str and len(text) <= _SHORT_TEXT and len(text) <= length:
            if text in known.harmless:
                return text
            if text.isprintable() and known.finds(text) is None and not _is_suspect(text):
                if len(known.harmless) >= _MOST_KEYS:
                    known.harmless.clear()
                known.harmless.add(text)
                return text
        size = str.__len__(text)
        margin = max(_MARGIN, known.longest)
        shown = str.__getitem__(text, slice(0, length + margin))
        shown = hide_known_forms(known.hide(shown), is_cut=size > length + margin)
        seen = visible(shown, keeps_lines=keeps_lines)
        if seen is not shown:
            seen = hide_known_forms(known.hide(seen), is_cut=size > length + margin)
        return _cut(seen, length, max(0, size - length - margin))

    def __reduce__(self) -> tuple[type[Redactor], tuple[RedactionOptions, tuple[str, ...]]]:
        return Redactor, (self._options, tuple(self._known.texts))


def _is_hidden_else(key: str) -> bool:
    return SECRET_KEY.search(_COUNT_KEY.sub("", key)) is not None


def _is_suspect(text: str) -> bool:
    return (":" in text or "=" in text) and ("://" in text or names_secret(text))


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
