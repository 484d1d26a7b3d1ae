"""Secrets that a process is given by its environment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pellucid._util.lazily import LazyPattern
from pellucid._util.redaction import SECRET_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SHORTEST, _LONGEST = 8, 65536
# Variables that say where a secret is, or of which kind.
_ABOUT = LazyPattern(
    r"_(?:ALGORITHM|AUDIENCE|BACKEND|CLASS|COUNT|DIR|DOMAIN|ENABLED|EXPIR\w*|FILE|HELPER|HOST|ISSUER|LENGTH|NAME|PATH"
    r"|PORT|PROVIDER|REGION|SCOPES?|SOCK|STORE|TIMEOUT|TTL|TYPE|USER|USERNAME|VERSION)$",
    re.IGNORECASE,
)
_WORD = LazyPattern(r"(?:[a-z]{1,15}|[A-Z][a-z]{1,14}|[A-Z]{1,15})")
_NUMBER = LazyPattern(r"[\d.,:+/TZ -]+")  # dates and versions, too
_PATH = LazyPattern(r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\]")
_PASSWORD_IN_URL = LazyPattern(r"://[^\s/:@]{0,512}:([^\s@]+)@")
_PARTS = LazyPattern(r"[;,&?\s]+")
_SCHEME = LazyPattern(r"(?:basic|bearer|token)(?:\s|%20)+", re.IGNORECASE)


def secrets_of_environment(variables: Mapping[str, str]) -> set[str]:
    """Return the values that are not to be shown wherever they turn up; none of those that are short or ordinary.

    They are the values of variables whose name says that they are secret, passwords in URLs, ``name=value`` in a
    value where the name says so, and the headers of OTLP.

    Args:
        variables: such as ``os.environ``.
    """
    return {each for name, value in list(variables.items()) for each in _secrets_of(name, value) if is_telling(each)}


def secrets_of_headers(values: Iterable[str]) -> set[str]:
    """Return what is not to be shown of the values of headers; none of what is short or ordinary."""
    return {each for value in values for each in _as_header(str(value)) if is_telling(each)}


def passwords_in_urls(text: str) -> Iterator[str]:
    """Yield the passwords of URLs, as they are written and as they are meant."""
    if "://" in text:
        for found in _PASSWORD_IN_URL.compiled.findall(text):
            yield found
            yield unquote(found)


def is_telling(text: str) -> bool:
    """Tell whether a text that is found elsewhere is the same secret: it is long, no word, number or path."""
    return (
        _SHORTEST <= len(text.strip()) <= _LONGEST
        and not _WORD.compiled.fullmatch(text)
        and not _NUMBER.compiled.fullmatch(text)
        and not _is_path(text)
    )


def _secrets_of(name: str, value: str) -> Iterator[str]:
    if len(value) < _SHORTEST or len(value) > _LONGEST:
        return
    yield from passwords_in_urls(value)
    is_header = name.upper().endswith("_HEADERS") and name.upper().startswith("OTEL_")
    if "=" in value:
        for part in _PARTS.compiled.split(value):
            key, sign, inner = part.partition("=")
            if sign and (is_header or SECRET_KEY.search(key)):
                yield from _as_header(inner)
    if is_header:
        # A value may have blanks in it.
        for part in value.split(","):
            yield from _as_header(part.partition("=")[2])
    elif SECRET_KEY.search(name) and not _ABOUT.compiled.search(name) and "://" not in value:
        yield from _as_header(value)


def _as_header(value: str) -> Iterator[str]:
    bare = value.strip().strip("\"'")
    scheme = _SCHEME.compiled.match(bare)
    yield bare
    yield unquote(bare)
    if scheme is not None:
        yield bare[scheme.end() :]


def _is_path(text: str) -> bool:
    if not _PATH.compiled.match(text):
        return False
    # A secret may begin like a path.
    path = Path(text)
    try:
        return path.exists() or (path.parent != path.parent.parent and path.parent.is_dir())
    except (OSError, ValueError):
        return False
