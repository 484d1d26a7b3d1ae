"""The budget for the end: all of it is used if need be, and no more, whatever never answers."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.backends import Answer, GrpcBackend, HttpBackend, Silence
from tests.support.faults import SPANS, assert_all_once, faulty_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.processes

TOLERANCE_SECONDS = 0.1
EXIT_SECONDS = 0.2
"""What may come on top for the end of the process, which is the interpreter's for the most part."""
SLACK_SECONDS = 4.0
"""On top of both for a machine on which all is slow and busy; nothing may end earlier there, either."""

TIMED = """
import time
from observed_project.watch import note
from pellucid.runner import SequentialRunner
with KedroSession.create() as session:
    session.run(runner={runner})
    begun = time.monotonic()
note("closed", time.monotonic() - begun)
"""

SIGNALS = {
    "traces": ("traces",),
    "logs": ("logs",),
    "metrics": ("metrics",),
    "all": ("traces", "logs", "metrics"),
}


@dataclass
class Hole:
    """Backends for three signals that never answer, until they are healed.

    Attributes:
        http: takes metrics, and the others if they go over http.
        grpc: takes the others if they do not.
        is_ill: whether it is a hole still.
        taken: what was taken over gRPC.
    """

    http: HttpBackend
    grpc: GrpcBackend
    is_ill: bool = True
    taken: list[Any] = field(default_factory=list)

    def act(self, _body: bytes, _context: Any) -> bytes:
        if self.is_ill:
            self.grpc.is_over.wait(60)
        else:
            self.taken.append(self.grpc.requests[-1])
        return b""

    def heal(self) -> None:
        self.is_ill = False
        self.http.behave(Answer(200))

    def variables(self, protocol: str, signals: tuple[str, ...]) -> dict[str, str]:
        found = {}
        for signal in {*signals} - {"metrics"}:
            prefix = f"OTEL_EXPORTER_OTLP_{signal.upper()}"
            is_grpc = protocol == "grpc"
            address = f"localhost:{self.grpc.port}" if is_grpc else f"127.0.0.1:{self.http.port}/v1/{signal}"
            found[f"{prefix}_ENDPOINT"] = f"http://{address}"
            found[f"{prefix}_PROTOCOL"] = "grpc" if is_grpc else "http/protobuf"
        return found


@contextlib.contextmanager
def hole() -> Iterator[Hole]:
    with HttpBackend((Silence(),)) as http, GrpcBackend() as grpc:
        found = Hole(http, grpc)
        grpc.act = found.act
        yield found


@pytest.mark.parametrize(
    ("protocol", "which", "seconds"),
    [
        *((protocol, "all", seconds) for protocol in ("http", "grpc") for seconds in (0.3, 1.0, 2.0)),
        *((protocol, signal, 1.0) for protocol in ("http", "grpc") for signal in ("traces", "logs")),
        ("http", "metrics", 1.0),
    ],
)
def test_end_is_at_the_deadline(tmp_path: Path, protocol: str, which: str, seconds: float) -> None:
    """The session closes at the deadline and the process right after it; nothing is lost."""
    faulty = faulty_project(tmp_path / "project")
    signals = SIGNALS[which]
    with hole() as backend:
        push = f"metrics: {{pushgateway: 'http://127.0.0.1:{backend.http.port}'}}\n" if "metrics" in signals else ""
        faulty.configure(f"exit_budget_seconds: {seconds}\n{push}")
        endpoints = backend.variables(protocol, signals)
        ended = faulty.watched(body=TIMED, **endpoints)
        assert ended.code == 0, ended.err
        (closed,) = [float(line.split()[1]) for line in ended.notes if line.startswith("closed ")]
        assert seconds - TOLERANCE_SECONDS < closed < seconds + TOLERANCE_SECONDS + SLACK_SECONDS
        assert ended.delay_seconds < seconds + EXIT_SECONDS + SLACK_SECONDS
        assert ended.last_line["dropped"] == 0
        assert len(faulty.all_spans()) == SPANS

        backend.heal()
        code, said = faulty.replay(**endpoints)
        assert code == 0, said
        assert faulty.kept_files() == []
        taken = [*backend.http.taken, *backend.taken]
        for signal in {*signals} - {"metrics"}:
            assert any(signal.removesuffix("s") in request.path.lower() for request in taken), signal
        if "traces" in signals:
            assert_all_once(faulty, taken, SPANS)
