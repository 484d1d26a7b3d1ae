"""Faults of the backends: the run does not notice, its process ends in time, and nothing is lost."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.backends import Answer, Drip, GrpcBackend, HttpBackend, Reset, Silence, Slow, nobody_there
from tests.support.faults import ACT, DELIVERS, SPANS, Faulty, Received, assert_all_once, faulty_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.backends import Behaviour
    from tests.support.faults import Ended

pytestmark = pytest.mark.processes

BUDGET_SECONDS = 1.0
SLACK_SECONDS = 4.0
"""For a machine on which all is slow, the end of the interpreter among it; naive instrumentation takes 6 to 49 s."""
HEALTHY_SECONDS = 6.0
"""A budget that is long enough, on such a machine, for what a healthy backend takes."""

OUTPUTS = {"report.txt": b"6 [3, 6, 9]", "scaled.json": b"[\n  3,\n  6,\n  9\n]"}

REFUSALS: dict[str, tuple[Behaviour, ...]] = {
    "never_answers": (Silence(),),
    "503": (Answer(503),),
    "429_retry_after": (Answer(429, headers={"Retry-After": "30"}),),
    "503_retry_after_at_once": (Answer(503, headers={"Retry-After": "0"}),),
    "slow_drip": (Drip(),),
    "slow": (Slow(20),),
    "resets": (Reset(),),
    "401": (Answer(401),),
    "301": (Answer(301, headers={"Location": "http://127.0.0.1:1/"}),),
}


@pytest.fixture
def faulty(tmp_path: Path) -> Faulty:
    return faulty_project(tmp_path / "project")


@dataclass
class Backend:
    """A backend that is ill and gets well.

    Attributes:
        ill: variables of the environment by which it is found while it is ill.
        well: and when it is well again.
        taken: what it took.
        seen: what came to it at all.
        heal: makes it well.
    """

    ill: dict[str, str]
    well: dict[str, str]
    taken: Any
    seen: Any
    heal: Any


def over_http(port: int, protocol: str = "http/protobuf") -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
    }


@contextlib.contextmanager
def backend_that(fault: str) -> Iterator[Backend]:
    """Run a backend with a fault, of ``REFUSALS`` or "refuses_connections" or "grpc_never_answers"."""
    if fault == "grpc_never_answers":
        with GrpcBackend() as grpc:
            taken: list[Any] = []

            def silent(body: bytes, context: Any) -> bytes:
                grpc.is_over.wait(30)
                return b""

            def accepting(body: bytes, context: Any) -> bytes:
                taken.append(grpc.requests[-1])
                return b""

            grpc.act = silent
            variables = over_http(grpc.port, "grpc")
            variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://localhost:{grpc.port}"
            yield Backend(
                variables, variables, lambda: taken, lambda: grpc.requests, lambda: setattr(grpc, "act", accepting)
            )
        return
    with HttpBackend(REFUSALS.get(fault, (Answer(200),))) as backend:
        variables = over_http(backend.port)
        ill = (
            variables
            if fault in REFUSALS
            else {"OTEL_EXPORTER_OTLP_ENDPOINT": nobody_there().removesuffix("/v1/traces")}
        )
        seen: list[Any] = []

        def heal() -> None:
            seen.extend(backend.requests)
            backend.behave(Answer(200))

        yield Backend(ill, variables, lambda: backend.taken, lambda: [*seen, *backend.requests], heal)


def assert_unharmed(faulty: Faulty, ended: Ended) -> None:
    """Hold that a run was what it is without telemetry."""
    assert ended.code == 0, ended.err
    assert ended.out == ""
    assert ended.error == ""
    assert faulty.take_outputs() == OUTPUTS


def test_these_are_the_outputs_without_telemetry(faulty: Faulty) -> None:
    ended, outputs = faulty.without_telemetry()
    assert (ended.code, ended.out, outputs) == (0, "", OUTPUTS)
    assert not (faulty.path / ".pellucid").exists()


@pytest.mark.parametrize(
    ("fault", "by"),
    [
        *((fault, "script") for fault in ("refuses_connections", *REFUSALS, "grpc_never_answers")),
        *((fault, "command") for fault in ("refuses_connections", "never_answers", "grpc_never_answers", "503")),
    ],
)
def test_backend(faulty: Faulty, fault: str, by: str) -> None:
    """A dead or ill backend: the end is not held up beyond the budget, and all is delivered when it is well."""
    with backend_that(fault) as backend:
        ended = faulty.watched("sequential", by, **backend.ill)
        assert_unharmed(faulty, ended)
        promised = 0.2 if fault == "refuses_connections" else BUDGET_SECONDS + 0.2
        assert ended.delay_seconds < promised + SLACK_SECONDS
        assert not backend.taken()
        assert len(ended.warnings) <= 1
        assert ended.last_line["result"] == "success"
        assert {name: ended.last_line[name] for name in ("spans", "delivered", "kept", "dropped")} == {
            "spans": SPANS,
            "delivered": 0,
            "kept": SPANS,
            "dropped": 0,
        }
        (run,) = faulty.runs()
        assert run.result == "success"
        assert len(faulty.all_spans()) == SPANS
        assert faulty.totals().value("telemetry_spans_total", state="produced") == SPANS
        assert faulty.totals().value("telemetry_spans_total", state="delivered") == 0

        backend.heal()
        code, said = faulty.replay(**backend.well)
        assert code == 0, said
        assert said["delivered"]["traces"] == SPANS
        assert_all_once(faulty, backend.taken(), SPANS)
        forms = Received.of(backend.seen()).forms
        assert all(len(each) == 1 for each in forms.values()), "what is sent again is not byte-identical"
        assert faulty.kept_files() == []
        assert faulty.totals().value("telemetry_spans_total", state="delivered") == SPANS
        assert faulty.totals().value("telemetry_spans_total", state="dropped") == 0


@pytest.mark.parametrize("kind", ["sequential", "thread", "fork", "spawn", "forkserver"])
def test_backend_that_never_answers_and_the_next_run_delivers(faulty: Faulty, kind: str) -> None:
    with backend_that("never_answers") as backend:
        ended = faulty.watched(kind, **backend.ill)
        assert_unharmed(faulty, ended)
        assert ended.delay_seconds < BUDGET_SECONDS + 0.2 + SLACK_SECONDS
        backend.heal()
        faulty.configure(DELIVERS)
        again = faulty.watched(kind, "command", **backend.well)
        assert_unharmed(faulty, again)
        assert again.last_line["delivered"] == again.last_line["spans"] == SPANS
        assert_all_once(faulty, backend.taken(), 2 * SPANS)
        assert [run.result for run in faulty.runs()] == ["success", "success"]
        assert faulty.totals().value("pipeline_runs_total", pipeline="__default__", result="success") == 2


@pytest.mark.parametrize(
    "signal", ["all", *(pytest.param(each, marks=pytest.mark.long) for each in ("traces", "logs", "pushgateway"))]
)
def test_signal_whose_backend_never_answers(faulty: Faulty, signal: str) -> None:
    """Each of the three signals by itself, and all together within one budget."""
    with HttpBackend((Silence(),)) as silent, HttpBackend() as well:
        ports = {
            each: silent.port if signal in (each, "all") else well.port for each in ("traces", "logs", "pushgateway")
        }
        faulty.configure(
            f"exit_budget_seconds: {HEALTHY_SECONDS}\n"
            f"metrics: {{pushgateway: 'http://127.0.0.1:{ports['pushgateway']}'}}\n"
        )
        endpoints = {
            f"OTEL_EXPORTER_OTLP_{each.upper()}_ENDPOINT": f"http://127.0.0.1:{ports[each]}/v1/{each}"
            for each in ("traces", "logs")
        }
        ended = faulty.watched(**endpoints)
        assert_unharmed(faulty, ended)
        assert ended.delay_seconds < HEALTHY_SECONDS + 0.2 + SLACK_SECONDS
        healthy = {each for each in ports if ports[each] == well.port}
        assert {each for each in ports if any(each_in(each, request.path) for request in well.taken)} == healthy

        silent.behave(Answer(200))
        code, said = faulty.replay(**endpoints)
        assert code == 0, said
        assert_all_once(faulty, [*silent.taken, *well.taken], SPANS)
        logs = [
            record for request in (*silent.taken, *well.taken) if "/v1/logs" in request.path for record in request.logs
        ]
        # The last line among them: it is sent by itself, or else waits for the next delivery.
        told = [record.event_name for record in logs if record.event_name]
        assert sorted(told) == sorted(line["event"] for line in ended.lines if line["logger"] == "pellucid.events")
        assert sum("pipeline.finished" in str(record) for record in logs) == 1


def each_in(signal: str, path: str) -> bool:
    return {"traces": "/v1/traces", "logs": "/v1/logs", "pushgateway": "/metrics/job"}[signal] in path


@pytest.mark.parametrize("seconds", [0.0, 0.3, 2.5])
def test_flush_deadline(faulty: Faulty, seconds: float) -> None:
    """A budget is kept whatever it is: no more than it, and with a backend that takes a while, all of it."""
    faulty.configure(f"exit_budget_seconds: {seconds}\n")
    with backend_that("never_answers") as backend:
        ended = faulty.watched(**backend.ill)
        assert_unharmed(faulty, ended)
        assert ended.delay_seconds < seconds + 0.2 + SLACK_SECONDS
        if seconds > 1:
            assert ended.delay_seconds > seconds - 0.2
        backend.heal()
        code, _ = faulty.replay(**backend.well)
        assert code == 0
        assert_all_once(faulty, backend.taken(), SPANS)


def test_replay_deadline(faulty: Faulty) -> None:
    with backend_that("never_answers") as backend:
        faulty.watched(**backend.ill)
        faulty.collect()
        with faulty.command("telemetry", "replay", "--json", "--timeout", "0.5", **backend.ill) as process:
            out, err = process.communicate(timeout=60)
        assert process.returncode == 1, err
        assert f'"traces": {SPANS}' in out
        backend.heal()
        faulty.replay(**backend.well)
        assert_all_once(faulty, backend.taken(), SPANS)


@pytest.mark.parametrize(
    "behaviour", [Answer(503), Answer(400), Answer(500), Drip(), Reset()], ids=["503", "400", "500", "drip", "reset"]
)
def test_pushgateway_that_is_ill(faulty: Faulty, behaviour: Behaviour) -> None:
    """What is not pushed is in the totals, and goes with the next push."""
    with HttpBackend((behaviour,)) as gateway:
        faulty.configure(f"metrics: {{pushgateway: 'http://127.0.0.1:{gateway.port}'}}\n")
        ended = faulty.watched()
        assert_unharmed(faulty, ended)
        assert ended.delay_seconds < BUDGET_SECONDS + 0.2 + SLACK_SECONDS
        assert len(ended.warnings) <= 1
        gateway.behave(Answer(200))
        faulty.configure(f"{DELIVERS}metrics: {{pushgateway: 'http://127.0.0.1:{gateway.port}'}}\n")
        assert_unharmed(faulty, faulty.watched())
        assert b'pellucid_pipeline_runs_total{pipeline="__default__",result="success"} 2.0' in gateway.taken[-1].body


def test_pushgateway_that_is_down(faulty: Faulty) -> None:
    faulty.configure(f"{DELIVERS}metrics: {{pushgateway: '{nobody_there().removesuffix('/v1/traces')}'}}\n")
    ended = faulty.watched(by="command")
    assert_unharmed(faulty, ended)
    assert ended.delay_seconds < 0.2 + SLACK_SECONDS
    assert len(ended.warnings) == 1


def test_backend_that_refuses_for_good(faulty: Faulty) -> None:
    """What it will never take is set aside, counted as such and told of once; the history has it."""
    faulty.configure(DELIVERS)
    with HttpBackend((Answer(400),)) as backend:
        ended = faulty.watched(**over_http(backend.port))
        assert_unharmed(faulty, ended)
        said = ended.last_line
        assert (said["spans"], said["quarantined"], said["dropped"], said["kept"]) == (SPANS, SPANS, 0, 0)
        (warning,) = ended.warnings
        assert f"{SPANS} spans" in warning
        assert "400 Whatever" in warning
        assert len(faulty.all_spans()) == SPANS
        totals = faulty.totals()
        assert totals.value("telemetry_spans_total", state="quarantined") == SPANS
        assert totals.value("telemetry_spans_total", state="dropped") == 0


def test_backend_that_refuses_the_credentials(faulty: Faulty) -> None:
    """Why nothing arrives is told once, and by the status; the run with the right ones delivers all."""
    faulty.configure(DELIVERS + "spool: {roll_seconds: 0.1}\n")
    with HttpBackend((Answer(401),)) as backend:
        ended = faulty.watched(**over_http(backend.port), **{ACT: "time.sleep(1)"})
        assert_unharmed(faulty, ended)
        assert ended.last_line["kept"] == SPANS
        (warning,) = ended.warnings
        assert "401 Whatever" in warning
        # While it lasts, and once more at its end: not at each of the many times that something was collected.
        assert len(backend.requests) <= 3
        with faulty.command("telemetry", "status", **over_http(backend.port)) as process:
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert "401 Whatever" in out
        backend.behave(Answer(200))
        again = faulty.watched(**over_http(backend.port))
        assert again.warnings == []
        assert again.last_line["delivered"] == again.last_line["spans"] == SPANS
        assert_all_once(faulty, backend.taken, 2 * SPANS)
