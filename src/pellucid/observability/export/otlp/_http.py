"""OTLP over http/protobuf: a fresh connection for each request."""

from __future__ import annotations

import base64
import contextlib
import gzip
import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pellucid._util.processes import close_kept, keep_from_forks
from pellucid._version import __version__
from pellucid.observability.export.otlp._answers import Accepted, Barred, Refused, Retry, TooLarge
from pellucid.observability.export.otlp._proxies import proxy_for
from pellucid.observability.export.otlp._rpc_status import message_of
from pellucid.observability.export.otlp._texts import accepted, reason_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from urllib.parse import SplitResult

    from pellucid.observability.export.otlp._answers import Answer
    from pellucid.observability.options import OtlpOptions

_MOST_OF_AN_ANSWER = 256 * 1024
_LONGEST_WAIT = 3600.0
_LATER = frozenset({429, 502, 503, 504})
_CONFIGURED_WRONG = frozenset({401, 402, 403, 404, 405, 407})
_TOO_LATE = "no answer in time"
_UNCONNECTED = Retry("no connection in time", None, is_unreachable=True)


class HttpExchange:
    """One POST.

    Args:
        body: the serialised request.
        options: where to, and how.
        signal: what is in it.
    """

    def __init__(self, body: bytes, options: OtlpOptions, signal: str) -> None:
        self._body = body
        self._options = options
        self._signal = signal
        self._connection: HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._is_given_up = False
        self._status = 0

    def run(self, seconds: float) -> Answer:
        """Send the request and return the answer; each step has what is left of the time."""
        ends = time.monotonic() + seconds

        def left() -> float:
            return max(0.001, ends - time.monotonic())

        url = urlsplit(self._options.endpoint or "")
        if url.scheme not in ("http", "https") or not url.hostname:
            return Barred("the endpoint is no http or https URL")
        try:
            self._connect(url, left())
        except TimeoutError:
            self._close()
            return _UNCONNECTED
        except (OSError, HTTPException) as error:
            self._close()
            reason = f"no connection to {_place(url)}: {self._shown(reason_of(error))}"
            return Retry(reason, None, is_unreachable=True)
        try:
            return self._ask(url, left)
        except TimeoutError:
            return self._lost(_TOO_LATE)
        except (OSError, HTTPException) as error:
            return self._lost(f"the connection to {_place(url)} broke: {self._shown(reason_of(error))}")
        finally:
            self._close()

    def give_up(self) -> Answer:
        """Cut the connection and return what is known of the answer."""
        self._is_given_up = True
        # Before the connection is cut: half a head, ended by that, would be read as a whole one.
        has_connection = self._socket is not None
        answer = self._lost(_TOO_LATE)
        connection = self._connection
        connected = None if connection is None else connection.sock
        if connected is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)
        return answer if has_connection else _UNCONNECTED

    def _connect(self, url: SplitResult, seconds: float) -> None:
        connection = self._connection = _connection_to(url, self._options, seconds)
        connection.connect()
        connected = connection.sock
        keep_from_forks(connected)
        self._socket = connected
        if self._is_given_up:
            raise TimeoutError

    def _ask(self, url: SplitResult, left: Callable[[], float]) -> Answer:
        connection, connected = self._connection, self._socket
        assert connection is not None
        assert connected is not None
        body, headers = self._body, self._headers(url)
        if self._options.compression == "gzip":
            body = gzip.compress(body, compresslevel=6, mtime=0)
            headers["Content-Encoding"] = "gzip"
        connected.settimeout(left())
        target = f"{url.path or '/'}{'?' + url.query if url.query else ''}"
        is_relayed = url.scheme == "http" and proxy_for(url) is not None
        if is_relayed:
            target = f"http://{_place(url)}{target}"
        connection.request("POST", target, body, headers)
        connected.settimeout(left())
        response = connection.getresponse()
        self._status = response.status
        connected.settimeout(left())
        return self._answer(response, response.read(_MOST_OF_AN_ANSWER))

    def _headers(self, url: SplitResult) -> dict[str, str]:
        headers = {
            "Host": _place(url),
            "User-Agent": f"pellucid/{__version__}",
            "Content-Type": "application/x-protobuf",
            "Connection": "close",
            **_credentials("Authorization", url),
        }
        proxy = proxy_for(url)
        if proxy is not None and url.scheme == "http":
            headers.update(_credentials("Proxy-Authorization", proxy))
        given = {name.lower() for name in self._options.headers}
        return {**{name: each for name, each in headers.items() if name.lower() not in given}, **self._options.headers}

    def _answer(self, response: HTTPResponse, body: bytes) -> Answer:
        status = response.status
        if 200 <= status < 300:
            return accepted(body, self._options.headers)
        reason = f"{status} {response.reason}"
        if response.getheader("Content-Type", "").startswith("application/x-protobuf"):
            reason = f"{reason} {message_of(body)}"
        reason = self._shown(reason)
        if status in _LATER:
            return Retry(reason, _seconds_of(response.getheader("Retry-After")))
        if status == 413:
            return TooLarge(reason)
        if status in _CONFIGURED_WRONG or 300 <= status < 400:
            return Barred(reason)
        return Refused(reason)

    def _lost(self, reason: str) -> Answer:
        """Return the answer of a connection that ended too early: what was accepted by its status stays so."""
        return Accepted() if 200 <= self._status < 300 else Retry(reason)

    def _shown(self, text: str) -> str:
        return shown(text, self._options.headers)

    def _close(self) -> None:
        connection, connected = self._connection, self._socket
        if connected is not None:
            close_kept(connected)
        if connection is not None:
            connection.close()


def _connection_to(url: SplitResult, options: OtlpOptions, seconds: float) -> HTTPConnection:
    """Return a connection that is not made yet, to the backend or to the proxy before it."""
    proxy = proxy_for(url)
    near = url if proxy is None else proxy
    host, port = near.hostname or "", near.port or (443 if near.scheme == "https" else 80)
    if url.scheme == "http":
        return HTTPConnection(host, port, timeout=seconds)
    connection = HTTPSConnection(host, port, timeout=seconds, context=_tls(options))
    if proxy is not None:
        connection.set_tunnel(url.hostname or "", url.port or 443, _credentials("Proxy-Authorization", proxy))
    return connection


def _tls(options: OtlpOptions) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=options.certificate)
    if options.client_certificate is not None:
        context.load_cert_chain(options.client_certificate, options.client_key)
    return context


def _credentials(header: str, url: SplitResult) -> Mapping[str, str]:
    if url.username is None:
        return {}
    pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return {header: "Basic " + base64.b64encode(pair.encode()).decode("ascii")}


def _place(url: SplitResult) -> str:
    """Return host and port, without user and password."""
    return url.netloc.rpartition("@")[2]


def _seconds_of(retry_after: str | None) -> float | None:
    """Return the seconds of a ``Retry-After``, which is a number or a date (RFC 9110, section 10.2.3)."""
    text = (retry_after or "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, moment - time.time()), _LONGEST_WAIT)
