"""The trace comes and goes with the environment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pellucid.observability.options import TracingOptions
from pellucid.observability.records import RunScope, SpanRecord
from pellucid.observability.tracing import (
    ChildEnvironment,
    RemoteParent,
    format_parent,
    parse_parent,
    parse_state,
    propagates,
    remote_parent,
)

if TYPE_CHECKING:
    from pellucid.observability.records import Kind

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
PROPAGATORS = TracingOptions().propagators


def test_a_parent_is_read() -> None:
    assert parse_parent(PARENT, "a=b") == RemoteParent(bytes.fromhex(TRACE), bytes.fromhex(SPAN), True, "a=b")
    assert parse_parent(f" \t{PARENT}\t ") == parse_parent(PARENT)


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)])
def test_only_one_flag_says_sampled(flags: str, sampled: bool) -> None:
    found = parse_parent(f"00-{TRACE}-{SPAN}-{flags}")

    assert found is not None
    assert found.sampled is sampled


@pytest.mark.parametrize(
    "given", [f"cc-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what-the-future", f"01-{TRACE}-{SPAN}-01-"]
)
def test_of_later_versions_the_known_part_is_read(given: str) -> None:
    found = parse_parent(given)

    assert found is not None
    assert (found.trace_id.hex(), found.span_id.hex()) == (TRACE, SPAN)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"ff-{TRACE}-{SPAN}-01-x",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01",
        f"00-{TRACE}-{SPAN}-0A",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}0-01",
        f"0-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"00_{TRACE}_{SPAN}_01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{chr(0x661) * 32}-{SPAN}-01",
        f"00-{TRACE[:-1]}.-{SPAN}-01",
    ],
)
def test_a_malformed_parent_is_none(given: str) -> None:
    assert parse_parent(given, "a=b") is None


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=8, max_size=8), st.booleans())
def test_opentelemetry_reads_what_we_write(trace_id: bytes, span_id: bytes, sampled: bool) -> None:
    written = format_parent(trace_id, span_id, sampled=sampled)
    context = TraceContextTextMapPropagator().extract({"traceparent": written}, context=Context())
    theirs = trace.get_current_span(context).get_span_context()
    ours = parse_parent(written)

    if ours is None:
        assert not theirs.is_valid
    else:
        assert ours == RemoteParent(trace_id, span_id, sampled)
        assert (theirs.trace_id, theirs.span_id) == (int.from_bytes(trace_id, "big"), int.from_bytes(span_id, "big"))
        assert theirs.trace_flags.sampled is sampled


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ("a=b", "a=b"),
        ("a=b,c=d", "a=b,c=d"),
        (" a=b \t, ,c=d,", "a=b,c=d"),
        ("t1@sys=v,1t@sys=v", "t1@sys=v,1t@sys=v"),
        ("a_-*/0=!~", "a_-*/0=!~"),
        ("a= b", "a= b"),
        ("a" * 256 + "=b", "a" * 256 + "=b"),
        ("A=b", ""),
        ("1a=b", ""),
        ("a=b,a=c", ""),
        ("a", ""),
        ("=b", ""),
        ("a=", ""),
        ("a=b=c", ""),
        ("a=\x7f", ""),
        ("a=é", ""),
        ("a@=b", ""),
        ("a@" + "s" * 15 + "=b", ""),
        ("a" * 257 + "=b", ""),
        ("a=" + "b" * 257, ""),
        (",".join(f"a{each}=b" for each in range(33)), ""),
    ],
)
def test_a_state_is_kept_or_ignored(given: str, kept: str) -> None:
    assert parse_state(given) == kept


def test_a_state_that_is_too_long_loses_large_members_first() -> None:
    small = [f"k{each}={'v' * 20}" for each in range(15)]
    large = ["l1=" + "v" * 200, "l2=" + "v" * 200]

    kept = parse_state(",".join([small[0], large[0], *small[1:], large[1]]))
    assert kept == ",".join(small)
    assert parse_state(",".join(large)) == ",".join(large)
    many = [f"k{each}={'v' * 30}" for each in range(30)]
    kept = parse_state(",".join(many))
    assert many[: len(kept.split(","))] == kept.split(",")
    assert 512 - 36 < len(kept) <= 512


@pytest.mark.parametrize(
    ("chosen", "is_on"),
    [
        (("tracecontext",), True),
        (("baggage", "tracecontext"), True),
        (("baggage",), False),
        (("b3",), False),
        (("none",), False),
        (("tracecontext", "none"), False),
        ((), False),
    ],
)
def test_propagators_decide(chosen: tuple[str, ...], is_on: bool) -> None:
    environ = {"TRACEPARENT": PARENT, "TRACESTATE": "a=b"}

    assert propagates(chosen) is is_on
    assert (remote_parent(environ, chosen) is not None) is is_on


def test_there_may_be_no_parent() -> None:
    assert remote_parent({}, PROPAGATORS) is None
    assert remote_parent({"TRACEPARENT": "garbage"}, PROPAGATORS) is None
    assert remote_parent({"TRACEPARENT": PARENT}, PROPAGATORS) == parse_parent(PARENT)


SCOPE = RunScope("s", "r", "p", b"t" * 16, True, "x=y")


def record(kind: Kind, number: int, scope: RunScope = SCOPE) -> SpanRecord:
    return SpanRecord(kind, kind, scope, bytes([number]) * 8, b"", 1, {})


def parent_of(environ: dict[str, str]) -> int:
    found = remote_parent(environ, PROPAGATORS)
    assert found is not None
    return found.span_id[0]


def test_child_processes_belong_to_the_node_that_runs_else_to_the_run() -> None:
    environ: dict[str, str] = {}
    child = ChildEnvironment(environ, PROPAGATORS)
    run, one, two, load = record("run", 1), record("node", 2), record("node", 3), record("load", 4)

    child.started(record("session", 9))
    assert environ == {}
    child.started(run)
    assert parent_of(environ) == 1
    assert environ["TRACESTATE"] == "x=y"
    child.started(one)
    child.started(load)
    assert parent_of(environ) == 2
    child.started(two)
    assert parent_of(environ) == 1
    child.ended(one)
    assert parent_of(environ) == 3
    child.ended(two)
    assert parent_of(environ) == 1
    child.ended(run)
    assert environ == {}


@pytest.mark.parametrize("before", [{}, {"TRACEPARENT": PARENT, "TRACESTATE": "a=b"}, {"TRACEPARENT": PARENT}])
def test_what_was_there_before_comes_back(before: dict[str, str]) -> None:
    environ = dict(before)
    child = ChildEnvironment(environ, PROPAGATORS)
    child.started(record("run", 1))
    child.started(record("node", 2))
    assert environ != before
    child.close()
    assert environ == before
    child.close()
    assert environ == before


def test_a_state_of_another_trace_is_not_handed_on() -> None:
    environ = {"TRACEPARENT": PARENT, "TRACESTATE": "a=b"}
    ChildEnvironment(environ, PROPAGATORS).started(record("run", 1, RunScope("s", "r", "p", b"t" * 16)))

    assert environ == {"TRACEPARENT": format_parent(b"t" * 16, b"\x01" * 8, sampled=True)}


def test_what_somebody_else_has_set_stays() -> None:
    environ: dict[str, str] = {}
    child, run = ChildEnvironment(environ, PROPAGATORS), record("run", 1)
    child.started(run)
    environ["TRACEPARENT"] = PARENT
    child.ended(run)

    assert environ["TRACEPARENT"] == PARENT


def test_a_worker_has_nodes_without_a_run() -> None:
    environ = {"TRACEPARENT": PARENT}
    child, one, two = ChildEnvironment(environ, PROPAGATORS), record("node", 1), record("node", 2)
    child.started(one)
    child.started(two)
    assert parent_of(environ) == 1
    child.ended(one)
    child.ended(two)

    assert environ == {"TRACEPARENT": PARENT}


def test_nothing_is_handed_on_where_that_is_not_wanted() -> None:
    environ: dict[str, str] = {}
    child, run = ChildEnvironment(environ, ("b3", "baggage")), record("run", 1)
    child.started(run)
    assert environ == {}
    child.ended(run)
    child.close()
    assert environ == {}


def test_runs_side_by_side_give_way_to_each_other() -> None:
    environ: dict[str, str] = {}
    child, one, two = ChildEnvironment(environ, PROPAGATORS), record("run", 1), record("run", 2)
    node, other = record("node", 3), record("node", 4)
    child.started(one)
    child.started(node)
    child.started(two)
    assert parent_of(environ) == 3
    child.ended(node)
    assert parent_of(environ) == 2
    child.started(node)
    child.started(other)
    child.ended(two)
    assert parent_of(environ) == 1
    child.ended(one)
    assert parent_of(environ) in (3, 4)
    child.ended(node)
    assert parent_of(environ) == 4
    child.ended(other)
    assert environ == {}


def test_many_threads_leave_the_environment_as_it_was() -> None:
    environ: dict[str, str] = {}
    child, run = ChildEnvironment(environ, PROPAGATORS), record("run", 255)
    child.started(run)

    def work(number: int) -> None:
        node = record("node", number)
        for _ in range(200):
            child.started(node)
            child.ended(node)

    threads = [threading.Thread(target=work, args=(each,)) for each in range(1, 9)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert parent_of(environ) == 255
    child.ended(run)
    assert environ == {}
