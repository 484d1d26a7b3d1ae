"""Describes values in messages: bounded, without secrets, and without calling the repr of anybody's data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import PurePath
from typing import Any

REDACTED = "<redacted>"

_SECRET_KEY = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|credential|(api|access|account|private|sas|shared|signing|storage)[_-]?key"
    r"|connection[_-]?string|^con$|^(key|sas|auth|pwd)$",
    re.IGNORECASE,
)
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^\s'\"<>]*)")
_MAX_ITEMS, _MAX_TEXT, _MAX_DEPTH = 20, 500, 4
_PLAIN = (bool, int, float, complex, type(None))


def redact_urls(text: str) -> str:
    """Replace what is before the ``@`` of a URL's host, and its query, by a placeholder."""
    return _URL.sub(_without_secrets, text) if "://" in text else text


def _without_secrets(match: re.Match[str]) -> str:
    scheme, rest = match.groups()
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    # A container of Azure is written as a user name, and is none.
    if at and not (scheme.startswith(("abfs", "adl", "oci")) and ":" not in user):
        authority = f"{REDACTED}@{host}"
    path, question, query = path.partition("?")
    return f"{scheme}{authority}{slash}{path}{question}{REDACTED if query else ''}"


def without_values(text: str, secrets: Any) -> str:
    """Return ``text`` with every string that occurs as a value in ``secrets`` replaced, and with bare URLs."""
    for value in sorted(_texts(secrets), key=len, reverse=True):
        text = text.replace(value, REDACTED)
    return redact_urls(text)


def _texts(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value} if len(value) > 3 else set()
    if isinstance(value, Mapping):
        return set().union(*(_texts(each) for each in value.values()))
    if isinstance(value, (list, tuple)):
        return set().union(*(_texts(each) for each in value))
    return set()


def show(value: Any, depth: int = 0) -> str:
    """Return text for a value: plain data as it would be typed, anything else as ``<module.Type>``."""
    kind = type(value)
    if kind in _PLAIN:
        return repr(value)
    if isinstance(value, (str, PurePath)):
        return _text(redact_urls(str(value)))
    if isinstance(value, type):
        return f"<class {value.__module__}.{value.__qualname__}>"
    if isinstance(value, (Mapping, list, tuple, AbstractSet)) and kind.__module__ in {"builtins", "collections"}:
        return _container(value, depth)
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return f"{kind.__name__}({_pairs(zip(kind._fields, value, strict=True), '=', depth)})"
    return f"<{kind.__module__}.{kind.__qualname__}>"


def show_arguments(arguments: Mapping[str, Any]) -> str:
    """Return ``name=value, …`` of those that are not None; the values of names that look secret are hidden."""
    return _pairs(((name, value) for name, value in arguments.items() if value is not None), "=", 0)


def show_error(error: BaseException) -> str:
    """Return an exception's message, or its type where it has none or cannot tell it."""
    try:
        text = str(error)
    except Exception:
        text = ""
    kind = type(error).__name__
    if not text:
        return kind
    return f"{kind}: {text}" if isinstance(error, (LookupError, AttributeError, StopIteration)) else text


def _text(text: str) -> str:
    return repr(text) if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]!r}…"


def _pairs(items: Any, sign: str, depth: int) -> str:
    shown: list[str] = []
    for name, value in items:
        if len(shown) == _MAX_ITEMS:
            shown.append("…")
            break
        key = name if sign == "=" else show(name, depth + 1)
        secret = isinstance(name, str) and value is not None and _SECRET_KEY.search(name)
        shown.append(f"{key}{sign}{REDACTED if secret else show(value, depth + 1)}")
    return ", ".join(shown)


def _container(value: Any, depth: int) -> str:
    if depth >= _MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return "{" + _pairs(value.items(), ": ", depth) + "}"
    inside = [show(each, depth + 1) for _, each in zip(range(_MAX_ITEMS), value, strict=False)]
    if len(value) > _MAX_ITEMS:
        inside.append("…")
    opening, closing = ("[", "]") if isinstance(value, list) else ("(", ")") if isinstance(value, tuple) else ("{", "}")
    return opening + ", ".join(inside) + closing
