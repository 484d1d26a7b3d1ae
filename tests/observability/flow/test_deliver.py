"""Delivering an outbox to backends that misbehave: nothing is lost, and nothing is sent twice without need."""

from __future__ import annotations

import time
import tracemalloc
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.backends import (
    Answer,
    Behaviour,
    Drip,
    HttpBackend,
    Reset,
    Silence,
    Slow,
    TakesAtMost,
    nobody_there,
    partial_success,
)
from tests.support.flow import SESSION, Outbox, header, span

from pellucid.observability.export.otlp import Accepted, Barred, Refused, Retry, send
from pellucid.observability.flow._deliver import Delivered, Delivery
from pellucid.observability.flow._ledger import Ledger, Settled
from pellucid.observability.flow._pace import Pace
from pellucid.observability.flow._spool import closed_after
from pellucid.observability.options import OtlpOptions
from pellucid.observability.recording import STREAM_LOGS, STREAM_SPANS
from pellucid.observability.spool import SegmentWriter, SpoolFolder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pellucid.observability.export.otlp import Signal

SLACK = 5.0
"""Seconds that a machine with other things to do may be late; without a deadline the backends here take far longer."""


class Bench:
    """An outbox and what delivers it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.queue = Outbox(folder)
        self.ledger = Ledger(folder / "settled")
        self.counts: Counter[str] = Counter()

    def delivery(self, url: str, signal: Signal = "traces", **options: Any) -> Delivery:
        """Return what a new process would make."""
        given = OtlpOptions(endpoint=url, **options)
        return Delivery(signal, given, self.queue, self.ledger, Pace(), send, self._count)

    def run(self, url: str, seconds: float = 5.0, *, is_last: bool = False, **options: Any) -> Delivered:
        return self.delivery(url, **options).run(time.monotonic() + seconds, is_last=is_last)

    def _count(self, signal: Signal, states: Mapping[str, int]) -> None:
        self.counts.update(states)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def backend() -> Iterator[HttpBackend]:
    with HttpBackend() as backend:
        yield backend


def test_files_go_out_oldest_first_in_one_request_and_are_gone(bench: Bench, backend: HttpBackend) -> None:
    names = [name for each in ("a", "b", "c") for name in bench.queue.add_spans(each, 2)]
    done = bench.run(backend.url)
    assert backend.names == names
    assert len(backend.requests) == 1
    assert bench.queue.names() == []
    assert done == Delivered(accepted=Counter({SESSION: 6}))
    assert bench.counts == Counter(delivered=6)


def test_the_resource_and_the_scopes_are_those_of_the_records(bench: Bench, backend: HttpBackend) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    bench.queue.add("a", [span("x"), span("y", scope="sqlalchemy"), span("z")])
    bench.run(backend.url)
    (resource,) = ExportTraceServiceRequest.FromString(backend.requests[0].body).resource_spans
    assert [each.value.string_value for each in resource.resource.attributes] == ["spaceflights"]
    scopes = {each.scope.name: [one.name for one in each.spans] for each in resource.scope_spans}
    assert scopes == {"pellucid": ["x", "z"], "sqlalchemy": ["y"]}


def test_what_is_not_sampled_stays_here(bench: Bench, backend: HttpBackend) -> None:
    bench.queue.add("a", [span("yes"), span("no", sampled=False)])
    bench.queue.add("b", [span("no", sampled=False), b"\xff\xff"])
    assert bench.run(backend.url).accepted == Counter({SESSION: 1})
    assert backend.names == ["yes"]
    assert bench.queue.names() == []


def test_a_file_without_anything_to_send_asks_for_no_request(bench: Bench, backend: HttpBackend) -> None:
    bench.queue.add("a", [span("no", sampled=False)])
    bench.run(backend.url)
    assert backend.requests == []
    assert bench.queue.names() == []


def test_logs_are_sent_as_logs(bench: Bench, backend: HttpBackend) -> None:
    bench.queue = Outbox(bench.folder, "logs")
    bench.queue.add_logs("a", "one", "two")
    bench.run(backend.url, signal="logs")
    assert [each.body.string_value for each in backend.requests[0].logs] == ["one", "two"]


def test_a_header_without_a_resource_does(bench: Bench, backend: HttpBackend) -> None:
    bench.queue.add("a", [span("x")], resource=None, session_id=None)
    bench.run(backend.url)
    assert backend.names == ["x"]


def test_a_large_file_goes_in_several_requests(bench: Bench, backend: HttpBackend) -> None:
    names = bench.queue.add_spans("a", 4500)
    bench.queue.add_spans("b", 1)
    bench.run(backend.url)
    assert [len(each.spans) for each in backend.requests] == [2000, 2000, 500, 1]
    assert backend.names == [*names, "b/0"]


@pytest.mark.parametrize("spans", [1, 40])
def test_of_a_large_backlog_a_few_files_at_a_time_are_in_memory(bench: Bench, spans: int) -> None:
    """Neither what is sent of all files, nor what else is in those of which little is sent."""
    files, size = 20, 2 * 1024 * 1024
    for number in range(files):
        writer = SegmentWriter(bench.folder, header())
        for each in range(spans):
            writer.end(STREAM_SPANS, each.to_bytes(8, "big"), span(f"{number}/{each}", padding=size // 2 // spans))
        for each in range(10):
            writer.end(STREAM_LOGS, each.to_bytes(8, "big"), b"x" * (size // 20))
        writer.close()
    for segment in SpoolFolder(bench.folder).finished(lambda *_: b""):
        segment.link_to("traces")
        segment.remove()
    sent: list[int] = []

    def take(request_body: bytes, options: OtlpOptions, signal: Signal, deadline_seconds: float) -> Accepted:
        sent.append(len(request_body))
        return Accepted()

    delivery = bench.delivery("http://localhost")
    delivery.send = take
    tracemalloc.start()
    try:
        done = delivery.run()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert done.accepted == Counter({SESSION: files * spans})
    assert sum(sent) > files * size // 2
    assert peak < 8 * size


def test_a_request_has_at_most_two_megabytes(bench: Bench, backend: HttpBackend) -> None:
    names = bench.queue.add_spans("a", 50, padding=100_000)
    bench.run(backend.url)
    assert backend.names == names
    assert len(backend.requests) == 3
    assert max(len(each.body) for each in backend.requests) < 2.1e6


@pytest.mark.parametrize(
    "behaviour", [Answer(503), Answer(429), Reset(), Silence(), Drip(), Slow(60), Answer(401), Answer(302)]
)
def test_what_is_not_accepted_is_kept_and_sent_again_byte_by_byte(
    bench: Bench, backend: HttpBackend, behaviour: Behaviour
) -> None:
    names = [*bench.queue.add_spans("a", 3), *bench.queue.add_spans("b", 2)]
    backend.behave(behaviour)
    done = bench.run(backend.url, 0.5)
    assert done.reason
    assert bench.queue.names() == ["a", "b"]
    assert not bench.counts
    first = backend.requests[0]
    backend.behave(Answer(200))
    assert bench.run(backend.url).reason == ""
    assert backend.requests[0].body == first.body
    assert backend.names == names
    assert bench.queue.names() == []


@pytest.mark.parametrize("is_last", [False, True])
def test_a_refused_connection_costs_no_time(bench: Bench, is_last: bool) -> None:
    bench.queue.add_spans("a", 3)
    began = time.monotonic()
    done = bench.run(nobody_there(), 5, is_last=is_last)
    assert time.monotonic() - began < 0.2 + SLACK
    assert "refused" in done.reason
    assert bench.queue.names() == ["a"]


@pytest.mark.parametrize("behaviour", [Answer(503), Answer(429), Silence(), Drip(), Slow(60), Reset()])
def test_the_end_is_at_the_deadline(bench: Bench, backend: HttpBackend, behaviour: Behaviour) -> None:
    bench.queue.add_spans("a", 3)
    backend.behave(behaviour)
    began = time.monotonic()
    bench.run(backend.url, 0.6, is_last=True)
    assert time.monotonic() - began < 0.6 + SLACK
    assert bench.queue.names() == ["a"]


def test_at_the_end_a_backend_that_recovers_is_waited_for(bench: Bench, backend: HttpBackend) -> None:
    bench.queue.add_spans("a", 3)
    backend.behave(Answer(503), Answer(429, headers={"Retry-After": "1"}), Answer(200))
    assert bench.run(backend.url, 20, is_last=True).reason == ""
    assert len(backend.requests) == 3
    assert bench.queue.names() == []


def test_retry_after_is_honoured_by_the_calls_that_follow(bench: Bench, backend: HttpBackend) -> None:
    bench.queue.add_spans("a", 3)
    backend.behave(Answer(503, headers={"Retry-After": "60"}))
    delivery = bench.delivery(backend.url)
    for is_last in (False, False, True):
        assert delivery.run(time.monotonic() + 5, is_last=is_last).reason == "503 Whatever"
    assert len(backend.requests) == 1


def test_a_failure_keeps_the_next_calls_away_but_not_the_last_one(bench: Bench) -> None:
    bench.queue.add_spans("a", 3)
    with HttpBackend([Answer(503)]) as backend:
        delivery = bench.delivery(backend.url)
        for _ in range(5):
            delivery.run()
        assert len(backend.requests) == 1
        backend.behave(Answer(200))
        assert delivery.run(time.monotonic() + 5, is_last=True).reason == ""


@pytest.mark.parametrize("status", [301, 401, 402, 403, 404, 405])
def test_a_barred_way_is_left_alone_for_a_while_and_tried_once_more_at_the_end(
    bench: Bench, backend: HttpBackend, status: int
) -> None:
    bench.queue.add_spans("a", 3)
    backend.behave(Answer(status))
    delivery = bench.delivery(backend.url)
    for _ in range(3):
        done = delivery.run()
        assert done.reason == f"{status} Whatever"
    assert len(backend.requests) == 1
    assert delivery.run(time.monotonic() + 30, is_last=True).is_barred
    assert len(backend.requests) == 2
    assert bench.queue.names() == ["a"]


def test_a_barred_way_that_is_open_again_is_found_by_the_same_process(bench: Bench, backend: HttpBackend) -> None:
    bench.queue.add_spans("a", 3)
    backend.behave(Answer(401))
    delivery = bench.delivery(backend.url)
    assert delivery.run().is_barred
    backend.behave(Answer(200))
    assert delivery.pace.next_try() - time.monotonic() < 80
    delivery.pace._own = 0.0  # as if that time were over
    assert delivery.run().reason == ""
    assert backend.names == ["a/0", "a/1", "a/2"]


def test_before_a_backend_is_due_no_file_is_looked_at(bench: Bench, backend: HttpBackend) -> None:
    """The lock of the outbox is not even asked for, which would be told as a reason of its own."""
    bench.queue.add_spans("a", 3)
    backend.behave(Answer(503, headers={"Retry-After": "600"}))
    delivery = bench.delivery(backend.url)
    delivery.run()
    with closed_after(bench.queue.items()) as items:
        next(items)
        for is_last in (False, True):
            done = delivery.run(time.monotonic() + 30, is_last=is_last)
            assert (done.reason, done.is_busy) == ("503 Whatever", False)
    assert len(backend.requests) == 1


def test_what_is_refused_for_good_goes_to_quarantine_alone(bench: Bench, backend: HttpBackend) -> None:
    for each in ("a", "b", "c"):
        bench.queue.add_spans(each, 2)
    # all three; then a; then b and c; then b; then c
    backend.behave(Answer(400), Answer(200), Answer(400), Answer(400), Answer(200))
    done = bench.run(backend.url)
    assert backend.names == ["a/0", "a/1", "c/0", "c/1"]
    assert bench.queue.names() == []
    assert bench.queue.refused() == ["b"]
    assert (done.refused, done.reason) == (2, "400 Whatever")
    assert bench.counts == Counter(delivered=4, quarantined=2, dropped=0)


def test_too_much_is_divided(bench: Bench, backend: HttpBackend) -> None:
    names = [*bench.queue.add_spans("a", 5), *bench.queue.add_spans("b", 1)]
    backend.behave(TakesAtMost(2))
    assert bench.run(backend.url).reason == ""
    assert backend.names == names
    assert bench.queue.names() == []
    assert list(bench.ledger._folder.iterdir()) == []


def test_one_span_that_is_too_much_is_refused_and_the_others_go(bench: Bench, backend: HttpBackend) -> None:
    bench.queue.add_spans("a", 3)
    backend.behave(TakesAtMost(0))
    done = bench.run(backend.url)
    assert done.refused == 3
    assert bench.queue.refused() == ["a"]


def test_partial_success_is_no_reason_to_send_again(bench: Bench, backend: HttpBackend) -> None:
    bench.queue.add_spans("a", 5)
    backend.behave(Answer(200, partial_success(2, "too old")))
    done = bench.run(backend.url)
    assert (done.rejected, done.reason) == (2, "too old")
    assert bench.counts == Counter(delivered=3, dropped=2)
    assert bench.queue.names() == []


def test_of_a_large_file_only_the_rest_is_sent_again(bench: Bench, backend: HttpBackend) -> None:
    names = bench.queue.add_spans("a", 4500)
    backend.behave(Answer(200), Answer(503))
    assert bench.run(backend.url).reason == "503 Whatever"
    assert bench.queue.names() == ["a"]
    backend.behave(Answer(200))
    assert bench.run(backend.url).reason == ""
    assert backend.names == names
    assert bench.counts == Counter(delivered=4500)


def test_a_refused_part_is_not_sent_again_and_counted_once(bench: Bench, backend: HttpBackend) -> None:
    bench.queue.add_spans("a", 4500)
    backend.behave(Answer(400), Answer(503))
    bench.run(backend.url)
    backend.behave(Answer(200))
    bench.run(backend.url)
    assert len(backend.names) == 2500
    assert bench.counts == Counter(delivered=2500, quarantined=2000)
    assert bench.queue.refused() == ["a"]


def test_half_an_entry_of_the_ledger_is_ignored_and_repaired(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "settled")
    assert ledger.settled("a") == {}
    ledger.note("a", b"1" * 8, Settled(1, is_refused=False))
    with (tmp_path / "settled" / "a").open("ab") as file:
        file.write(b"torn")
    assert ledger.settled("a") == {b"1" * 8: Settled(1, is_refused=False)}
    ledger.note("a", b"2" * 8, Settled(2, is_refused=True))
    assert list(ledger.settled("a").values()) == [Settled(1, is_refused=False), Settled(2, is_refused=True)]
    ledger.sweep(["a"])
    assert ledger.settled("a")
    ledger.sweep([])
    assert ledger.settled("a") == {}


def test_only_one_delivers_at_a_time(bench: Bench, backend: HttpBackend) -> None:
    bench.queue.add_spans("a", 1)
    with closed_after(bench.queue.items()) as items:
        next(items)
        assert bench.run(backend.url).is_busy
        assert bench.run(backend.url, 0.1, is_last=True).is_busy
    assert backend.requests == []
    assert not bench.run(backend.url).is_busy


def test_a_file_that_is_gone_is_passed_over(
    bench: Bench, backend: HttpBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.queue.add_spans("a", 1)
    bench.queue.add_spans("b", 1)
    first = min(bench.queue.path.glob("*.seg"))
    monkeypatch.setattr(bench.ledger, "sweep", lambda names: first.unlink())
    bench.run(backend.url)
    assert backend.names == ["b/0"]


def test_a_file_removed_while_it_is_sent_was_delivered(bench: Bench) -> None:
    bench.queue.add_spans("a", 1)

    class Removes(Answer):
        def act(self, backend: HttpBackend, connection: Any) -> None:
            next(bench.queue.path.glob("*.seg")).unlink()
            super().act(backend, connection)

    with HttpBackend([Removes(200)]) as backend:
        assert bench.run(backend.url).reason == ""


def test_a_file_that_cannot_be_removed_ends_the_delivery(
    bench: Bench, backend: HttpBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.queue.add_spans("a", 1)

    def refuse(item: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(bench.queue, "remove", refuse)
    delivery = bench.delivery(backend.url)
    for _ in range(3):
        assert "cannot be removed" in delivery.run().reason
    assert backend.names == ["a/0"]


def test_a_ledger_on_a_full_disk_costs_a_repetition_at_most(
    bench: Bench, backend: HttpBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.queue.add_spans("a", 4500)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bench.ledger, "note", refuse)
    assert bench.run(backend.url).reason == ""
    assert len(backend.names) == 4500


def test_an_end_that_comes_while_delivering_is_kept(
    bench: Bench, backend: HttpBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.queue.add_spans("a", 4500)
    delivery = bench.delivery(backend.url)
    original = delivery.send

    def send_and_end(*args: Any) -> Any:
        delivery.end_at(time.monotonic())
        return original(*args)

    monkeypatch.setattr(delivery, "send", send_and_end)
    assert delivery.run().reason == "there was no time left"
    assert len(backend.requests) == 1


def test_pace_waits_longer_after_each_failure() -> None:
    pace = Pace()
    assert pace.next_try() == 0
    waits = []
    for _ in range(12):
        pace.note(Retry("no"))
        waits.append(pace.next_try() - time.monotonic())
    assert waits[0] < 0.3
    assert 40 < waits[-1] < 80
    assert waits[5] > waits[2] > waits[0]
    pace.note(Accepted())
    assert pace.next_try() == 0
    pace.note(Refused("never"))
    assert pace.next_try() == 0
    assert pace.failing_seconds == 0
    pace.note(Barred("not so"))
    assert pace.is_hopeless
    assert 40 < pace.next_try() - time.monotonic() < 80
    assert pace.next_try(is_last=True) <= time.monotonic()
    assert pace.failing_seconds >= 0
    pace.stop("never")
    assert pace.is_hopeless
    assert pace.next_try(is_last=True) == float("inf")


def test_the_lock_is_held_until_the_last_answer(bench: Bench) -> None:
    bench.queue.add_spans("a", 1)
    seen: list[bool] = []

    class Looks(Answer):
        def act(self, backend: HttpBackend, connection: Any) -> None:
            seen.append(bench.run(backend.url).is_busy)
            super().act(backend, connection)

    with HttpBackend([Looks(200)]) as backend:
        bench.run(backend.url)
        assert backend.names == ["a/0"]
    assert seen == [True]
