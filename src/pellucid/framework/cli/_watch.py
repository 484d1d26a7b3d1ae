"""What the command line must know of a run to tell how it ended."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pellucid.framework.hooks import hook_impl

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def registered(session: Any, plugin: object) -> Iterator[None]:
    """Have an object's hooks called by a session while the block lasts; a session without hooks is left alone."""
    relay: Any = getattr(session, "_hook_manager", None)
    if not hasattr(relay, "register"):
        yield
        return
    relay.register(plugin)
    try:
        yield
    finally:
        if relay.is_registered(plugin):
            relay.unregister(plugin)


class RunWatch:
    """Remembers whether a run began, and which nodes failed with what."""

    def __init__(self) -> None:
        self.run_began = False
        self._failed: list[tuple[str, BaseException]] = []

    def __reduce__(self) -> tuple[Any, ...]:
        # Workers have nothing to tell the terminal: they get an object without hooks.
        return object, ()

    def watching(self, session: Any) -> Any:
        """Return a context manager that watches the runs of a session."""
        return registered(session, self)

    def node_of(self, error: BaseException) -> str | None:
        """Return the name of the node that failed with an error, or None if no node did."""
        return next((name for name, failed in self._failed if failed is error), None)

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self) -> None:
        """Note that the run began."""
        self.run_began = True

    @hook_impl
    def after_node_settled(self, node: Any, error: BaseException | None) -> None:
        """Note that a node failed, if it did."""
        if error is not None:
            self._failed.append((node.name, error))
