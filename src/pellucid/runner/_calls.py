"""Hook calls, looked up once for a run."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import NodeExitError, RunTerminated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pellucid.typing import HookRelay

__all__ = ["HookCalls", "NullRelay", "as_failure", "tell"]

_logger = logging.getLogger(__name__)


class _NoHooks:
    """Answers every hook call with nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nobody()


class _Nobody:
    def __call__(self, **_arguments: Any) -> list[Any]:
        return []

    def get_hookimpls(self) -> list[Any]:
        return []


class NullRelay:
    """The hooks of a run that was given no hook manager."""

    @property
    def hook(self) -> Any:
        """Hook callers that do nothing."""
        return _NoHooks()


class HookCalls:
    """The callers of all hooks that a runner calls; None for a hook that nobody listens to.

    Args:
        relay: the hook manager; None calls nothing.
    """

    NAMES = (
        "before_dataset_loaded",
        "after_dataset_loaded",
        "before_node_run",
        "after_node_run",
        "on_node_error",
        "before_dataset_saved",
        "after_dataset_saved",
        "on_dataset_error",
        "after_node_dispatched",
        "after_node_settled",
        "after_worker_started",
        "on_worker_lost",
    )

    __slots__ = (*NAMES, "relay")

    before_dataset_loaded: Callable[..., Any] | None
    after_dataset_loaded: Callable[..., Any] | None
    before_node_run: Callable[..., Any] | None
    after_node_run: Callable[..., Any] | None
    on_node_error: Callable[..., Any] | None
    before_dataset_saved: Callable[..., Any] | None
    after_dataset_saved: Callable[..., Any] | None
    on_dataset_error: Callable[..., Any] | None
    after_node_dispatched: Callable[..., Any] | None
    after_node_settled: Callable[..., Any] | None
    after_worker_started: Callable[..., Any] | None
    on_worker_lost: Callable[..., Any] | None

    def __init__(self, relay: HookRelay | None) -> None:
        self.relay = relay
        hooks = relay.hook if relay is not None else None
        for name in self.NAMES:
            setattr(self, name, _listened_to(hooks, name))


def _listened_to(hooks: Any, name: str) -> Callable[..., Any] | None:
    """Return the caller of a hook, or None if it is certain that nobody listens."""
    caller: Callable[..., Any] | None = getattr(hooks, name, None)
    implementations = getattr(caller, "get_hookimpls", None)
    return caller if implementations is None or implementations() else None


def as_failure(node: str, error: BaseException) -> BaseException:
    """Return what a run fails with: for ``sys.exit`` a ``NodeExitError``, else the error itself."""
    if isinstance(error, SystemExit) and not isinstance(error, RunTerminated):
        failure = NodeExitError(node, error.code)
        failure.__cause__ = error
        return failure
    return error


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
