"""One request over http, and what each answer means."""

from __future__ import annotations

import base64
import socket
import threading
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.support import backends
from tests.support.backends import (
    Authority,
    Drip,
    HttpBackend,
    Reset,
    Silence,
    Slow,
    Stops,
    nobody_there,
    partial_success,
)

from pellucid.observability.export.otlp import Accepted, Answer, Barred, Refused, Retry, TooLarge, send
from pellucid.observability.export.otlp._http import HttpExchange
from pellucid.observability.options import OtlpOptions

if TYPE_CHECKING:
    from pathlib import Path

SLACK = 5.0
"""Seconds that a machine with other things to do may be late; without a deadline the backends here take far longer."""
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


def body(*names: str) -> bytes:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for name in names:
        spans.add(name=name, trace_id=b"t" * 16, span_id=b"s" * 8)
    encoded: bytes = request.SerializeToString()
    return encoded


def sent(endpoint: str, seconds: float = 10, *, content: bytes | None = None, **options: Any) -> Answer:
    given = OtlpOptions(endpoint=endpoint, **options)
    return send(body("a") if content is None else content, given, "traces", seconds)


def answered(status: int, content: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
    with HttpBackend([backends.Answer(status, content, headers)]) as backend:
        return sent(backend.url)


def test_a_request_arrives_as_it_was_made() -> None:
    with HttpBackend() as backend:
        assert sent(backend.url + "?tenant=a", content=body("a", "b")) == Accepted()
    (request,) = backend.requests
    assert (request.path, request.body) == ("/v1/traces?tenant=a", body("a", "b"))
    assert [span.name for span in request.spans] == ["a", "b"]
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["host"] == f"127.0.0.1:{backend.port}"
    assert request.headers["user-agent"].startswith("pellucid/")


def test_each_request_has_a_connection_of_its_own() -> None:
    with HttpBackend() as backend:
        for _ in range(3):
            assert sent(backend.url) == Accepted()
    assert [each.headers["connection"] for each in backend.requests] == ["close"] * 3


def test_headers_are_sent_and_may_take_the_place_of_ours() -> None:
    with HttpBackend() as backend:
        sent(backend.url, headers={"Authorization": "Bearer of-bad-news", "user-agent": "mine"})
    assert backend.requests[0].headers["authorization"] == "Bearer of-bad-news"
    assert backend.requests[0].headers["user-agent"] == "mine"


def test_user_and_password_of_the_url_become_a_header() -> None:
    with HttpBackend() as backend:
        sent(backend.url.replace("://", "://ann:s%40cret@"))
    assert backend.requests[0].headers["authorization"] == "Basic " + base64.b64encode(b"ann:s@cret").decode()
    assert "ann" not in backend.requests[0].headers["host"]


def test_gzip_compresses_the_same_bytes_to_the_same_bytes() -> None:
    with HttpBackend() as backend:
        sent(backend.url, content=body(*"a" * 500), compression="gzip")
        sent(backend.url, content=body(*"a" * 500), compression="gzip")
    first, second = backend.requests
    assert first.headers["content-encoding"] == "gzip"
    assert int(first.headers["content-length"]) < len(first.body) / 5
    assert first.body == second.body == body(*"a" * 500)
    assert first.headers == second.headers


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_the_specification_calls_retryable_is_tried_again(status: int) -> None:
    assert answered(status) == Retry(f"{status} Whatever")


@pytest.mark.parametrize("status", [400, 408, 409, 422, 500, 501])
def test_all_other_errors_are_final(status: int) -> None:
    assert answered(status) == Refused(f"{status} Whatever")


@pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 403, 404, 405, 407])
def test_what_a_changed_configuration_would_heal_bars_the_way(status: int) -> None:
    assert answered(status, headers={"Location": "http://127.0.0.1:1/"}) == Barred(f"{status} Whatever")


def test_413_says_that_less_may_do() -> None:
    assert answered(413) == TooLarge("413 Whatever")


def test_partial_success_is_an_acceptance_with_a_count() -> None:
    assert answered(200, partial_success(3, "too old\nreally")) == Accepted(3, "too old really")


@pytest.mark.parametrize("content", [b"", b"OK", b"{}", b"\xff\xff\xff", partial_success(-4, "")])
def test_an_acceptance_that_cannot_be_read_is_one(content: bytes) -> None:
    assert answered(200, content) == Accepted()


@pytest.mark.parametrize(
    ("given", "seconds"), [("7", 7.0), ("0", 0.0), ("99999999999999", 3600.0), ("-3", None), ("soon", None), ("", None)]
)
def test_retry_after_in_seconds(given: str, seconds: float | None) -> None:
    assert answered(503, headers={"Retry-After": given}) == Retry("503 Whatever", seconds)


@pytest.mark.parametrize(("offset", "low", "high"), [(60, 50, 61), (-60, 0, 0), (1e6, 3600, 3600)])
def test_retry_after_as_a_date(offset: float, low: float, high: float) -> None:
    answer = answered(429, headers={"Retry-After": formatdate(time.time() + offset, usegmt=True)})
    assert isinstance(answer, Retry)
    assert answer.after_seconds is not None
    assert low <= answer.after_seconds <= high


def test_what_the_backend_says_is_shown_without_our_headers() -> None:
    message = b"\x12\x1dwrong: hunter-number-2 is bad"
    with HttpBackend([backends.Answer(400, message)]) as backend:
        answer = sent(backend.url, headers={"x-key": "hunter-number-2"})
    assert answer == Refused("400 Whatever wrong: *** is bad")


def test_a_refused_connection_is_known_at_once() -> None:
    began = time.monotonic()
    answer = sent(nobody_there())
    assert isinstance(answer, Retry)
    assert answer.is_unreachable
    assert "refused" in answer.reason
    assert time.monotonic() - began < SLACK


def test_a_name_that_is_none_is_no_connection() -> None:
    answer = sent("http://nowhere.invalid:4318/v1/traces")
    assert isinstance(answer, Retry)
    assert answer.is_unreachable


@pytest.mark.parametrize("behaviour", [Silence(), Drip(), Slow(30)])
def test_the_deadline_is_over_the_whole_exchange(behaviour: backends.Behaviour) -> None:
    with HttpBackend([behaviour]) as backend:
        began = time.monotonic()
        assert sent(backend.url, 1.0) == Retry("no answer in time")
        assert 0.95 <= time.monotonic() - began < 1.0 + SLACK


def test_the_time_out_of_the_options_holds_too() -> None:
    with HttpBackend([Silence()]) as backend:
        began = time.monotonic()
        assert sent(backend.url, 60, timeout_seconds=1.0) == Retry("no answer in time")
        assert time.monotonic() - began < 1.0 + SLACK


@pytest.mark.parametrize("size", [10, 50_000_000], ids=["while_it_answers", "while_it_is_sent"])
def test_a_time_out_of_the_connection_is_told_as_what_it_is(size: int) -> None:
    """Whoever comes first, the socket or the one that waits for the thread: they say the same."""
    with socket.create_server(("127.0.0.1", 0)) as never_reads:
        options = OtlpOptions(endpoint=f"http://127.0.0.1:{never_reads.getsockname()[1]}/v1/traces")
        assert HttpExchange(bytes(size), options, "traces").run(1.0) == Retry("no answer in time")


def test_a_time_out_of_the_handshake_is_told_as_what_it_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as never_reads:
        options = OtlpOptions(endpoint=f"https://127.0.0.1:{never_reads.getsockname()[1]}/v1/traces")
        answer = HttpExchange(b"", options, "traces").run(1.0)
    assert answer == Retry("no connection in time", is_unreachable=True)


def test_a_time_out_after_an_acceptance_is_an_acceptance() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"
    with HttpBackend([Stops(head)]) as backend:
        assert HttpExchange(body("a"), OtlpOptions(endpoint=backend.url), "traces").run(1.0) == Accepted()


def test_without_time_nothing_is_sent() -> None:
    with HttpBackend() as backend:
        assert isinstance(sent(backend.url, 0), Retry)
    assert backend.requests == []


def test_a_handshake_that_does_not_come_ends_in_time() -> None:
    with HttpBackend([Silence()]) as backend:
        began = time.monotonic()
        answer = sent(backend.url.replace("http:", "https:"), 0.4)
        assert isinstance(answer, Retry)
        assert time.monotonic() - began < 0.4 + SLACK


def test_a_status_that_came_counts_though_the_rest_did_not() -> None:
    with HttpBackend([Drip(at_once=120)]) as backend:
        assert sent(backend.url, 1.5) == Accepted()


def test_a_connection_that_is_reset_is_tried_again() -> None:
    with HttpBackend([Reset(), Reset(b"HTTP/1.1 200 OK\r\nContent-Len"), Reset(b"nonsense\r\n\r\n")]) as backend:
        for _ in range(3):
            answer = sent(backend.url)
            assert isinstance(answer, Retry)
            assert not answer.is_unreachable


def test_a_reset_after_an_acceptance_is_an_acceptance() -> None:
    with HttpBackend([Reset(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nxx")]) as backend:
        assert sent(backend.url) == Accepted()


def test_the_thread_that_was_left_behind_ends() -> None:
    with HttpBackend([Silence()]) as backend:
        sent(backend.url, 0.2)
        left = [each for each in threading.enumerate() if each.name == "pellucid-otlp"]
        for each in left:
            each.join(10)
        assert not any(each.is_alive() for each in left)


@pytest.mark.parametrize("endpoint", [None, "", "localhost:4318", "ftp://localhost/", "http://"])
def test_an_endpoint_that_is_none_bars_the_way(endpoint: str | None) -> None:
    assert isinstance(send(b"", OtlpOptions(endpoint=endpoint), "traces", 5), Barred)


def test_a_header_that_cannot_be_sent_is_not_shown() -> None:
    with HttpBackend() as backend:
        answer = sent(backend.url, headers={"x-key": "hunter\n2"})
    assert isinstance(answer, Retry)
    assert "hunter" not in answer.reason


# ---------------------------------------------------------------------------------------------------------------- TLS


def test_https_with_the_authority_that_is_configured(authority: Authority) -> None:
    with HttpBackend(tls=authority.server()) as backend:
        assert sent(backend.url, certificate=authority.certificate) == Accepted()
    assert backend.names == ["a"]


def test_a_wrong_certificate_is_not_trusted_and_nothing_is_sent(authority: Authority) -> None:
    with HttpBackend(tls=authority.server()) as backend:
        answer = sent(backend.url)
    assert isinstance(answer, Retry)
    assert "self-signed" in answer.reason
    assert answer.is_unreachable
    assert backend.requests == []


def test_a_client_certificate_is_shown(authority: Authority) -> None:
    own: dict[str, Any] = {"client_certificate": authority.certificate, "client_key": authority.key}
    with HttpBackend(tls=authority.server(wants_client=True)) as backend:
        assert sent(backend.url, certificate=authority.certificate, **own) == Accepted()
        assert isinstance(sent(backend.url, certificate=authority.certificate), Retry)


def test_a_certificate_that_is_not_there_keeps_everything(tmp_path: Path) -> None:
    with HttpBackend() as backend:
        answer = sent(backend.url.replace("http:", "https:"), certificate=tmp_path / "none.pem")
    assert isinstance(answer, Retry)
    assert "No such file" in answer.reason


# ------------------------------------------------------------------------------------------------------------ proxies


def test_http_goes_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpBackend() as proxy:
        monkeypatch.setenv("http_proxy", f"http://ann:pw@127.0.0.1:{proxy.port}")
        assert sent("http://collector.invalid:4318/v1/traces") == Accepted()
    (request,) = proxy.requests
    assert request.path == "http://collector.invalid:4318/v1/traces"
    assert request.headers["host"] == "collector.invalid:4318"
    assert request.headers["proxy-authorization"].startswith("Basic ")


def test_no_proxy_goes_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", nobody_there())
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with HttpBackend() as backend:
        assert sent(backend.url) == Accepted()


def test_a_proxy_may_lack_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpBackend() as proxy:
        monkeypatch.setenv("all_proxy", f"127.0.0.1:{proxy.port}")
        assert sent("http://collector.invalid/v1/traces") == Accepted()


def test_https_asks_the_proxy_for_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpBackend([backends.Answer(403)]) as proxy:
        monkeypatch.setenv("https_proxy", f"http://ann:pw@127.0.0.1:{proxy.port}")
        answer = sent("https://collector.invalid/v1/traces")
    assert isinstance(answer, Retry)
    assert proxy.requests[0].path == "collector.invalid:443"
    assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")


# ---------------------------------------------------------------------------------------------------- no thread is left


def test_without_a_thread_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError

    with HttpBackend() as backend, monkeypatch.context() as patch:
        url = backend.url
        patch.setattr(threading.Thread, "start", refuse)
        assert sent(url) == Retry("no thread can be started")
