"""Keeps what the recorder's hooks raise from the run, and signals from the middle of them."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pellucid._util.holding import holding
from pellucid.exceptions import RunTerminated

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RECORDER", "guarded"]

_F = TypeVar("_F", bound="Callable[..., Any]")

RECORDER = "recorder"
"""The part of telemetry that faults of its hooks are counted under."""

_holding = holding()
_main, _this_thread = _holding.main, threading.get_ident


def guarded(method: _F) -> _F:
    """Keep what a hook raises from the run; a hook is skipped while nothing is recorded."""

    @functools.wraps(method)
    def call(self: Any, *args: Any) -> Any:
        if self._recording is None or (self._guard.faults and self._guard.is_off(RECORDER)):
            return None
        # What `take` and `let_go` do: this is called most often of all.
        is_held = _this_thread() == _main
        if is_held:
            _holding.depth += 1
        try:
            return method(self, *args)
        except (KeyboardInterrupt, RunTerminated):
            raise
        except BaseException as error:
            self._guard.caught(RECORDER, error)
            return None
        finally:
            if is_held:
                _holding.depth -= 1
                if _holding.waiting is not None:
                    _holding.raise_waiting()

    return cast("_F", call)
