"""Calls hooks while an error is being handled, so that nothing takes its place."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_logger = logging.getLogger(__name__)


def tell(caller: Callable[..., Any] | None, handled: BaseException | None, name: str, **arguments: Any) -> None:
    """Call a hook where nothing may be raised; one plugin that raises does not keep the others from being called.

    Args:
        caller: the hook, or None.
        handled: the error that is being handled: what a plugin raises is noted on it, and logged.
        name: the hook's name, for the log.
        **arguments: what the hook is called with.
    """
    if caller is None:
        return
    for call in _each(caller, arguments):
        try:
            call()
        except BaseException as raised:
            _logger.exception("The hook %s raised %s", name, type(raised).__name__)
            if handled is not None and handled is not raised:
                _note(handled, f"While this was handled, the hook {name} raised {type(raised).__name__}: {raised}")


def _each(caller: Callable[..., Any], arguments: dict[str, Any]) -> Iterator[Callable[[], Any]]:
    """Give one call for each implementation, or a single one for all where they wrap each other."""
    implementations: list[Any] = getattr(caller, "get_hookimpls", list)() or []
    if not all(_stands_alone(each) for each in implementations) or not implementations:
        yield partial(caller, **arguments)
        return
    for each in reversed(implementations):
        yield partial(each.function, *[arguments[wanted] for wanted in each.argnames])


def _stands_alone(implementation: Any) -> bool:
    wraps = getattr(implementation, "wrapper", False) or getattr(implementation, "hookwrapper", False)
    return not wraps and hasattr(implementation, "function") and hasattr(implementation, "argnames")


def _note(error: BaseException, text: str) -> None:
    # BaseException.add_note is there from Python 3.11 on; before, the attribute is what third parties print.
    error.__dict__.setdefault("__notes__", []).append(text)
