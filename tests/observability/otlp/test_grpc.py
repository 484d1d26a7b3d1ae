"""One request over gRPC, and what each answer means."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.backends import Authority, GrpcBackend, nobody_there, partial_success
from tests.support.flow import span

from pellucid.observability.export.otlp import Accepted, Answer, Barred, Refused, Retry, TooLarge, send
from pellucid.observability.export.otlp._grpc import GrpcExchange
from pellucid.observability.export.otlp._rpc_status import message_of, retry_seconds
from pellucid.observability.options import OtlpOptions
from pellucid.observability.wire import bytes_field, text_field, varint_field

if TYPE_CHECKING:
    from pathlib import Path

grpc = pytest.importorskip("grpc")

SLACK = 5.0
"""Seconds that a machine with other things to do may be late; without a deadline the backends here take far longer."""
BODY = bytes_field(1, bytes_field(2, bytes_field(2, span("a"))))


def sent(target: str, seconds: float = 10, **options: Any) -> Answer:
    given = {"insecure": True, **options}
    return send(BODY, OtlpOptions(endpoint=target, protocol="grpc", **given), "traces", seconds)


def aborted(code: Any, details: str = "because", metadata: tuple[tuple[str, bytes], ...] = ()) -> Answer:
    def act(_: bytes, context: Any) -> bytes:
        context.set_trailing_metadata(metadata)
        context.abort(code, details)
        return b""

    with GrpcBackend(act) as backend:
        return sent(backend.target)


def status(delay: bytes) -> bytes:
    info = text_field(1, "type.googleapis.com/google.rpc.RetryInfo") + bytes_field(2, bytes_field(1, delay))
    return varint_field(1, 14) + text_field(2, "wait") + bytes_field(3, text_field(1, "x")) + bytes_field(3, info)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_request_arrives_as_it_was_made(compression: str) -> None:
    with GrpcBackend() as backend:
        assert sent(backend.target, headers={"X-Key": "hunter-2"}, compression=compression) == Accepted()
    (request,) = backend.requests
    assert request.body == BODY
    assert [each.name for each in request.spans] == ["a"]
    assert request.path == "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    assert request.headers["x-key"] == "hunter-2"
    assert request.headers["user-agent"].startswith("pellucid/")


def test_a_target_may_be_a_url_and_logs_have_a_service_of_their_own() -> None:
    with GrpcBackend() as backend:
        options = OtlpOptions(endpoint=f"http://{backend.target}", protocol="grpc")
        assert send(b"", options, "logs", 10) == Accepted()
    assert backend.requests[0].path.endswith("LogsService/Export")


def test_partial_success_is_an_acceptance_with_a_count() -> None:
    with GrpcBackend(lambda *_: partial_success(2, "too old")) as backend:
        assert sent(backend.target) == Accepted(2, "too old")


@pytest.mark.parametrize(
    "code", ["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"]
)
def test_what_the_specification_calls_retryable_is_tried_again(code: str) -> None:
    assert aborted(grpc.StatusCode[code]) == Retry(f"{code} because")


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "INTERNAL", "UNKNOWN", "RESOURCE_EXHAUSTED"])
def test_all_other_errors_are_final(code: str) -> None:
    assert aborted(grpc.StatusCode[code]) == Refused(f"{code} because")


@pytest.mark.parametrize("code", ["UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "NOT_FOUND"])
def test_what_a_changed_configuration_would_heal_bars_the_way(code: str) -> None:
    assert aborted(grpc.StatusCode[code]) == Barred(f"{code} because")


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_retry_info_says_how_long(code: str) -> None:
    delay = status(varint_field(1, 3) + varint_field(2, 500_000_000))
    answer = aborted(grpc.StatusCode[code], metadata=(("grpc-status-details-bin", delay),))
    assert answer == Retry(f"{code} because", 3.5)


def test_a_message_that_is_too_large_may_do_in_parts() -> None:
    assert isinstance(aborted(grpc.StatusCode.RESOURCE_EXHAUSTED, "Received message larger than max"), TooLarge)


def test_a_status_is_read_with_care() -> None:
    assert message_of(status(b"")) == "wait"
    assert retry_seconds(status(b"")) == 0
    assert retry_seconds(status(varint_field(1, (1 << 64) - 5))) == 0
    assert message_of(b"\xff") == ""
    assert retry_seconds(b"\xff") is None
    assert retry_seconds(b"") is None


def test_a_refused_connection_is_known_at_once() -> None:
    began = time.monotonic()
    answer = sent(nobody_there().split("/")[2])
    assert isinstance(answer, Retry)
    assert answer.is_unreachable
    assert time.monotonic() - began < SLACK


def test_the_deadline_holds_for_a_backend_that_never_answers() -> None:
    with GrpcBackend() as backend:
        backend.act = lambda *_: backend.is_over.wait(30) and b""
        began = time.monotonic()
        assert isinstance(sent(backend.target, 0.4), Retry)
        assert time.monotonic() - began < 0.4 + SLACK


def test_a_deadline_of_the_call_is_told_as_what_it_is() -> None:
    with GrpcBackend() as backend:
        backend.act = lambda *_: backend.is_over.wait(30) and b""
        options = OtlpOptions(endpoint=backend.target, protocol="grpc", insecure=True)
        assert GrpcExchange(BODY, options, "traces").run(1.0) == Retry("no answer in time")


def test_tls_trusts_the_authority_that_is_configured_and_no_other(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    pair = (authority.key.read_bytes(), authority.certificate.read_bytes())
    credentials = grpc.ssl_server_credentials([pair])
    with GrpcBackend(credentials=credentials) as backend:
        assert sent(backend.target, insecure=False, certificate=authority.certificate) == Accepted()
        assert isinstance(sent(f"https://{backend.target}", insecure=False), Retry)
        assert isinstance(sent(backend.target, insecure=False, certificate=tmp_path / "none"), Barred)
    assert len(backend.requests) == 1


def test_without_grpcio_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grpc", None)
    assert sent("localhost:1") == Barred("OTLP over gRPC needs grpcio: pip install 'pellucid[grpc]'")


@pytest.mark.processes
def test_the_process_ends_though_a_call_was_abandoned() -> None:
    code = (
        "import sys; from pellucid.observability.export.otlp import send;"
        "from pellucid.observability.options import OtlpOptions;"
        "print(send(b'', OtlpOptions(endpoint=sys.argv[1], protocol='grpc', insecure=True), 'traces', 0.5))"
    )
    with GrpcBackend() as backend:
        backend.act = lambda *_: backend.is_over.wait(60) and b""
        command = [sys.executable, "-c", code, backend.target]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    assert done.stdout.startswith("Retry(")
