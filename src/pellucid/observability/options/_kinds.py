"""What values of settings may be, and how they are read from a file and from a variable."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pellucid._util.lazily import LazyPattern
from pellucid._util.rows import Row
from pellucid._util.suggest import did_you_mean

_TOKEN = LazyPattern(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ESCAPE = LazyPattern(r"%(?![0-9A-Fa-f]{2})")
_TARGET = LazyPattern(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?|unix:.+")
PAIRS = "name=value, with commas between, percent-encoded"
"""How a variable writes texts by name."""
_FLAGS = {"true": True, "false": False}


class MisfitError(ValueError):
    """A value is not what it should be; the message is a hint, or empty."""


class Kind(Row):
    """A kind of values.

    Attributes:
        text: what is allowed, as a phrase.
        check: returns the value as the settings have it, or raises ``MisfitError``.
        read: makes of the text of a variable what ``check`` takes.
        is_optional: whether null is a value of its own.
        written: what is allowed in a variable, where that is written in another way.
    """

    text: str
    check: Callable[[Any], Any]
    read: Callable[[str], Any] = str
    is_optional: bool = False
    written: str = ""

    def allowed(self, *, in_variable: bool = False) -> str:
        """Return what is allowed, in a file or in a variable."""
        if in_variable:
            return self.written or self.text
        return self.text + (", or null" if self.is_optional else "")


def flag() -> Kind:
    """Return the kind of true and false."""

    def check(value: Any) -> bool:
        if not isinstance(value, bool):
            raise MisfitError
        return value

    return Kind("true or false", check, lambda text: _FLAGS.get(text.strip().lower(), text))


def whole(low: int, high: int) -> Kind:
    """Return the kind of whole numbers in a range."""

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise MisfitError
        return value

    return Kind(f"a whole number from {low:,} to {high:,}", check, lambda text: _read(int, text))


def number(low: float, high: float) -> Kind:
    """Return the kind of numbers in a range."""

    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise MisfitError
        return float(value)

    return Kind(f"a number from {low:,g} to {high:,g}", check, lambda text: _read(float, text))


def text() -> Kind:
    """Return the kind of texts that are not empty, or null."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise MisfitError
        return value

    return Kind("a text", check, is_optional=True)


def choice(*words: str, folds: bool = False) -> Kind:
    """Return the kind of some words; ``folds`` takes them in any case."""

    def check(value: Any) -> str:
        if value is False and "off" in words:
            return "off"  # YAML 1.1 takes the bare word for false
        if not isinstance(value, str):
            raise MisfitError
        same = [word for word in words if word == value or (folds and word.lower() == value.lower())]
        if not same:
            given = value[:80].upper() if folds else value[:80]
            raise MisfitError(did_you_mean(given, words).strip())
        return same[0]

    return Kind(", ".join(words), check, str.strip)


def path() -> Kind:
    """Return the kind of paths, or null."""

    def check(value: Any) -> Path:
        if not isinstance(value, (str, Path)) or not str(value).strip() or "\0" in str(value):
            raise MisfitError
        return Path(value).expanduser() if str(value).startswith("~") else Path(value)

    # What a shell says is relative to its working directory.
    return Kind("a path", check, lambda given: Path(given).absolute(), is_optional=True)


def prom_file() -> Kind:
    """Return the kind of files that node-exporter's textfile collector reads, or null."""
    plain = path()

    def check(value: Any) -> Path:
        found: Path = plain.check(value)
        if found.suffix != ".prom":
            raise MisfitError("node-exporter reads no other file.")
        return found

    return Kind("a path that ends in .prom", check, plain.read, is_optional=True)


def required_path() -> Kind:
    """Return the kind of paths that have to be somewhere."""
    return Kind("a path", path().check)


def url() -> Kind:
    """Return the kind of URLs over http, or null."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or not is_http_url(value):
            raise MisfitError
        return value

    return Kind("a URL, http://… or https://…", check, str.strip, is_optional=True)


def endpoint() -> Kind:
    """Return the kind of URLs and of targets of grpc, or null."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or not (is_http_url(value) or _TARGET.compiled.fullmatch(value)):
            raise MisfitError
        return value

    return Kind("a URL, http://… or https://…; with grpc also host:port", check, str.strip, is_optional=True)


def is_http_url(value: str) -> bool:
    """Tell whether a text is a URL over http with a host and a port that can be."""
    try:
        parts = urlsplit(value)
        # The port is looked at when it is asked for.
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and value.isprintable()
    except ValueError:
        return False


def headers() -> Kind:
    """Return the kind of headers: texts by names that HTTP allows (RFC 9110, 5.6.2)."""

    def check(value: Any) -> Mapping[str, str]:
        if not isinstance(value, Mapping):
            raise MisfitError
        found = {}
        for name, each in value.items():
            if not isinstance(name, str) or not _TOKEN.compiled.fullmatch(name):
                raise MisfitError("A name is none that HTTP allows.")
            if not isinstance(each, (str, int, float)) or isinstance(each, bool):
                raise MisfitError(f"The value of '{name[:80]}' is no text.")
            if any(letter in str(each) for letter in "\r\n\0"):
                raise MisfitError(f"The value of '{name[:80]}' has a line end.")
            found[name] = str(each)
        return found

    return Kind("names with texts", check, pairs, written=PAIRS)


def texts_by_name() -> Kind:
    """Return the kind of texts by name."""

    def check(value: Any) -> Mapping[str, str]:
        if not isinstance(value, Mapping) or not all(
            isinstance(name, str) and name and isinstance(each, (str, int, float)) for name, each in value.items()
        ):
            raise MisfitError
        return {name: str(each).lower() if isinstance(each, bool) else str(each) for name, each in value.items()}

    return Kind("names with texts", check, pairs, written=PAIRS)


def numbers_by_name(low: float) -> Kind:
    """Return the kind of numbers by name, from ``low``."""
    one = number(low, math.inf)

    def check(value: Any) -> Mapping[str, float]:
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise MisfitError
        return {name: one.check(each) for name, each in value.items()}

    return Kind(f"names with numbers from {low:g}", check)


def patterns() -> Kind:
    """Return the kind of lists of regular expressions."""

    def check(value: Any) -> tuple[str, ...]:
        if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) and each for each in value):
            raise MisfitError
        for each in value:
            try:
                re.compile(each)
            except (re.error, OverflowError, RecursionError) as error:
                raise MisfitError(f"'{each[:80]}' is none: {error}.") from None
        return tuple(value)

    return Kind("a list of regular expressions", check)


def words(*known: str) -> Kind:
    """Return the kind of lists of some words; a variable has commas between them."""

    def check(value: Any) -> tuple[str, ...]:
        if not isinstance(value, (list, tuple)):
            raise MisfitError
        for each in value:
            if each not in known:
                raise MisfitError(f"'{str(each)[:80]}' is not known.{did_you_mean(str(each)[:80], known)}")
        return tuple(dict.fromkeys(value))

    return Kind(
        f"a list of {', '.join(known)}",
        check,
        lambda given: [each.strip() for each in given.split(",") if each.strip()],
        written=f"some of {', '.join(known)}, with commas between",
    )


def share() -> Kind:
    """Return the kind of shares from 0 to 1, kept as texts; empty is all."""

    def check(value: Any) -> str:
        if value == "":
            return ""
        try:
            ratio = float(value)
        except (TypeError, ValueError):
            raise MisfitError from None
        if isinstance(value, bool) or not 0 <= ratio <= 1:
            raise MisfitError
        return str(value).strip()

    return Kind("a number from 0 to 1", check)


def pairs(given: str) -> dict[str, str]:
    """Read ``name=value,name=value`` with percent-encoded values, as the variables for headers and resources have it.

    Raises:
        MisfitError: a pair has no ``=`` or no name, or an escape means nothing; then none of them counts.
    """
    found = {}
    for number_of, each in enumerate(given.split(","), 1):
        if not each.strip():
            continue
        name, sign, value = each.partition("=")
        name = unquote(name.strip())
        if not sign or not name:
            raise MisfitError(f"Part {number_of} is not name=value.")
        if _ESCAPE.compiled.search(value):
            raise MisfitError(f"The value of '{name[:80]}' has a % that begins no escape.")
        try:
            found[name] = unquote(value.strip(), errors="strict")
        except UnicodeDecodeError:
            raise MisfitError(f"The value of '{name[:80]}' is not UTF-8.") from None
    return found


def _read(make: Callable[[str], float], given: str) -> float:
    try:
        return make(given.strip())
    except ValueError:
        raise MisfitError from None
