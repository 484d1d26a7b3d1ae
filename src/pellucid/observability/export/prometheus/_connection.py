"""One client of the scrape server: what it sent, what it is still to get, and until when."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from pellucid.observability.export.prometheus._pages import Wanted

__all__ = ["Connection", "State"]


class State(enum.Enum):
    """What a connection is at."""

    READING = enum.auto()
    """A request is to come, or is coming."""
    WAITING = enum.auto()
    """Its page is being rendered; nothing is read."""
    WRITING = enum.auto()
    """The answer goes out; nothing is read."""
    LINGERING = enum.auto()
    """The answer is out, and what still comes in is thrown away.

    Closing at once would reset the connection, and take the answer away from a client that is still sending.
    """


class Connection:
    """A client.

    Attributes:
        state: what it is at.
        events: of selectors, that are watched; 0 is none.
        deadline: by the monotonic clock, for the state.
        received: what came in and is not answered.
        outgoing: what is still to be sent.
        wanted: the page that it waits for.
        head_only: it wants the header of the page alone.
        is_last: it is closed after the answer.
        is_at_end: its client sends no more.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self.sock = sock
        self.state = State.READING
        self.events = 0
        self.deadline = deadline
        self.received = bytearray()
        self.outgoing: list[memoryview] = []
        self.wanted: Wanted | None = None
        self.head_only = False
        self.is_last = False
        self.is_at_end = False

    def receive(self) -> bytes | None:
        """Return what came in, empty at the end; None if there was nothing after all.

        Raises:
            OSError: the connection is broken.
        """
        try:
            return self.sock.recv(16384)
        except (BlockingIOError, InterruptedError):
            return None

    def flush(self) -> bool:
        """Send what the client takes now; tell whether that was all.

        Raises:
            OSError: the connection is broken.
        """
        while self.outgoing:
            try:
                sent = self.sock.send(self.outgoing[0])
            except (BlockingIOError, InterruptedError):
                return False
            self.outgoing[0] = self.outgoing[0][sent:]
            if not self.outgoing[0]:
                del self.outgoing[0]
        return True
