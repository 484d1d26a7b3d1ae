"""The loop that serves ``/metrics``: one thread, non-blocking sockets, bounded in all that a client can ask for."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from pellucid._util.processes import forking_lock, keep_from_forks
from pellucid.observability.export.prometheus._connection import Connection, State
from pellucid.observability.export.prometheus._http import Answer, Refusal, Request, encoded, taken, takes_gzip
from pellucid.observability.export.prometheus._pages import Pages, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Loop", "ScrapeLimits"]

_POINTER = b"Metrics are at /metrics\n"
_REST_SECONDS = 0.5
"""How long nobody is accepted after the process ran out of descriptors."""
_ACCEPTED_AT_ONCE = 32


@dataclass(frozen=True)
class ScrapeLimits:
    """How much of the process the clients of ``/metrics`` can take.

    Attributes:
        connections: how many are open; for one more, the one that has been idle longest is closed.
        header_bytes: of a request.
        header_seconds: from the first byte of a request, or from the connection, to the end of the header.
        idle_seconds: between two requests.
        page_seconds: for rendering; then the last good page is served.
        write_seconds: for taking an answer.
        linger_seconds: for closing, after the last answer.
    """

    connections: int = 64
    header_bytes: int = 16 * 1024
    header_seconds: float = 10.0
    idle_seconds: float = 120.0
    page_seconds: float = 5.0
    write_seconds: float = 30.0
    linger_seconds: float = 1.0


class _Owned:
    """The descriptors of a loop: a forked child closes its copies of all of them."""

    def __init__(self) -> None:
        self._ends: set[socket.socket | selectors.BaseSelector] = set()
        keep_from_forks(self)

    def add(self, end: socket.socket | selectors.BaseSelector) -> None:
        self._ends.add(end)

    def drop(self, end: socket.socket) -> None:
        with forking_lock(), contextlib.suppress(OSError):
            self._ends.discard(end)
            end.close()

    def close(self) -> None:
        with forking_lock():
            ends, self._ends = self._ends, set()
            for end in ends:
                with contextlib.suppress(OSError):
                    end.close()


class Loop:
    """Serves one listening socket until it is told to stop.

    Args:
        listener: bound, not blocking, entered in nothing that closes it: from now on it is the loop's.
        page: as of ``Pages``.
        limits: of the clients.
        on_fault: told each error of ``page``, and of the loop itself.
    """

    def __init__(
        self,
        listener: socket.socket,
        page: Callable[[str], tuple[bytes, str]],
        limits: ScrapeLimits,
        on_fault: Callable[[BaseException], None],
    ) -> None:
        self.late = 0
        self._limits, self._on_fault = limits, on_fault
        self._is_stopping = False
        self._resting_until: float | None = None
        self._connections: dict[Connection, None] = {}
        self._owned = _Owned()
        with forking_lock():
            self._listener = listener
            self._selector = selectors.DefaultSelector()
            self._waker, self._woken = socket.socketpair()
            for end in (listener, self._selector, self._waker, self._woken):
                self._owned.add(end)
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self.pages = Pages(page, self.wake, on_fault)

    def wake(self) -> None:
        """Have the loop look at what there is; from any thread."""
        with contextlib.suppress(OSError):  # full: it wakes anyway; closed: it is over
            self._waker.send(b"\0")

    def stop(self) -> None:
        """Have ``run`` return; from any thread."""
        self._is_stopping = True
        self.wake()

    def close(self) -> None:
        """Close all descriptors; for a loop that does not run."""
        self.pages.stop()
        self._owned.close()

    def run(self) -> None:
        """Serve until ``stop``; then everything is closed."""
        try:
            while not self._is_stopping:
                self._turn()
        except Exception as error:
            self._on_fault(error)
        finally:
            self.close()

    def _turn(self) -> None:
        for key, _ in self._selector.select(self._pause()):
            if key.fileobj is self._listener:
                self._accept()
            elif key.fileobj is self._woken:
                with contextlib.suppress(BlockingIOError, InterruptedError):
                    self._woken.recv(4096)
            elif isinstance(key.data, Connection) and key.data in self._connections:
                self._safely(key.data, self._move)
        self._hand_out()
        self._expire()

    def _pause(self) -> float | None:
        moments = [each.deadline for each in self._connections]
        if self._resting_until is not None:
            moments.append(self._resting_until)
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    # ----------------------------------------------------------------------- connections

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            with forking_lock():
                try:
                    sock, _ = self._listener.accept()
                except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                    return
                except OSError:  # no descriptors left: the listener stays readable, and the loop would spin
                    self._rest()
                    return
                self._owned.add(sock)
            sock.setblocking(False)
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, time.monotonic() + self._limits.header_seconds)
            if len(self._connections) >= self._limits.connections:
                self._drop_oldest()
            self._connections[connection] = None
            # Its request is there already, mostly: a flood of others cannot displace it before it is read.
            self._safely(connection, self._move)

    def _rest(self) -> None:
        self._drop_oldest()
        self._selector.unregister(self._listener)
        self._resting_until = time.monotonic() + _REST_SECONDS

    def _drop_oldest(self) -> None:
        idle = (each for each in self._connections if each.state in {State.READING, State.LINGERING})
        oldest = next(idle, None) or next(iter(self._connections), None)
        if oldest is not None:
            self._drop(oldest)

    def _drop(self, connection: Connection) -> None:
        if connection in self._connections:
            del self._connections[connection]
            self._watch(connection, 0)
            self._owned.drop(connection.sock)

    def _watch(self, connection: Connection, events: int) -> None:
        if events == connection.events:
            return
        if not connection.events:
            self._selector.register(connection.sock, events, connection)
        elif not events:
            self._selector.unregister(connection.sock)
        else:
            self._selector.modify(connection.sock, events, connection)
        connection.events = events

    def _expire(self) -> None:
        now = time.monotonic()
        if self._resting_until is not None and self._resting_until <= now:
            self._resting_until = None
            self._selector.register(self._listener, selectors.EVENT_READ)
        for connection in [each for each in self._connections if each.deadline <= now]:
            self._safely(connection, self._end_of_time)

    def _safely(self, connection: Connection, step: Callable[[Connection], None]) -> None:
        """Do a step; what goes wrong with one client closes that one."""
        try:
            step(connection)
        except OSError:
            self._drop(connection)
        except Exception as error:
            self._drop(connection)
            self._on_fault(error)

    # ----------------------------------------------------------------------- steps of a connection

    def _move(self, connection: Connection) -> None:
        if connection.state is State.WRITING:
            if connection.flush():
                self._sent(connection)
                self._proceed(connection)
            return
        data = connection.receive()
        if data is None:
            self._watch(connection, selectors.EVENT_READ)
        elif connection.state is State.LINGERING:
            if not data:
                self._drop(connection)
        else:
            if data and not connection.received:
                connection.deadline = time.monotonic() + self._limits.header_seconds
            connection.received += data
            connection.is_at_end = not data
            self._proceed(connection)

    def _proceed(self, connection: Connection) -> None:
        """Answer what has come in, one request after the other."""
        while connection.state is State.READING:
            request = taken(connection.received, self._limits.header_bytes)
            if request is None:
                if connection.is_at_end:
                    self._drop(connection)
                else:
                    self._watch(connection, selectors.EVENT_READ)
                return
            self._respond(connection, request)

    def _respond(self, connection: Connection, request: Request | Refusal) -> None:
        self._connections[connection] = self._connections.pop(connection)  # now the youngest
        if isinstance(request, Refusal):
            connection.is_last = True
            self._send(connection, Answer(request.status, f"{request.status.phrase}\n".encode()))
            return
        connection.is_last = request.is_last
        connection.head_only = request.method == "HEAD"
        if request.path not in {"/metrics", "/"}:
            self._send(connection, Answer(HTTPStatus.NOT_FOUND, _POINTER))
        elif request.method not in {"GET", "HEAD"}:
            fields = {"Allow": "GET, HEAD"}
            self._send(connection, Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"Method Not Allowed\n", fields=fields))
        elif request.path == "/":
            self._send(connection, Answer(HTTPStatus.OK, _POINTER))
        else:
            gzip = takes_gzip(request.fields.get("accept-encoding", ""))
            self._wait_for(connection, Wanted(request.fields.get("accept", ""), gzip))

    def _wait_for(self, connection: Connection, wanted: Wanted) -> None:
        if not self.pages.ask(wanted):
            self.late += 1
            self._send(connection, self.pages.fallback(wanted, "too many wait for one"))
            return
        connection.state, connection.wanted = State.WAITING, wanted
        connection.deadline = time.monotonic() + self._limits.page_seconds
        self._watch(connection, 0)

    def _hand_out(self) -> None:
        for wanted, answer in self.pages.ready():
            for connection in [each for each in self._connections if each.wanted == wanted]:
                self._answer_waiting(connection, answer)

    def _answer_waiting(self, connection: Connection, answer: Answer) -> None:
        def step(connection: Connection) -> None:
            connection.wanted = None
            self._send(connection, answer)
            self._proceed(connection)

        self._safely(connection, step)

    def _send(self, connection: Connection, answer: Answer) -> None:
        parts = encoded(answer, is_last=connection.is_last, head_only=connection.head_only)
        connection.outgoing = [memoryview(part) for part in parts]
        connection.state = State.WRITING
        connection.deadline = time.monotonic() + self._limits.write_seconds
        if connection.flush():
            self._sent(connection)
        else:
            self._watch(connection, selectors.EVENT_WRITE)

    def _sent(self, connection: Connection) -> None:
        now = time.monotonic()
        if not connection.is_last:
            connection.state = State.READING
            seconds = self._limits.header_seconds if connection.received else self._limits.idle_seconds
            connection.deadline = now + seconds
        elif connection.is_at_end:
            self._drop(connection)
        else:
            connection.sock.shutdown(socket.SHUT_WR)
            connection.state = State.LINGERING
            connection.deadline = now + self._limits.linger_seconds
            self._watch(connection, selectors.EVENT_READ)

    def _end_of_time(self, connection: Connection) -> None:
        if connection.state is State.WAITING and connection.wanted is not None:
            self.late += 1
            answer = self.pages.fallback(connection.wanted, "it takes too long")
            self._answer_waiting(connection, answer)
        elif connection.state is State.READING and connection.received:
            self._respond(connection, Refusal(HTTPStatus.REQUEST_TIMEOUT))
        else:
            self._drop(connection)
