"""OTLP over gRPC: one unary call over a channel of its own, with the bytes as they are."""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pellucid._version import __version__
from pellucid.observability.export.otlp._answers import Barred, Refused, Retry, TooLarge
from pellucid.observability.export.otlp._rpc_status import retry_seconds
from pellucid.observability.export.otlp._texts import accepted, shown

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.observability.export.otlp._answers import Answer
    from pellucid.observability.options import OtlpOptions

_METHODS = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
_LATER = frozenset({"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"})
_CONFIGURED_WRONG = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "NOT_FOUND"})
_TOO_LATE = Retry("no answer in time")
_LONGEST_WAIT = 3600.0


class GrpcExchange:
    """One call.

    Args:
        body: the serialised request.
        options: where to, and how.
        signal: what is in it.
    """

    def __init__(self, body: bytes, options: OtlpOptions, signal: str) -> None:
        self._body = body
        self._options = options
        self._method = _METHODS[signal]
        self._lock = threading.Lock()
        self._call: Any = None
        self._is_given_up = False

    def run(self, seconds: float) -> Answer:
        """Call, and return the answer."""
        try:
            grpc: Any = importlib.import_module("grpc")
        except ImportError:
            return Barred("OTLP over gRPC needs grpcio: pip install 'pellucid[grpc]'")
        try:
            channel = self._channel(grpc)
        except OSError as error:
            return Barred(f"a certificate or key cannot be read: {type(error).__name__}")
        with channel:
            return self._called(grpc, channel, seconds)

    def give_up(self) -> Answer:
        """Cancel the call; its thread closes the channel."""
        with self._lock:
            self._is_given_up = True
            if self._call is not None:
                self._call.cancel()
        return _TOO_LATE

    def _called(self, grpc: Any, channel: Any, seconds: float) -> Answer:
        # Without serialisers grpc hands bytes over as they are.
        method = channel.unary_unary(self._method)
        compression = grpc.Compression.Gzip if self._options.compression == "gzip" else grpc.Compression.NoCompression
        metadata = [(name.lower(), value) for name, value in self._options.headers.items()]
        with self._lock:
            if self._is_given_up:
                return _TOO_LATE
            call = self._call = method.future(self._body, timeout=seconds, metadata=metadata, compression=compression)
        try:
            return accepted(call.result(timeout=seconds + 1), self._options.headers)
        except grpc.RpcError as error:
            return self._refusal(error)
        except (grpc.FutureCancelledError, grpc.FutureTimeoutError):
            return _TOO_LATE

    def _refusal(self, error: Any) -> Answer:
        code, details = error.code().name, str(error.details() or "")
        if code == "DEADLINE_EXCEEDED" and "deadline exceeded" in details.lower():
            return _TOO_LATE
        reason = self._shown(f"{code} {details}")
        pause = _pause_of(error)
        if code in _LATER or (code == "RESOURCE_EXHAUSTED" and pause is not None):
            return Retry(reason, pause, is_unreachable=code == "UNAVAILABLE" and "connect" in details.lower())
        if code == "RESOURCE_EXHAUSTED" and "larger than max" in details.lower():
            return TooLarge(reason)
        return Barred(reason) if code in _CONFIGURED_WRONG else Refused(reason)

    def _channel(self, grpc: Any) -> Any:
        options, target = self._options, self._options.endpoint or ""
        url = urlsplit(target)
        is_plain = options.insecure
        if url.scheme in ("http", "https"):
            target, is_plain = url.netloc.rpartition("@")[2], url.scheme == "http"
        settings = [("grpc.primary_user_agent", f"pellucid/{__version__}"), ("grpc.enable_retries", 0)]
        if is_plain:
            return grpc.insecure_channel(target, options=settings)
        credentials = grpc.ssl_channel_credentials(
            root_certificates=_read(options.certificate),
            private_key=_read(options.client_key),
            certificate_chain=_read(options.client_certificate),
        )
        return grpc.secure_channel(target, credentials, options=settings)

    def _shown(self, text: str) -> str:
        return shown(text, self._options.headers)


def _pause_of(error: Any) -> float | None:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            seconds = retry_seconds(value)
            return None if seconds is None else min(seconds, _LONGEST_WAIT)
    return None


def _read(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()
