"""``/metrics`` for Prometheus, while the process lasts."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
import time
from typing import TYPE_CHECKING

from pellucid._util.processes import forking_lock
from pellucid.observability.export.prometheus._errors import ScrapeAddressError
from pellucid.observability.export.prometheus._loop import Loop, ScrapeLimits

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

__all__ = ["ScrapeServer"]


class ScrapeServer:
    """Serves pages at ``/metrics`` over HTTP, with two daemon threads however many clients there are.

    A page that cannot be made, or takes too long, is answered by the last good one, or by an empty one: never by an
    error. A forked child neither serves nor holds the port.

    Args:
        page: makes a page and its content type, given the client's ``Accept``. Called in a thread of the server, one
            call at a time.
        host: the address to bind: of the loopback, unless others are to reach it.
        port: 0 takes any free one.
        limits: of what clients can take.
        on_fault: told each error, in a thread of the server.
    """

    def __init__(
        self,
        page: Callable[[str], tuple[bytes, str]],
        host: str = "127.0.0.1",
        port: int = 9464,
        *,
        limits: ScrapeLimits | None = None,
        on_fault: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._page, self._host, self._port = page, host, port
        self._limits = limits or ScrapeLimits()
        self._told = on_fault
        self._loop: Loop | None = None
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def start(self) -> Self:
        """Bind and serve, and return this.

        Raises:
            ScrapeAddressError: the port is taken, or the address is not this machine's.
        """
        with forking_lock():  # a child of a fork in between would hold the port
            listener = _listening(self._host, self._port)
            self._port = listener.getsockname()[1]
            self._loop = Loop(listener, self._page, self._limits, self._on_fault)
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._loop.run, name="pellucid-metrics", daemon=True)
        try:
            self._loop.pages.start()
            self._thread.start()
        except RuntimeError:  # the interpreter ends, or the system has no threads left
            self._loop.close()
            raise
        return self

    @property
    def port(self) -> int:
        """The port; the one that was taken, where any was to be."""
        return self._port

    @property
    def url(self) -> str:
        """Where the page is."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/metrics"

    @property
    def failures(self) -> int:
        """How many pages could not be made."""
        return self._loop.pages.failures if self._loop else 0

    @property
    def late(self) -> int:
        """How many requests were answered by an older page, because the new one took too long."""
        return self._loop.late if self._loop else 0

    def close(self, timeout_seconds: float = 1.0) -> None:
        """Stop serving, and free the port; nothing in a forked child.

        Args:
            timeout_seconds: how long this waits at most, and for a page that is being made a quarter of it.
        """
        if self._loop is None or self._thread is None or self._pid != os.getpid():
            return
        ends_at = time.monotonic() + timeout_seconds
        self._loop.stop()
        self._thread.join(timeout_seconds)
        self._loop.pages.join(max(0.0, min(ends_at - time.monotonic(), timeout_seconds / 4)))

    def _on_fault(self, error: BaseException) -> None:
        if self._told is not None:
            with contextlib.suppress(Exception):
                self._told(error)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _listening(host: str, port: int) -> socket.socket:
    if not host:
        raise ScrapeAddressError(host, port, "an empty host is no address; all of this machine's are 0.0.0.0 or ::")
    if not 0 <= port < 65536:
        raise ScrapeAddressError(host, port, "a port is a number from 0 to 65535")
    sock: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, protocol)
        if os.name == "posix":  # elsewhere it would share the port with whoever has it
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(128)
        sock.setblocking(False)
    except (OSError, UnicodeError) as error:
        if sock is not None:
            sock.close()
        reason = getattr(error, "strerror", None) or str(error)
        is_taken = getattr(error, "errno", None) == errno.EADDRINUSE
        raise ScrapeAddressError(host, port, reason, is_taken=is_taken) from error
    return sock
