"""Appends frames to this process's segment, and never fails."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import threading
import time
import weakref
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from pellucid.observability.spool._frames import HEAD_BYTES, FrameKind, counted, encode, encode_all
from pellucid.observability.spool._journal import Journal
from pellucid.observability.spool._limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import TypeAlias

    _Entry: TypeAlias = tuple[int, int, bytes, bytes]

_START = int(FrameKind.START)
_END = int(FrameKind.END)

_PATIENCE_SECONDS = 0.25
_IMPATIENCE_SECONDS = 5.0
_SLICE_SECONDS = 0.02
_POLITE_SECONDS = 0.001
_CALM_WRITES = 32
_MOST_WAITING = 1_000
_MOST_WAITING_BYTES = 16 * 1024 * 1024


class SegmentWriter:
    """Keeps what starts and ends in this process, in files that outlive it.

    Nothing here raises. A frame is in the file, by one ``write``, when the call returns; while the disk is slow a
    thread writes, in the same order. What cannot be written is counted. A forked child has a segment of its own.
    Beyond the limit of all files frames are refused, and counted: what is kept already is older, and whole.

    Args:
        folder: of the spool.
        header: JSON, kept at the beginning of each segment; its ``pid`` is made that of the process.
        limits: of the spool.
        on_fault: told once of each kind of fault, in any thread.
        on_roll: told that a segment may be collected, in any thread.
        now_ns: tells the time of frames, in nanoseconds since the epoch.
        on_drop: told the stream of ENDs that are lost, and how many they are, in any thread; raises nothing.
    """

    def __init__(
        self,
        folder: Path,
        header: bytes,
        *,
        limits: Limits | None = None,
        on_fault: Callable[[str, BaseException | None], None] | None = None,
        on_roll: Callable[[], None] | None = None,
        now_ns: Callable[[], int] = time.time_ns,
        on_drop: Callable[[int, int], object] | None = None,
    ) -> None:
        self._make = functools.partial(Journal, folder.absolute(), header, limits or Limits(), now_ns, on_drop)
        self._on_fault = on_fault
        self._on_roll = on_roll
        self._now_ns = now_ns
        self._is_closed = False
        self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=functools.partial(_after_fork, weakref.ref(self)))

    def _begin(self) -> None:
        """Be a writer that has written nothing, in this process."""
        self._lock = threading.RLock()
        self._journal = self._make()
        self._waiting: SimpleQueue[_Entry] = SimpleQueue()
        self._waiting_bytes = 0
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_handed_over = False
        self._is_draining = False
        self._is_close_asked = False
        self._give_up_at = math.inf
        self._seen_rolls = 0
        self._no_wait_until = 0.0
        self._is_wanted = False
        self._in_hand: _Entry | None = None
        self._final: tuple[dict[int, int], dict[int, int]] | None = None
        self.handovers = 0

    @property
    def written(self) -> dict[int, int]:
        """How many ENDs are in a segment, by stream."""
        return dict(self._final[0] if self._final else self._journal.written)

    @property
    def dropped(self) -> dict[int, int]:
        """How many ENDs are lost, by stream."""
        return dict(self._final[1] if self._final else self._journal.dropped)

    @property
    def is_degraded(self) -> bool:
        """Whether frames are refused at present, until the disk takes them again."""
        return self._journal.is_degraded

    @property
    def slow_writes(self) -> int:
        """How many writes took so long that a thread was to go on with them."""
        return self._journal.pace.slow_writes

    def start(self, stream: int, key: bytes, payload: bytes) -> None:
        """Keep the start of something.

        Args:
            stream: 0 to 255.
            key: eight bytes that its end has, too.
            payload: at most 4 MiB.
        """
        self._put(_START, stream, key, payload)

    def end(self, stream: int, key: bytes, payload: bytes) -> None:
        """Keep the end of something, or something that has no start.

        Args:
            stream: 0 to 255.
            key: eight bytes.
            payload: at most 4 MiB; a larger one is dropped, counted.
        """
        self._put(_END, stream, key, payload)

    def keep(self, records: Sequence[tuple[int, int, bytes, bytes]]) -> None:
        """Keep several starts and ends by one write: all of them, or none.

        Args:
            records: each a kind, START or END, and the stream, key and payload that `start` and `end` take; no two of
                one kind have the same stream and key.
        """
        try:
            entries, data = encode_all(records, self._now_ns())
        except Exception:
            # One of them fits into no frame.
            entries, data = [], b""
        if not (entries and self._is_put(entries, data)):
            for each in records:
                self._put(*each)

    def roll(self) -> bool:
        """Let go of the segment, if anything ended in it; return whether there was anything to let go."""
        if not self._lock.acquire(timeout=_PATIENCE_SECONDS):
            return False
        try:
            is_rolled = not self._is_closed and not self._is_interrupted and self._drain() and self._journal.roll()
        finally:
            self._lock.release()
        self._tell()
        return is_rolled

    def sync(self) -> None:
        """Wait until what was kept is on the disk, which survives a power cut."""
        if not self._lock.acquire(timeout=_PATIENCE_SECONDS):
            return
        try:
            if not self._is_interrupted:
                self._drain()
                self._journal.sync()
        finally:
            self._lock.release()
        self._tell()

    def close(self, wait_seconds: float = 2.0) -> None:
        """Let go of the segment; later frames are dropped, counted.

        Args:
            wait_seconds: for a disk that is stuck; then what is not written is dropped, counted.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._give_up_at = time.monotonic() + wait_seconds
        self._is_close_asked = True
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            # It may be stuck in a write: so it is the thread that closes, and this one that waits.
            self._wake.put(None)
            thread.join(wait_seconds)
            if thread.is_alive():
                self._give_up()
        elif self._lock.acquire(timeout=wait_seconds):
            try:
                # In the middle of a change, which a signal interrupted, whoever makes it closes then.
                if not self._is_interrupted:
                    self._finish()
            finally:
                self._lock.release()
        else:
            self._give_up()
        self._tell()

    def _is_put(self, entries: Sequence[_Entry], data: bytes) -> bool:
        """Write frames, joined to one text of bytes, if that is all there is to do; return whether it was."""
        if self._is_closed or self._is_handed_over or not self._lock.acquire(blocking=False):
            return False
        try:
            is_written = self._waiting.empty() and self._journal.quick(entries, data)
            if is_written and (
                self._journal.pace.calm_writes == 0 or self._is_close_asked or not self._waiting.empty()
            ):
                self._look_after()
        finally:
            self._lock.release()
        if self._journal.news:
            self._tell()
        return is_written

    def _put(self, kind: int, stream: int, key: bytes, payload: bytes) -> None:
        try:
            entry = kind, stream, key, encode(kind, stream, key, self._now_ns(), payload)
        except Exception:
            # Nothing that fits into a frame.
            self._drop(kind, stream, key, bytes(HEAD_BYTES) + payload[:1])
            return
        if self._is_put((entry,), entry[3]):
            return
        if self._is_closed:
            self._drop(*entry)
        elif self._is_handed_over:
            self._queue(entry)
        elif not self._lock.acquire(timeout=_PATIENCE_SECONDS):
            # Whoever has it is stuck in a write.
            self._hand_over()
            self._queue(entry)
        else:
            try:
                self._write(entry)
            finally:
                self._lock.release()
            if self._journal.news or self._journal.rolls != self._seen_rolls:
                self._tell()

    def _write(self, entry: _Entry) -> None:
        """Write a frame behind all that wait; by the thread that has the lock."""
        journal = self._journal
        if journal.is_changing or self._is_draining:
            # A signal came in the middle: whoever was interrupted goes on with it.
            self._waiting_bytes += len(entry[3])
            self._waiting.put(entry)
            return
        if not self._waiting.empty():
            self._drain()
        journal.write(*entry)
        self._look_after()

    def _look_after(self) -> None:
        """See to what has come up during a write; by the thread that has the lock."""
        if self._journal.pace.calm_writes == 0 and not self._is_handed_over:
            self._hand_over()
        if not self._waiting.empty():
            self._drain()
        if self._is_close_asked and not self._journal.is_writing:
            self._finish()

    def _drain(self, until: float = math.inf) -> bool:
        """Write what waits, in order, for so long; what is too late is counted. Always true."""
        if self._is_draining:
            return True
        self._is_draining = True
        try:
            while time.monotonic() < until:
                entry = self._waiting.get_nowait()
                self._waiting_bytes -= len(entry[3])
                if time.monotonic() > self._give_up_at:
                    self._drop(*entry)
                    continue
                self._in_hand = entry
                self._journal.write(*entry)
                self._in_hand = None
        except Empty:
            pass
        finally:
            self._is_draining = False
        return True

    def _finish(self) -> None:
        self._is_close_asked = False
        self._drain()
        self._journal.close()

    @property
    def _is_interrupted(self) -> bool:
        """Whether this is a signal in the middle of a write of the same thread."""
        return self._journal.is_changing or self._journal.is_writing or self._is_draining

    def _drop(self, kind: int, stream: int, key: bytes, frame: bytes) -> None:
        if kind == _END:
            self._journal.drop(stream, key, frame)

    def _hand_over(self) -> None:
        """Have a thread write from now on, until the disk is calm."""
        self._is_handed_over = True
        self.handovers += 1
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="pellucid-spool", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:
                # No more threads, or the interpreter is ending.
                self._thread = None
                self._is_handed_over = False

    def _queue(self, entry: _Entry) -> None:
        if self._is_crowded and not self._make_room():
            self._drop(*entry)
            return
        self._waiting_bytes += len(entry[3])
        self._waiting.put(entry)
        self._wake.put(None)

    @property
    def _is_crowded(self) -> bool:
        return self._waiting.qsize() >= _MOST_WAITING or self._waiting_bytes > _MOST_WAITING_BYTES

    def _make_room(self) -> bool:
        """Write some of what waits in the caller's own time, rather than lose it; seldom while the disk is stuck."""
        now = time.monotonic()
        if now < self._no_wait_until:
            return False
        # The thread lets go of the lock now and then, unless it is stuck.
        self._is_wanted = True
        is_held = self._lock.acquire(timeout=_PATIENCE_SECONDS)
        self._is_wanted = False
        if not is_held:
            self._no_wait_until = now + _IMPATIENCE_SECONDS
            return False
        try:
            if not self._is_interrupted:
                self._drain(now + 2 * _PATIENCE_SECONDS)
                self._calm_down()
        finally:
            self._lock.release()
        return not self._is_crowded

    def _calm_down(self) -> None:
        """Let the callers write themselves again, if the disk is calm."""
        if self._journal.pace.calm_writes >= _CALM_WRITES and self._waiting.empty():
            self._is_handed_over = False

    def _serve(self) -> None:
        """Write what waits, until the writer is closed."""
        while True:
            self._wake.get()
            if self._is_wanted:
                time.sleep(_POLITE_SECONDS)
            with self._lock:
                self._drain(math.inf if self._is_close_asked else time.monotonic() + _SLICE_SECONDS)
                if self._is_close_asked:
                    self._finish()
                if self._is_closed:
                    return
                self._calm_down()
            if not self._waiting.empty():
                self._wake.put(None)
            self._tell()

    def _give_up(self) -> None:
        """Count what is stuck as lost, for good."""
        written, dropped = dict(self._journal.written), dict(self._journal.dropped)
        entries = [self._in_hand] if self._in_hand else []
        with contextlib.suppress(Empty):
            while True:
                entries.append(self._waiting.get_nowait())
        for kind, stream, _, frame in entries:
            if kind == _END:
                what, count = counted(stream, frame)
                dropped[what] = dropped.get(what, 0) + count
        self._final = written, dropped

    def _tell(self) -> None:
        """Tell of faults and rolled segments, without the lock."""
        journal = self._journal
        if journal.rolls != self._seen_rolls:
            self._seen_rolls = journal.rolls
            if self._on_roll is not None:
                with contextlib.suppress(Exception):
                    self._on_roll()
        while journal.news:
            text, error = journal.news.pop(0)
            if self._on_fault is not None:
                with contextlib.suppress(Exception):
                    self._on_fault(text, error)

    def after_fork(self) -> None:
        """Begin anew in a forked child: nothing of the parent's is written to, and no lock of it waited for."""
        inherited = self._journal
        self._begin()
        inherited.forget()


def _after_fork(reference: weakref.ref[SegmentWriter]) -> None:
    writer = reference()
    if writer is not None:
        writer.after_fork()
