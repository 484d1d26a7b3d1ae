"""OTLP backends of our own, which misbehave as they are told, and keep what they received."""

from __future__ import annotations

import contextlib
import gzip
import importlib
import socket
import ssl
import struct
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span
    from typing_extensions import Self


@dataclass(frozen=True)
class Request:
    """One request, as it arrived.

    Attributes:
        path: of the URL, or the method of gRPC.
        headers: by names in small letters.
        body: after decompression.
    """

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def spans(self) -> list[Span]:
        traces = ExportTraceServiceRequest.FromString(self.body)
        return [span for each in traces.resource_spans for scope in each.scope_spans for span in scope.spans]

    @property
    def logs(self) -> list[Any]:
        logs = ExportLogsServiceRequest.FromString(self.body)
        return [record for each in logs.resource_logs for scope in each.scope_logs for record in scope.log_records]


class Behaviour:
    """What a backend does with a request; the connection is closed afterwards."""

    accepts = False

    def act(self, backend: HttpBackend, connection: socket.socket) -> None:
        """Answer, or do not."""


class Answer(Behaviour):
    """Answers with a status."""

    def __init__(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.accepts = 200 <= status < 300
        fields = {"Content-Type": "application/x-protobuf", **(headers or {})}
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in fields.items())]
        self.bytes = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body

    def act(self, backend: HttpBackend, connection: socket.socket) -> None:
        connection.sendall(self.bytes)


class Silence(Behaviour):
    """Never answers."""

    def act(self, backend: HttpBackend, connection: socket.socket) -> None:
        backend.wait_for_the_end(connection)


class Drip(Answer):
    """Answers one byte at a time."""

    def __init__(self, seconds: float = 0.05, status: int = 200, *, at_once: int = 0) -> None:
        super().__init__(status, b"x" * 2000)
        self.accepts = self.accepts and at_once > 0
        self.seconds = seconds
        self.at_once = at_once

    def act(self, backend: HttpBackend, connection: socket.socket) -> None:
        connection.sendall(self.bytes[: self.at_once])
        for index in range(self.at_once, len(self.bytes)):
            if backend.is_over.wait(self.seconds):
                return
            connection.sendall(self.bytes[index : index + 1])


class Stops(Behaviour):
    """Says the first bytes of an answer, and no more."""

    def __init__(self, first: bytes) -> None:
        self.first = first
        self.accepts = first.startswith(b"HTTP/1.1 200 ")

    def act(self, backend: HttpBackend, connection: socket.socket) -> None:
        connection.sendall(self.first)
        backend.wait_for_the_end(connection)


class Slow(Answer):
    """Answers after a while."""

    def __init__(self, seconds: float, status: int = 200) -> None:
        super().__init__(status)
        self.accepts = False
        self.seconds = seconds

    def act(self, backend: HttpBackend, connection: socket.socket) -> None:
        if not backend.is_over.wait(self.seconds):
            super().act(backend, connection)


class Reset(Behaviour):
    """Resets the connection, after some bytes of an answer."""

    def __init__(self, first: bytes = b"") -> None:
        self.first = first
        self.accepts = first.startswith(b"HTTP/1.1 200 ")

    def act(self, backend: HttpBackend, connection: socket.socket) -> None:
        connection.sendall(self.first)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class TakesAtMost(Behaviour):
    """Answers 413 to what has more spans than it takes."""

    accepts = True

    def __init__(self, spans: int) -> None:
        self.spans = spans

    def act(self, backend: HttpBackend, connection: socket.socket) -> None:
        if len(backend.requests[-1].spans) > self.spans:
            backend.taken.pop()
            Answer(413).act(backend, connection)
        else:
            Answer(200).act(backend, connection)


def partial_success(rejected: int, message: str) -> bytes:
    """Return the body of an answer that rejects some spans."""
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = rejected
    response.partial_success.error_message = message
    encoded: bytes = response.SerializeToString()
    return encoded


@dataclass
class HttpBackend:
    """A server for OTLP over HTTP, on a port of the loopback.

    Attributes:
        behaviours: what it does with the first request, the second and so on; the last one goes for all further ones.
        tls: makes it a server of https.
        requests: all that came, whatever became of them.
        taken: those that were answered by an acceptance.
    """

    behaviours: Sequence[Behaviour] = (Answer(200),)
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    taken: list[Request] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}/v1/traces"

    @property
    def names(self) -> list[str]:
        """Names of the spans that were taken, in order."""
        return [span.name for request in list(self.taken) for span in request.spans]

    def behave(self, *behaviours: Behaviour) -> None:
        """Begin anew with other behaviours."""
        with self._lock:
            self.requests.clear()
            self.behaviours = behaviours

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.is_over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def wait_for_the_end(self, connection: socket.socket) -> None:
        """Return when the client has gone away, or the server is closed."""
        connection.settimeout(0.02)
        while not self.is_over.is_set():
            try:
                if not connection.recv(1024):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def _start(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.is_over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        with contextlib.suppress(OSError, ValueError), contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
                stack.callback(connection.close)
            request = _read(connection)
            with self._lock:
                behaviour = self.behaviours[min(len(self.requests), len(self.behaviours) - 1)]
                self.requests.append(request)
                if behaviour.accepts:
                    self.taken.append(request)
            behaviour.act(self, connection)


def _read(connection: socket.socket) -> Request:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            raise ValueError
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(1 << 20)
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return Request(first.split()[1], headers, body)


def nobody_there() -> str:
    """Return a URL at which connections are refused."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}/v1/traces"


@dataclass
class GrpcBackend:
    """A server for OTLP over gRPC.

    Attributes:
        act: answers a request: returns the response, or aborts by the context.
        credentials: of the server, for TLS.
        requests: all that came.
    """

    act: Any = None
    credentials: Any = None
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> Self:
        grpc: Any = importlib.import_module("grpc")
        self.is_over = threading.Event()

        def serve(method: str) -> Any:
            def answer(body: bytes, context: Any) -> Any:
                self.requests.append(Request(method, dict(context.invocation_metadata()), body))
                return b"" if self.act is None else self.act(body, context)

            return grpc.unary_unary_rpc_method_handler(answer)

        prefix = "opentelemetry.proto.collector"
        services = [f"{prefix}.trace.v1.TraceService", f"{prefix}.logs.v1.LogsService"]
        handlers = [
            grpc.method_handlers_generic_handler(each, {"Export": serve(f"/{each}/Export")}) for each in services
        ]
        self._pool = ThreadPoolExecutor(4)
        self._server = grpc.server(self._pool, handlers=handlers)
        if self.credentials is None:
            self.port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            self.port = self._server.add_secure_port("127.0.0.1:0", self.credentials)
        self._server.start()
        return self

    @property
    def target(self) -> str:
        return f"localhost:{self.port}"

    def __exit__(self, *exc_info: object) -> None:
        self.is_over.set()
        self._server.stop(None).wait(10)
        self._pool.shutdown()


@dataclass(frozen=True)
class Authority:
    """A certificate for localhost that signs itself, and its key."""

    certificate: Path
    key: Path

    @classmethod
    def make(cls, folder: Path) -> Authority:
        """Make one by the openssl command."""
        certificate, key = folder / "certificate.pem", folder / "key.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        subprocess.run(
            [*command, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60
        )
        return cls(certificate, key)

    def server(self, *, wants_client: bool = False) -> ssl.SSLContext:
        """Return what a server needs; with ``wants_client`` it takes only clients with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if wants_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.certificate)
        return context
