"""Hook calls, looked up once for a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid.exceptions import NodeExitError, RunTerminated

if TYPE_CHECKING:
    from collections.abc import Callable

    from pellucid.typing import HookRelay

__all__ = ["HookCalls", "NullRelay", "as_failure"]


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
        "before_node_attempt",
        "after_node_attempt",
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
    before_node_attempt: Callable[..., Any] | None
    after_node_attempt: Callable[..., Any] | None
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
