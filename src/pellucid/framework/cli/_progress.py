"""What a run is at, on a terminal: nodes done of all, those at work, the time that has passed and that is left."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from pellucid.framework.hooks import hook_impl

from ._remaining import Remaining
from ._terminal import BottomLine, is_terminal
from ._watch import registered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REFRESH_SECONDS = 0.25
_SWITCH = "PELLUCID_PROGRESS"


@contextmanager
def shown_progress(session: Any) -> Iterator[None]:
    """Show how the runs of a session get on while the block lasts.

    Nothing is shown where stderr is no terminal, or where the environment's ``PELLUCID_PROGRESS`` is ``0``.
    """
    switch = os.environ.get(_SWITCH, "")
    if switch not in ("", "0", "1"):
        click.echo(f"Warning: {_SWITCH} should be 0 or 1, not {switch[:80]!r}; it counts as 1.", err=True)
    if switch == "0" or not is_terminal(sys.stderr):
        yield
        return
    line = BottomLine(sys.stderr)
    display = ProgressDisplay(line.show, expect=partial(_expected, session))
    try:
        with registered(session, display):
            yield
    finally:
        try:
            display.stop()
        finally:  # also where a Ctrl-C comes while it stops
            line.end()


def _expected(session: Any, pipeline: Any) -> dict[str, float]:
    """Return how many seconds nodes took in earlier runs, if a plugin knows."""
    hooks = getattr(getattr(session, "_hook_manager", None), "hook", None)
    ask = getattr(hooks, "expect_node_seconds", None)
    return (ask(session=session, pipeline=pipeline) if ask is not None else None) or {}


def elapsed_text(seconds: float) -> str:
    """Return a duration as ``0:07``, ``12:34`` or ``1:02:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class ProgressDisplay:
    """Counts nodes by the hooks of a run, and shows the state a few times a second, in a thread of its own.

    Args:
        show: puts a text where the user sees it.
        clock: seconds that never go back.
        expect: returns how many seconds the nodes of a pipeline may take, by name, of those that are known.
    """

    def __init__(
        self,
        show: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        expect: Callable[[Any], dict[str, float]] | None = None,
    ) -> None:
        self._show = show
        self._clock = clock
        self._expect = expect
        self._remaining = Remaining((), {})
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._started = 0.0
        self._total = self._done = 0
        self._running: dict[str, float] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # The display is the parent's: workers get an object without hooks.
        return object, ()

    def text(self) -> str:
        """Return the line: what is done of all, the times, and the nodes at work, the longest-running first."""
        now = self._clock()
        with self._lock:
            running = list(self._running)
            done, total = self._done, self._total
            left = self._remaining.seconds(now)
        times = elapsed_text(now - self._started)
        # Where less is left than that, or a node takes longer than it ever did, there is nothing to be told.
        if left is not None and left >= 1:
            times += f" · about {elapsed_text(left)} left"
        names = f" · {', '.join(running)}" if running else ""
        return f"{done}/{total} nodes · {times}{names}"

    def stop(self) -> None:
        """Show nothing any more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    @hook_impl
    def before_pipeline_run(self, pipeline: Any) -> None:
        """Begin to count."""
        remaining = Remaining(
            (node.name for node in pipeline.nodes), self._expect(pipeline) if self._expect is not None else {}
        )
        with self._lock:
            self._remaining = remaining
            self._total, self._done = len(pipeline.nodes), 0
            self._running.clear()
            self._started = self._clock()

    @hook_impl
    def after_node_dispatched(self, node: Any) -> None:
        """Name a node that is at work."""
        with self._lock:
            now = self._running[node.name] = self._clock()
            self._remaining.begin(node.name, now)
        if self._thread is None and not self._ended.is_set() and os.getpid() == self._pid:
            # Not before the first node: the worker processes are forked by then.
            self._thread = threading.Thread(target=self._keep_showing, name="pellucid-progress", daemon=True)
            self._thread.start()

    @hook_impl
    def after_node_settled(self, node: Any, error: BaseException | None) -> None:
        """Count a node that is done."""
        with self._lock:
            self._running.pop(node.name, None)
            self._remaining.end(node.name)
            self._done += error is None

    def _keep_showing(self) -> None:
        while not self._ended.wait(_REFRESH_SECONDS):
            self._show(self.text())
