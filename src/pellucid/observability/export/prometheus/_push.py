"""Pushing the page to a Pushgateway, all of it within a deadline."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from pellucid._util.texts import text_of
from pellucid.observability.export.prometheus._errors import PushError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPConnection

__all__ = ["push"]

# With a dot in front it could be one of the steps of a path.
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_LABEL = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]*")
_MOST_READ_BYTES = 16 * 1024
_MOST_SHOWN = 300
"""Characters of an answer that an error shows."""


def push(
    url: str, job: str, grouping: Mapping[str, str], body: bytes, content_type: str, timeout_seconds: float
) -> None:
    """Replace a group of metrics at a Pushgateway (``PUT``; https://github.com/prometheus/pushgateway#api).

    No redirect is followed and no proxy used. Where the deadline passes, a daemon thread may go on for as long as the
    name service takes; it sends nothing any more.

    Args:
        url: of the Pushgateway, http or https, with ``user:password@`` where it wants them.
        job: the first label of the group.
        grouping: its other labels.
        body: a page in the text format.
        content_type: of the body.
        timeout_seconds: for the whole exchange, from the name service to the answer's last byte.

    Raises:
        PushError: it was not taken, or not answered in time. The text shows neither user nor password.
    """
    target = _target(url)
    exchange = _Exchange(target, _path(target, job, grouping), body, content_type, timeout_seconds)
    status, answer = exchange.result()
    if not 200 <= status < 300:
        raise PushError(target.shown, f"it answered {status}: {_shown(answer, target)}", status)


@dataclass(frozen=True)
class _Target:
    is_secure: bool
    host: str
    port: int
    path: str
    credentials: str | None
    shown: str


def _target(url: str) -> _Target:
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise PushError("the Pushgateway", "its URL cannot be read") from None
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise PushError("the Pushgateway", "its URL is not of the form http[s]://[user:password@]host[:port][/path]")
    is_secure = parts.scheme == "https"
    path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
    user = unquote(parts.username) if parts.username is not None else None
    credentials = None if user is None else f"{user}:{unquote(parts.password or '')}"
    shown_host = f"[{host}]" if ":" in host else host
    number = port if port is not None else (443 if is_secure else 80)
    return _Target(is_secure, host, number, path, credentials, f"{parts.scheme}://{shown_host}:{number}{path}")


def _path(target: _Target, job: str, grouping: Mapping[str, str]) -> str:
    if not job:
        raise PushError(target.shown, "the job has no name")
    for label in grouping:
        if not _LABEL.fullmatch(label) or label == "job":
            raise PushError(target.shown, f"{label!r} cannot be a label of the group")
    labels = [_segment("job", job), *(_segment(label, value) for label, value in grouping.items())]
    return f"{target.path}/metrics/{'/'.join(labels)}"


def _segment(label: str, value: str) -> str:
    if _PLAIN.fullmatch(value):
        return f"{label}/{value}"
    # A slash would end the value, and an empty one cannot stand in a path.
    return f"{label}@base64/{base64.urlsafe_b64encode(value.encode('utf-8', 'replace')).decode() or '='}"


class _Exchange:
    """One request and its answer, in a thread of their own that is left behind when the time is over."""

    def __init__(self, target: _Target, path: str, body: bytes, content_type: str, timeout_seconds: float) -> None:
        self._target, self._path, self._body = target, path, body
        self._fields = {"Content-Type": content_type, "Connection": "close"}
        if target.credentials is not None:
            token = base64.b64encode(target.credentials.encode()).decode()
            self._fields["Authorization"] = f"Basic {token}"
        self._timeout = timeout_seconds
        self._deadline = time.monotonic() + timeout_seconds
        self._lock = threading.Lock()
        self._is_abandoned = False
        self._connection: HTTPConnection | None = None
        self._answer: tuple[int, bytes] | None = None
        self._error: BaseException | None = None

    def result(self) -> tuple[int, bytes]:
        """Make the exchange; return the status and the beginning of the body.

        Raises:
            PushError: there was no answer in time.
        """
        thread = threading.Thread(target=self._run, name="pellucid-push", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the interpreter ends, or the system has no threads left
            raise PushError(self._target.shown, str(error)) from error
        thread.join(max(0.0, self._deadline - time.monotonic()))
        if self._answer is not None:
            return self._answer
        fault = self._error  # before the connection is broken from this side
        self._abandon()
        if fault is None or isinstance(fault, TimeoutError):
            raise PushError(self._target.shown, f"no answer within {self._timeout:g} s")
        reason = _redacted(text_of(fault), self._target)[:_MOST_SHOWN]
        raise PushError(self._target.shown, f"{type(fault).__name__}: {reason}")

    def _run(self) -> None:
        try:
            self._make()
        except BaseException as error:
            self._error = error
        finally:
            if self._connection is not None:
                self._connection.close()

    def _make(self) -> None:
        connection = self._connected()
        connection.request("PUT", self._path, body=self._body, headers=self._fields)
        with connection.getresponse() as response:
            self._answer = (response.status, response.read(_MOST_READ_BYTES))

    def _connected(self) -> HTTPConnection:
        from http.client import HTTPConnection, HTTPSConnection

        target, timeout = self._target, max(0.001, self._deadline - time.monotonic())
        kind = HTTPSConnection if target.is_secure else HTTPConnection
        connection = kind(target.host, target.port, timeout=timeout)
        self._connection = connection
        connection.connect()
        with self._lock:
            if self._is_abandoned:
                raise TimeoutError
        return connection

    def _abandon(self) -> None:
        """End the thread's waiting: a socket's own time-out begins anew with each byte."""
        with self._lock:
            self._is_abandoned = True
            sock = getattr(self._connection, "sock", None)
        if sock is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _shown(answer: bytes, target: _Target) -> str:
    text = " ".join(answer.decode("utf-8", "replace").split())
    printable = "".join(each if each.isprintable() else "?" for each in _redacted(text, target))
    return printable[:_MOST_SHOWN] or "(nothing)"


def _redacted(text: str, target: _Target) -> str:
    """Take out what a server may have sent back of the credentials."""
    if target.credentials is None:
        return text
    _, _, password = target.credentials.partition(":")
    token = base64.b64encode(target.credentials.encode()).decode()
    for secret in (token, target.credentials, password):
        if secret:
            text = text.replace(secret, "***")
    return text
