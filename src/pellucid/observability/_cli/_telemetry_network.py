"""Checks of what telemetry is sent to, and of the port that it is fetched from."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Literal
from urllib.parse import SplitResult, urlsplit

from pellucid._util.redaction import redact_urls
from pellucid.observability._cli._telemetry_check import Check
from pellucid.observability.export.otlp import Accepted, send

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from pellucid.observability.options import Options, OtlpOptions

_TIMEOUT_SECONDS = 5.0
_MOST_OFFSET_SECONDS = 5.0
_DEFAULT_PORTS = {"http": 80, "https": 443}
_GRPC_PORT = 4317


def check_network(options: Options) -> Iterator[Check]:
    """Check each endpoint that is configured, in a few seconds each."""
    is_sent = False
    for signal, name, is_on, otlp in _signals(options):
        if is_on and otlp.endpoint is not None:
            is_sent = True
            yield from _check_otlp(signal, name, otlp)
    metrics = options.metrics
    if metrics.enabled and metrics.pushgateway is not None:
        is_sent = True
        yield from _check_pushgateway(metrics.pushgateway)
    if metrics.enabled and metrics.scrape:
        yield _check_port(metrics.scrape_host, metrics.scrape_port)
    if not is_sent:
        yield Check("OK", "endpoints", "none is configured: nothing is sent anywhere")


def _signals(options: Options) -> Iterator[tuple[Literal["traces", "logs"], str, bool, OtlpOptions]]:
    yield "traces", "spans", options.tracing.enabled, options.tracing.otlp
    yield "logs", "log records", options.logging.enabled, options.logging.otlp


def _check_otlp(signal: Literal["traces", "logs"], name: str, otlp: OtlpOptions) -> Iterator[Check]:
    place = otlp.endpoint or ""
    url = urlsplit(place if "://" in place else f"//{place}")
    if url.hostname is None:  # a socket of this machine
        yield _ask(signal, name, otlp)
        return
    problem = _unreachable(url, _GRPC_PORT if otlp.protocol == "grpc" else None)
    if problem:
        yield Check("FAIL", name, f"{redact_urls(place)}: {problem}.", "Runs keep what they record until it answers.")
        return
    yield _ask(signal, name, otlp)
    if otlp.protocol == "http/protobuf":
        yield from _check_offset(name, url, otlp)


def _ask(signal: Literal["traces", "logs"], name: str, otlp: OtlpOptions) -> Check:
    place = redact_urls(otlp.endpoint or "")
    answer = send(b"", otlp, signal, min(_TIMEOUT_SECONDS, otlp.timeout_seconds))
    if isinstance(answer, Accepted):
        return Check("OK", name, f"{place} takes an empty request")
    return Check("FAIL", name, f"{place}: {answer.reason}", "See the endpoint, protocol, headers and certificates.")


def _unreachable(url: SplitResult, default_port: int | None = None) -> str:
    """Return why no connection comes about, or nothing."""
    host, port = url.hostname or "", url.port or default_port or _DEFAULT_PORTS.get(url.scheme, 80)
    found: list[str] = []

    def connect() -> None:
        try:
            address = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
        except (OSError, UnicodeError) as error:
            found.append(f"the name {host} is not known ({error})")
            return
        try:
            socket.create_connection((address, port), timeout=_TIMEOUT_SECONDS).close()
            found.append("")
        except OSError as error:
            found.append(f"no connection to port {port} ({error.strerror or error})")

    # Looking up a name has no time-out of its own.
    thread = threading.Thread(target=connect, name="pellucid-doctor", daemon=True)
    thread.start()
    thread.join(2 * _TIMEOUT_SECONDS)
    return found[0] if found else f"the name {host} is not found within {2 * _TIMEOUT_SECONDS:g} s"


def _check_offset(name: str, url: SplitResult, otlp: OtlpOptions) -> Iterator[Check]:
    """Compare the clock with that of the endpoint, where it tells (RFC 9110, 6.6.1: in whole seconds)."""
    from email.utils import parsedate_to_datetime

    asked = time.time()
    _, _, date = _get(url, "HEAD", url.path or "/", otlp)
    try:
        told = parsedate_to_datetime(date).timestamp()
        # It was told at some time between, however long the answer took.
        offset = min(max(told, asked - 1), time.time()) - told
    except (TypeError, ValueError):
        yield Check("OK", f"clock of {name}", "the endpoint does not tell the time")
        return
    if abs(offset) > _MOST_OFFSET_SECONDS:
        yield Check("WARN", f"clock of {name}", f"this machine is {offset:+.0f} s from the endpoint.", "Set the clock.")
    else:
        yield Check("OK", f"clock of {name}", "as that of the endpoint")


def _get(url: SplitResult, method: str, path: str, otlp: OtlpOptions | None = None) -> tuple[int, str, str]:
    """Ask for a page, and return status, reason and date; status 0 means that there is no answer."""
    import http.client

    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=_TIMEOUT_SECONDS)
    try:
        if url.scheme == "https":
            connection = http.client.HTTPSConnection(
                url.hostname or "", url.port, timeout=_TIMEOUT_SECONDS, context=_tls(otlp)
            )
        connection.request(method, path)
        answer = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)[:200] or type(error).__name__, ""
    else:
        return answer.status, str(answer.reason)[:200], answer.headers.get("Date", "")
    finally:
        connection.close()


def _tls(otlp: OtlpOptions | None) -> ssl.SSLContext:
    import ssl

    context = ssl.create_default_context(cafile=None if otlp is None else otlp.certificate)
    if otlp is not None and otlp.client_certificate is not None:
        context.load_cert_chain(otlp.client_certificate, otlp.client_key)
    return context


def _check_pushgateway(place: str) -> Iterator[Check]:
    url = urlsplit(place)
    problem = _unreachable(url)
    if not problem:
        status, reason, _ = _get(url, "GET", f"{url.path.rstrip('/')}/-/ready")
        problem = "" if status in (200, 401, 403) else f"not ready: {status or ''} {reason}"
    if problem:
        yield Check("FAIL", "pushgateway", f"{redact_urls(place)}: {problem}.", "See metrics.pushgateway.")
    else:
        yield Check("OK", "pushgateway", f"{redact_urls(place)} is ready")


def _check_port(host: str, port: int) -> Check:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, UnicodeError) as error:
            text = f"{host}:{port} cannot be bound: {getattr(error, 'strerror', None) or error}."
            return Check("WARN", "scrape", text, "A run may be serving it; else change metrics.scrape_port.")
    return Check("OK", "scrape", f"{host}:{port} is free")
