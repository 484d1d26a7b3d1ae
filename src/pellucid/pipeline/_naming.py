"""What functions and nodes are called."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import PipelineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_ALLOWED = re.compile(r"[\w.-]+")
_HASH_DIGITS = 8


def function_name(func: Callable[..., Any]) -> str:
    """Return what to call a function: its name, ``partial(name)``, or the class of a callable object."""
    own = getattr(func, "__name__", None)
    return own if isinstance(own, str) else _unnamed(func)


def _unnamed(func: Callable[..., Any]) -> str:
    if isinstance(func, functools.partial):
        return f"partial({function_name(func.func)})"
    return type(func).__name__


def default_name(func: Callable[..., Any], inputs: Sequence[str], outputs: Sequence[str]) -> str:
    """Return the name of a node that was given none: the function's, and a digest of what tells it apart.

    The digest depends on the module and name of the function and the names of inputs and outputs in their order,
    and on nothing else, so the name is the same in every process and on every machine.
    """
    import hashlib

    if isinstance(func, functools.partial):
        shown = identity = _unnamed(func)
    else:
        shown = function_name(func)
        identity = f"{getattr(func, '__module__', None)}.{shown}"
    digest = hashlib.sha256(f"{identity}|{list(inputs)}|{list(outputs)}".encode()).hexdigest()
    return f"{shown}__{digest[:_HASH_DIGITS]}"


def check_word(value: object, kind: str) -> str:
    """Return ``value`` if it may be the name or tag of a node.

    Raises:
        PipelineError: if it is no text, or has a character that is neither letter, digit, ``_``, ``-`` nor ``.``.
    """
    if not isinstance(value, str):
        raise PipelineError(f"A node's {kind} is text, and {value!r} is of type {type(value).__name__}.")
    if _ALLOWED.fullmatch(value) is None:
        raise PipelineError(f"{value!r} cannot be a node's {kind}: use letters, digits, '_', '-' and '.' alone.")
    return value


def check_tags(tags: str | Iterable[str] | None) -> frozenset[str]:
    """Return tags as a set.

    Raises:
        PipelineError: if one of them cannot be a tag.
    """
    if tags is None:
        return frozenset()
    each = [tags] if isinstance(tags, str) else listed(tags, "tags")
    return frozenset(check_word(tag, "tag") for tag in each)


def listed(value: Iterable[str], what: str) -> list[str]:
    """Return the items of an iterable of texts.

    Raises:
        PipelineError: if it is not iterable, or has what is no text.
    """
    try:
        items = list(value)
    except TypeError:
        raise PipelineError(f"The {what} are text or several texts, and {value!r} is neither.") from None
    for item in items:
        if not isinstance(item, str):
            raise PipelineError(f"Among the {what} is {item!r} of type {type(item).__name__}, and they are text.")
    return items
