"""Times and ids of records."""

from __future__ import annotations

import os
import pickle
import time

from pellucid.observability.records import Clock, Ids, RunScope, SpanRecord


def test_time_is_that_of_the_wall_clock_and_never_goes_back() -> None:
    clock = Clock()
    readings = [clock.now_ns() for _ in range(1000)]
    assert readings == sorted(readings)
    assert abs(readings[-1] - time.time_ns()) < 60_000_000_000


def test_a_clock_that_travels_counts_the_same_time() -> None:
    clock: Clock = pickle.loads(pickle.dumps(Clock(123)))
    assert clock.offset_ns == 123


def test_ids_have_their_length_and_differ() -> None:
    ids = Ids()
    made = {ids.span_id() for _ in range(1000)} | {ids.trace_id() for _ in range(1000)}
    assert len(made) == 2000
    assert {len(each) for each in made} == {8, 16}


def test_a_fork_makes_other_ids() -> None:
    ids = Ids()
    ids.span_id()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, ids.span_id() + ids.trace_id())
        os._exit(0)
    os.waitpid(pid, 0)
    theirs = os.read(reader, 24)
    os.close(reader)
    os.close(writer)
    assert theirs[:8] != ids.span_id()
    assert theirs[8:] != ids.trace_id()


def test_ids_that_travel_begin_anew() -> None:
    ids = Ids()
    copy: Ids = pickle.loads(pickle.dumps(ids))
    assert copy.span_id() != ids.span_id()


def test_an_open_span_has_taken_no_time() -> None:
    span = SpanRecord("node", "n", RunScope("s", "r", "p", b"\1" * 16), b"\1" * 8, b"", 5_000_000_000, {})
    assert span.duration_seconds == 0
    span.ended_ns = 7_500_000_000
    assert span.duration_seconds == 2.5
