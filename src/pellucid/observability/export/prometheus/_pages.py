"""Pages, rendered one at a time in a thread of their own, so that a slow one delays nobody but those who want it."""

from __future__ import annotations

import threading
import time
import zlib
from collections import OrderedDict, deque
from dataclasses import dataclass
from http import HTTPStatus
from queue import SimpleQueue
from typing import TYPE_CHECKING

from pellucid.observability.export.prometheus._http import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Pages", "Wanted"]

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_MOST_KEPT = 4
"""Pages: one for each kind of client that there is, and some."""
_MOST_ASKED = 8
"""Kinds of pages: what is asked for while a page takes for ever, piles up no further."""


@dataclass(frozen=True)
class Wanted:
    """What kind of page a client wants: its ``Accept``, and whether it takes gzip."""

    accept: str
    takes_gzip: bool


@dataclass(frozen=True)
class _Kept:
    body: bytes
    content_type: str
    made_at: float


class Pages:
    """Renders pages on demand, and keeps the last good one of each kind for when rendering fails or takes too long.

    Args:
        page: makes a page and its content type, given an ``Accept``; it may raise, and take long.
        on_ready: called in the thread of this, when ``ready`` has something.
        on_fault: told each error of ``page``.

    Attributes:
        failures: how often ``page`` raised, or returned what is no page.
    """

    def __init__(
        self,
        page: Callable[[str], tuple[bytes, str]],
        on_ready: Callable[[], None],
        on_fault: Callable[[BaseException], None],
    ) -> None:
        self.failures = 0
        self._page, self._on_ready, self._on_fault = page, on_ready, on_fault
        self._queue: SimpleQueue[Wanted | None] = SimpleQueue()
        self._asked: set[Wanted] = set()
        self._ready: deque[tuple[Wanted, Answer]] = deque()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._render, name="pellucid-metrics-page", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def ask(self, wanted: Wanted) -> bool:
        """Have a page rendered, unless it is being rendered already; False where too much is asked for.

        Called, as ``ready`` is, in one and the same thread.
        """
        if wanted not in self._asked:
            if len(self._asked) >= _MOST_ASKED:
                return False
            self._asked.add(wanted)
            self._queue.put(wanted)
        return True

    def ready(self) -> Iterator[tuple[Wanted, Answer]]:
        """Yield what has been rendered since the last call."""
        while self._ready:
            wanted, answer = self._ready.popleft()
            self._asked.discard(wanted)
            yield wanted, answer

    def stop(self) -> None:
        """Have the thread end after the page that it is at."""
        self._queue.put(None)

    def join(self, timeout_seconds: float) -> None:
        """Wait for the thread's end, at most so long."""
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def _render(self) -> None:
        while (wanted := self._queue.get()) is not None:
            self._ready.append((wanted, self._rendered(wanted)))
            self._on_ready()

    def _rendered(self, wanted: Wanted) -> Answer:
        try:
            body, content_type = self._page(wanted.accept)
            _check(body, content_type)
        except BaseException as error:
            self.failures += 1
            self._on_fault(error)
            return self.fallback(wanted, type(error).__name__)
        with self._lock:
            self._kept[wanted.accept] = _Kept(body, content_type, time.monotonic())
            self._kept.move_to_end(wanted.accept)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        fields = {"Vary": "Accept, Accept-Encoding"}
        if wanted.takes_gzip:
            body, fields = _gzipped(body), {**fields, "Content-Encoding": "gzip"}
        return Answer(HTTPStatus.OK, body, content_type, fields)

    def fallback(self, wanted: Wanted, reason: str) -> Answer:
        """Return the last good page of that kind, or an empty one; it says so.

        It is said by a comment where the format has comments, which OpenMetrics has not, and by a field of the header.
        """
        with self._lock:
            kept = self._kept.get(wanted.accept)
        if kept is None:
            text = f"no page could be made ({reason})"
            return Answer(HTTPStatus.OK, _comment(text), _TEXT, {"X-Pellucid-Stale": text})
        text = f"this page is {time.monotonic() - kept.made_at:.0f} s old; a newer one could not be made ({reason})"
        is_plain = kept.content_type.startswith("text/plain")
        body = kept.body + _comment(text) if is_plain else kept.body
        return Answer(HTTPStatus.OK, body, kept.content_type, {"X-Pellucid-Stale": text})


def _check(body: object, content_type: object) -> None:
    if not isinstance(body, bytes) or not isinstance(content_type, str):
        raise TypeError("A page is bytes, and its content type a str.")
    if not content_type.isprintable():
        raise ValueError("A content type has no control characters.")


def _comment(text: str) -> bytes:
    return f"# pellucid: {text}\n".encode("ascii", "replace")


def _gzipped(body: bytes) -> bytes:
    packer = zlib.compressobj(5, wbits=31)
    return packer.compress(body) + packer.flush()
