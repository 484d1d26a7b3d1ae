"""Sessions that nobody closes: they are closed when the process makes another one, and at its end."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from functools import cache
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import RunTerminated

if TYPE_CHECKING:
    from pellucid.framework.session.abstract_session import AbstractSession

_logger = logging.getLogger(__name__)


class _Unclosed:
    """Knows the sessions of this process that are open, without keeping them.

    A session that is collected leaves its state, of which it is made once more to be closed: not there and then, as a
    collection comes at any moment, in any thread, under any lock.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._open: set[weakref.finalize[..., Any]] = set()
        # Its put() may be called at any moment, also while the same thread is within it.
        self._collected: SimpleQueue[tuple[type[AbstractSession], dict[str, Any]]] = SimpleQueue()
        atexit.register(self._close_all)

    def watch(self, session: AbstractSession) -> weakref.finalize[..., Any]:
        """Close a session if nobody else does; whoever does, detaches what this returns."""
        if self._pid != os.getpid():
            self._forget()
        self._close_collected()
        found = weakref.finalize(session, self._collected.put, (type(session), vars(session)))
        found.atexit = False
        with self._lock:
            self._open = {each for each in self._open if each.alive} | {found}
        return found

    def _forget(self) -> None:
        """Leave to the parent what this process has of it as a fork."""
        for each in self._open:
            each.detach()
        self._open, self._collected, self._lock = set(), SimpleQueue(), threading.Lock()
        self._pid = os.getpid()

    def _close_collected(self) -> None:
        while True:
            try:
                kind, state = self._collected.get_nowait()
            except Empty:
                return
            session = object.__new__(kind)
            vars(session).update(state)
            _close(session)

    def _close_all(self) -> None:
        if self._pid != os.getpid():
            return
        self._close_collected()
        for each in self._open:
            found = each.peek()
            if found is not None:
                _close(found[0])


def _close(session: AbstractSession) -> None:
    try:
        session.close()
    except (KeyboardInterrupt, RunTerminated):
        raise
    except BaseException:
        _logger.exception("A session that was left open could not be closed")


@cache
def unclosed_sessions() -> _Unclosed:
    """Return the sessions of this process that are open; what closes them is registered by the first one."""
    return _Unclosed()
