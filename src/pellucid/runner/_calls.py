"""Hook calls, looked up once for a run."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import NodeExitError, RunTerminated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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


class DirectCall:
    """Calls the implementations of a hook as pluggy does, without looking at each call whether it may.

    Args:
        implementations: none of which wraps others; the last one is called first.
    """

    __slots__ = ("_implementations", "_steps")

    def __init__(self, implementations: Sequence[Any]) -> None:
        self._implementations = tuple(implementations)
        self._steps = tuple((each.function, _picking(each.argnames)) for each in reversed(implementations))

    def __call__(self, **arguments: Any) -> list[Any]:
        """Return what the implementations return, but for None."""
        results = []
        for function, pick in self._steps:
            result = function(*pick(arguments))
            if result is not None:
                results.append(result)
        return results

    def get_hookimpls(self) -> list[Any]:
        """Return the implementations, in pluggy's order."""
        return list(self._implementations)


def _call_of(implementation: Any) -> Callable[..., list[Any]]:
    """Return what calls the only implementation of a hook: a plain function, as that is the quickest to call."""
    function, pick = implementation.function, _picking(implementation.argnames)

    def call(**arguments: Any) -> list[Any]:
        result = function(*pick(arguments))
        return [] if result is None else [result]

    return call


class HookCalls:
    """The callers of all hooks that a runner calls; None for a hook that nobody listens to.

    What is registered once the run has begun is heard from the next run on.

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
        # Somebody who watches the calls themselves sees them only where pluggy makes them.
        is_watched = getattr(relay, "is_watched", True)
        for name in self.NAMES:
            setattr(self, name, _listened_to(hooks, name, is_watched=is_watched))


def _listened_to(hooks: Any, name: str, *, is_watched: bool) -> Callable[..., Any] | None:
    """Return the caller of a hook, or None if it is certain that nobody listens."""
    caller: Callable[..., Any] | None = getattr(hooks, name, None)
    get = getattr(caller, "get_hookimpls", None)
    if get is None:
        return caller
    implementations = get()
    if not implementations:
        return None
    if is_watched or not all(_is_plain(each) for each in implementations):
        return caller
    return _call_of(implementations[0]) if len(implementations) == 1 else DirectCall(implementations)


def _picking(names: Sequence[str]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """Return what takes the arguments of these names out of all that a hook is called with."""
    if not names:
        return lambda _: ()
    if len(names) == 1:
        name = names[0]
        return lambda arguments: (arguments[name],)
    return itemgetter(*names)


def _is_plain(implementation: Any) -> bool:
    return not (implementation.wrapper or implementation.hookwrapper or implementation.kwargnames)


def as_failure(node: str, error: BaseException) -> BaseException:
    """Return what a run fails with: for ``sys.exit`` a ``NodeExitError``, else the error itself."""
    if isinstance(error, SystemExit) and not isinstance(error, RunTerminated):
        failure = NodeExitError(node, error.code)
        failure.__cause__ = error
        return failure
    return error
