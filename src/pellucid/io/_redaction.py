"""Describes values in messages: bounded, without secrets, and without calling the repr of anybody's data."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import PurePath
from typing import Any

from pellucid._util.redaction import REDACTED, SECRET_KEY, forms_of, redact_path, redact_urls, texts_in

__all__ = [
    "bounded",
    "credentials_in",
    "hide_values",
    "redact_path",
    "redact_urls",
    "show",
    "show_arguments",
    "show_error",
    "without_values",
]

_MAX_ITEMS, _MAX_TEXT, _MAX_DEPTH = 20, 500, 4
_MAX_MESSAGE = 10_000
_PLAIN = (bool, int, float, complex, type(None))


def without_values(text: str, secrets: Any) -> str:
    """Return ``text`` with every text that occurs as a value in ``secrets`` replaced, and with bare URLs."""
    forms = set().union(*map(forms_of, texts_in(secrets)))
    for value in sorted(forms, key=len, reverse=True):
        text = text.replace(value, REDACTED)
    return redact_urls(text)


def credentials_in(config: Any, depth: int = 0) -> list[Any]:
    """Return what stands under a key ``credentials`` in a dataset's configuration or arguments."""
    if depth > _MAX_DEPTH:
        return []
    if isinstance(config, Mapping):
        own = [config["credentials"]] if config.get("credentials") else []
        return own + [found for each in config.values() for found in credentials_in(each, depth + 1)]
    if isinstance(config, (list, tuple)):
        return [found for each in config for found in credentials_in(each, depth + 1)]
    return []


def hide_values(error: BaseException | None, secrets: Any) -> None:
    """Replace what occurs as a value in ``secrets`` in the messages of an error and of those that led to it.

    For a traceback shows them all, whatever the error says that is raised in the end.
    """
    seen: set[int] = set()
    while error is not None and secrets and id(error) not in seen:
        seen.add(id(error))
        if any(isinstance(each, str) for each in error.args):
            hidden = tuple(without_values(each, secrets) if isinstance(each, str) else each for each in error.args)
            if hidden != error.args:
                error.args = hidden
        error = error.__cause__ or error.__context__


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
    path, protocol = arguments.get("filepath"), arguments.get("protocol")
    if isinstance(path, (str, PurePath)) and isinstance(protocol, str) and protocol != "file":
        # Datasets tell the two apart, and what is left of a URL does not look like one.
        arguments = {**arguments, "filepath": redact_path(protocol, str(path))}
    return _pairs(((name, value) for name, value in arguments.items() if value is not None), "=", 0)


def show_error(error: BaseException, secrets: Any = None) -> str:
    """Return an exception's message, or its type where it has none or cannot tell it; bounded, and with bare URLs.

    Args:
        error: the exception.
        secrets: every text that occurs as a value in it is replaced.
    """
    try:
        text = str(error)
    except Exception:
        text = ""
    kind = type(error).__name__
    if not text:
        return kind
    text = bounded(without_values(text, secrets))
    return f"{kind}: {text}" if isinstance(error, (LookupError, AttributeError, StopIteration)) else text


def bounded(text: str) -> str:
    """Return ``text``, or its beginning and how much of it is left out."""
    left_out = len(text) - _MAX_MESSAGE
    return text if left_out <= 0 else f"{text[:_MAX_MESSAGE]}… ({left_out:,} more characters)"


def _text(text: str) -> str:
    return repr(text) if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]!r}…"


def _pairs(items: Any, sign: str, depth: int) -> str:
    shown: list[str] = []
    for name, value in items:
        if len(shown) == _MAX_ITEMS:
            shown.append("…")
            break
        key = name if sign == "=" else show(name, depth + 1)
        secret = isinstance(name, str) and value is not None and SECRET_KEY.search(name)
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
