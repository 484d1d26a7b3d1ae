"""The plugins that hear of records, each called so that a fault of it reaches nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid.exceptions import RunTerminated
from pellucid.observability.spool import FrameKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pellucid.observability.guard import Guard
    from pellucid.observability.records import SpanRecord

    Kept: TypeAlias = tuple[int, int, bytes, bytes]
    """What is to be kept: its kind, stream, key and payload."""
    Payload: TypeAlias = tuple[int, bytes]
    _Function: TypeAlias = tuple[str, Callable[[SpanRecord], Payload | None]]

__all__ = ["Listeners"]

_START, _END = int(FrameKind.START), int(FrameKind.END)
_LAST = "on_recording_ended"
_HOOKS = ("on_recording_started", "on_span_started", "on_span_ended", _LAST)


class Listeners:
    """Implementations of the hooks for records, found once.

    Args:
        relay: the hook manager's ``hook``.
        guard: counts what they raise.
    """

    def __init__(self, relay: Any, guard: Guard) -> None:
        self._guard = guard
        self._found: dict[str, list[tuple[str, Callable[..., Any], tuple[str, ...]]]] = {}
        self._plugins: dict[str, list[object]] = {}
        for name in _HOOKS:
            caller = getattr(relay, name, None)
            # pluggy calls what was registered last first, and keeps them in the opposite order.
            implementations = caller.get_hookimpls() if caller is not None else []
            self._plugins[name] = [each.plugin for each in implementations]
            self._found[name] = [
                (each.plugin_name, each.function, tuple(each.argnames)) for each in reversed(implementations)
            ]
        self._on_start = [(part, function) for part, function, _ in self._found["on_span_started"]]
        self._on_end = [(part, function) for part, function, _ in self._found["on_span_ended"]]

    def plugins(self) -> list[object]:
        """Return the plugins that hear of starts and ends, as far as they are objects with methods for it."""
        found = {id(plugin): plugin for name in _HOOKS[1:3] for plugin in self._plugins[name]}
        return [*found.values()]

    def tell(self, name: str, **arguments: Any) -> None:
        """Call one of the hooks that are called rarely; the last one of a plugin that is switched off, too."""
        call = self._guard.call_last if name == _LAST else self._guard.call
        for part, function, argnames in self._found[name]:
            call(part, function, *(arguments[each] for each in argnames))

    def started(self, span: SpanRecord, records: list[Kept]) -> None:
        """Call ``on_span_started``; what the listeners want to be kept is added to a list."""
        self._tell_of(self._on_start, _START, span, records)

    def ended(self, span: SpanRecord, records: list[Kept]) -> None:
        """Call ``on_span_ended``; what the listeners want to be kept is added to a list."""
        self._tell_of(self._on_end, _END, span, records)

    def _tell_of(self, functions: list[_Function], kind: int, span: SpanRecord, records: list[Kept]) -> None:
        guard = self._guard
        interruption: BaseException | None = None
        for part, function in functions:
            if guard.faults and guard.is_off(part):
                continue
            try:
                payload = function(span)
            except (KeyboardInterrupt, RunTerminated) as error:
                # Whoever was interrupted in the middle is told once more.
                interruption = error
                payload = guard.call(part, function, span)
            except BaseException as error:
                guard.caught(part, error)
                continue
            if type(payload) is tuple and len(payload) == 2:
                records.append((kind, payload[0], span.span_id, payload[1]))
        if interruption is not None:
            raise interruption
