"""Calls hooks so that each plugin is told, whatever the others raise."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from pellucid._util.texts import text_of
from pellucid.exceptions import RunTerminated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_logger = logging.getLogger(__name__)

_LONGEST_NOTE = 2000


def tell(caller: Callable[..., Any] | None, handled: BaseException | None, name: str, **arguments: Any) -> None:
    """Call a hook while an error is being handled; one plugin that raises does not keep the others from being called.

    Args:
        caller: the hook, or None.
        handled: the error that is being handled: what a plugin raises is noted on it, and logged.
        name: the hook's name, for the log.
        **arguments: what the hook is called with.

    Raises:
        KeyboardInterrupt: Ctrl-C arrived in a hook, and the error that is being handled is no such interruption. It
            is raised when all plugins were told; what was being handled is its cause.
        RunTerminated: a signal arrived, likewise.
    """
    if caller is None:
        return
    raised = _raised_by_each(caller, arguments)
    for each in raised:
        report(each, handled, f"the hook {name}")
    interruption = next((each for each in raised if interrupts(each, handled)), None)
    if interruption is not None:
        raise interruption from handled


def tell_all(caller: Callable[..., Any], name: str, **arguments: Any) -> None:
    """Call a hook; one plugin that raises does not keep the others from being called.

    Args:
        caller: the hook; one that cannot say who listens is called as a whole.
        name: its name, for the log.
        **arguments: what it is called with.

    Raises:
        BaseException: what was raised first, or the first interruption by a signal; any others are noted on it.
    """
    if not hasattr(caller, "get_hookimpls"):
        caller(**arguments)
        return
    raised = _raised_by_each(caller, arguments)
    if not raised:
        return
    first = next((each for each in raised if interrupts(each, raised[0])), raised[0])
    for each in raised:
        if each is not first:
            report(each, first, f"the hook {name}")
    raise first


def interrupts(raised: BaseException, handled: BaseException | None) -> bool:
    """Tell whether an exception comes of a signal, and so has to win over what is being handled."""
    signalled = (KeyboardInterrupt, RunTerminated)
    return isinstance(raised, signalled) and not isinstance(handled, signalled)


def report(raised: BaseException, handled: BaseException | None, by: str) -> None:
    """Log what was raised while an error was being handled, and note it on that error; never raises.

    Args:
        raised: what was raised.
        handled: the error that was being handled.
        by: what raised it, as a phrase.
    """
    kind = type(raised).__name__
    with suppress(Exception):
        _logger.error("While something else was handled, %s raised %s", by, kind, exc_info=raised)
    if handled is not None and handled is not raised:
        with suppress(Exception):
            _note(handled, f"While this was handled, {by} raised {kind}: {text_of(raised, _LONGEST_NOTE)}")


def _raised_by_each(caller: Callable[..., Any], arguments: dict[str, Any]) -> list[BaseException]:
    """Make all the calls, and return what they raised; nothing else is done meanwhile that a signal could cut off."""
    raised: list[BaseException] = []
    for call in _each(caller, arguments):
        try:
            call()
        except BaseException as error:
            raised.append(error)
    return raised


def _each(caller: Callable[..., Any], arguments: dict[str, Any]) -> Iterator[Callable[[], Any]]:
    """Give one call for each implementation, or a single one where they wrap each other, or there is but one."""
    implementations: list[Any] = getattr(caller, "get_hookimpls", list)() or []
    if len(implementations) < 2 or not all(_stands_alone(each) for each in implementations):
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
