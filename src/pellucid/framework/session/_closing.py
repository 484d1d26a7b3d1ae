"""How a session is told of, and ends: hooks and store, without an error of theirs in the place of one on its way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pellucid._util.telling import interrupts, report, tell, tell_all
from pellucid.exceptions import RunnerError, RunTerminated

if TYPE_CHECKING:
    from collections.abc import Callable

    from pellucid.framework.hooks.manager import HookManager
    from pellucid.framework.session.abstract_session import AbstractSession


def tell_of_creation(hooks: HookManager, session: AbstractSession, started: float, prepare: Callable[[], None]) -> None:
    """Prepare a new session and call ``after_session_created``; close it at once where either fails.

    All plugins are told in any case, as they are told of the end.

    Args:
        hooks: of the session.
        session: the new one.
        started: by ``time.perf_counter``, when its making began.
        prepare: does what is left to do.

    Raises:
        BaseException: what was raised first.
    """
    name, caller = "after_session_created", hooks.hook.after_session_created
    try:
        try:
            prepare()
        except BaseException as error:
            tell(caller, error, name, session=session, seconds=time.perf_counter() - started)
            raise
        tell_all(caller, name, session=session, seconds=time.perf_counter() - started)
    except BaseException as error:
        session.__exit__(type(error), error, error.__traceback__)
        raise


def tell_of_closing(hooks: HookManager, session: AbstractSession, handled: BaseException | None) -> None:
    """Call ``before_session_closed``.

    Args:
        hooks: of the session.
        session: the one that is being closed.
        handled: the error that ends it, which stays the one that is raised; None if there is none.

    Raises:
        RunnerError: a hook called ``sys.exit``, and there was no error yet.
        BaseException: what a hook raised, if there was no error yet; an interruption by a signal in any case.
    """
    caller = hooks.hook.before_session_closed
    if handled is not None:
        tell(caller, handled, "before_session_closed", session=session)
        return
    try:
        tell_all(caller, "before_session_closed", session=session)
    except RunTerminated:
        raise
    except SystemExit as error:
        raise RunnerError(f"Something called sys.exit({error.code!r}) while the session was being closed.") from error


def keep_record(save: Callable[[], None], handled: BaseException | None) -> None:
    """Save what is known of a session.

    Args:
        save: does that.
        handled: the error that ends the session, which stays the one that is raised; None if there is none.

    Raises:
        BaseException: it cannot be saved, and there was no error yet; an interruption by a signal in any case.
    """
    try:
        save()
    except BaseException as raised:
        if handled is None or interrupts(raised, handled):
            raise
        report(raised, handled, "saving the session's record")
