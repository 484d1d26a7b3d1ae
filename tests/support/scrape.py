"""Pages to serve, and clients that speak HTTP by the byte."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import choose_encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TEXT = "text/plain; version=0.0.4; charset=utf-8"
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


def simple(accept: str) -> tuple[bytes, str]:
    """Return a page of one sample."""
    return b"jobs_total 1\n", TEXT


def demo_page() -> Callable[[str], tuple[bytes, str]]:
    """Return what renders a counter, and a histogram with an exemplar, as prometheus_client does."""
    registry = CollectorRegistry()
    runs = Counter("demo_runs", "Runs that ended.", ["pipeline", "result"], registry=registry)
    runs.labels('a "quoted" pipe}', "success").inc(41)
    durations = Histogram("demo_duration_seconds", "How long.", ["pipeline"], registry=registry, buckets=(0.1, 1.0))
    durations.labels("etl").observe(0.5, {"trace_id": TRACE_ID})

    def page(accept: str) -> tuple[bytes, str]:
        encoder, content_type = choose_encoder(accept)
        return encoder(registry), content_type

    return page


@contextlib.contextmanager
def client(port: int, *, timeout_seconds: float = 30.0) -> Iterator[socket.socket]:
    """Connect to a port of the loopback."""
    with socket.create_connection(("127.0.0.1", port), timeout_seconds) as sock:
        yield sock


def read_to_end(sock: socket.socket) -> bytes:
    """Return all that comes until the other side closes."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := sock.recv(65536):
            parts.append(part)
    return b"".join(parts)


def read_answers(sock: socket.socket, count: int) -> list[bytes]:
    """Return the bodies of the next answers of a connection that stays open."""
    received = b""
    bodies: list[bytes] = []
    while len(bodies) < count:
        header, found, rest = received.partition(b"\r\n\r\n")
        length = int(header.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]) if found else 0
        if found and len(rest) >= length:
            bodies.append(rest[:length])
            received = rest[length:]
            continue
        part = sock.recv(65536)
        assert part, f"closed after {len(bodies)} answers"
        received += part
    assert not received
    return bodies
