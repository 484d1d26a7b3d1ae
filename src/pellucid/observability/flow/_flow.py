"""Everything that a session recorded, on its way: from the spool to the history, the totals and the backends."""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pellucid.observability.flow._collect import Collected
from pellucid.observability.flow._ending import deliver_and_publish
from pellucid.observability.flow._forks import ForkGate
from pellucid.observability.flow._rooms import Rooms
from pellucid.observability.flow._ticker import Ticker
from pellucid.observability.flow._together import Together
from pellucid.observability.flow._warnings import DeliveryWarnings
from pellucid.observability.recording import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pellucid.observability.flow._deliver import Delivery
    from pellucid.observability.flow._parts import Writer
    from pellucid.observability.recording import Recording

_T = TypeVar("_T")

_POLL_SECONDS = 0.02


class Flow:
    """Moves what one session recorded, in its main process; does nothing in any other.

    Nothing here raises, and nothing waits beyond its deadline: what is not done then is kept in the spool.

    Args:
        recording: of the session.
        writer: of this process.
        active: how many runs are going on, by pipeline.
    """

    def __init__(
        self, recording: Recording, writer: Writer, *, active: Callable[[], Mapping[str, int]] | None = None
    ) -> None:
        self._recording = recording
        self._writer = writer
        self._pid = os.getpid()
        self._gate = ForkGate()
        self._rooms = Rooms(recording, active, self._gate)
        self._collected = Collected()
        self._collecting = threading.Lock()
        self._tickers: dict[str, Ticker] = {}
        self._warnings = DeliveryWarnings()
        self._is_finished = False

    @property
    def scrape_url(self) -> str:
        """Where the metrics page is served; empty if it is not."""
        return self._rooms.exposition.url if self._is_here else ""

    @property
    def _is_here(self) -> bool:
        return not self._recording.is_worker and os.getpid() == self._pid

    def start_background(self) -> None:
        """Serve the metrics page, if that is configured, and collect and deliver every few seconds from now on."""
        if not self._is_here or self._is_finished:
            return
        if self._recording.options.metrics.scrape:
            self._guarded("scrape", self._rooms.exposition.start)
        # Also where nothing is delivered: of nodes that write nothing it is what tells for how long they lived.
        self._start_collecting()

    def cut_off(self, trace_id: bytes) -> None:
        """Take what workers left open of a trace as cancelled: its end came from here, and theirs with it."""
        self._rooms.cut_off.add(trace_id)

    def wake(self) -> None:
        """Collect soon: a segment has been rolled over. For the writer's ``on_roll``; costs next to nothing."""
        if self._is_here and not self._is_finished:
            self._start_collecting()
            self._tickers["collect"].wake()

    def finish(self, deadline_seconds: float | None = None) -> Outcome:
        """End the segment, collect and deliver, for at most so long.

        Args:
            deadline_seconds: for everything together; None is the exit budget of the options.
        """
        if not self._is_here or self._is_finished:
            return Outcome()
        self._is_finished = True
        options = self._recording.options
        seconds = options.exit_budget_seconds if deadline_seconds is None else deadline_seconds
        ends_at = self._recording.ends_at = time.monotonic() + max(0.0, seconds)
        for ticker in self._tickers.values():
            ticker.stop()
        for delivery in self._rooms.deliveries:
            delivery.end_at(ends_at)
        Together([lambda: self._end(ends_at)]).wait_until(ends_at)
        for delivery in self._rooms.deliveries:
            self._guarded("delivery", self._warnings.end, delivery)
        self._guarded("scrape", self._rooms.exposition.close, 0.05)
        outcome = self._guarded("spool", self._rooms.outcome, self._collected, self._writer) or Outcome()
        if self._recording.losses is not None:
            self._recording.losses.close()
        return outcome

    def _end(self, ends_at: float) -> None:
        self._guarded("spool", self._writer.close)
        self._rooms.count_lost(self._writer)
        while not self._collect_once(ends_at):
            if time.monotonic() + _POLL_SECONDS >= ends_at:
                return
            time.sleep(_POLL_SECONDS)
        deliver_and_publish(
            self._rooms,
            ends_at,
            deliver=partial(self._deliver, is_last=True),
            guarded=self._guarded,
            meanwhile=partial(self._guarded, "pruning", self._rooms.prune),
        )

    def _deliver(self, delivery: Delivery, ends_at: float = float("inf"), *, is_last: bool = False) -> None:
        done = self._guarded("delivery", self._rooms.deliver, delivery, ends_at, is_last=is_last)
        if done is not None:
            self._warnings.note(delivery, done)

    # ------------------------------------------------------------------------------------------------ in the background

    def _start_collecting(self) -> None:
        self._ticker("collect", self._collect_now, partial(self._guarded, "spool", self._writer.roll)).start()

    def _ticker(self, name: str, action: Callable[[], object], prepare: Callable[[], object] | None = None) -> Ticker:
        seconds = self._recording.options.spool.roll_seconds
        return self._tickers.setdefault(name, Ticker(f"pellucid-{name}", seconds, action, prepare))

    def _collect_now(self) -> None:
        self._collect_once(float("inf"))
        for delivery in self._rooms.deliveries:
            from pellucid.observability.export.otlp import prepare

            with self._gate:
                self._guarded("delivery", prepare, delivery.options)
            ticker = self._ticker(delivery.signal, partial(self._deliver, delivery))
            ticker.start()
            ticker.wake()

    def _collect_once(self, ends_at: float) -> bool:
        """Collect; return False if somebody else is at it, and it is to be tried again."""
        seconds = ends_at - time.monotonic()
        if not self._collecting.acquire(timeout=-1 if seconds == float("inf") else max(0.0, seconds)):
            return False
        try:
            with self._gate:
                found = self._guarded("collect", self._rooms.collect, ends_at)
            if found is not None:
                self._collected.add(found)
            return found is None or not found.is_busy
        finally:
            self._collecting.release()

    def _guarded(self, part: str, function: Callable[..., _T], *args: Any, **kwargs: Any) -> _T | None:
        """Call what may fail; unlike the hooks of a run it is never switched off, as later it may work again."""
        try:
            return function(*args, **kwargs)
        except Exception as error:
            self._rooms.note(part, error)
            return None
