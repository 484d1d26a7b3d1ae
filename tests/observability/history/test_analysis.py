from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.history import SECOND, RunMaker, failed_run

from pellucid.observability.history import NodeWork, StoredSpan, critical_path, node_works, shares, slowest
from pellucid.observability.history._reading import span_row

if TYPE_CHECKING:
    from collections.abc import Sequence

RUN = 100


def _spans(run: RunMaker) -> list[StoredSpan]:
    rows = [span_row(body) for body in run.bodies]
    return [StoredSpan(*row) for row in rows if row is not None]


def _named(path: Sequence[NodeWork]) -> list[str]:
    return [each.span.node for each in path]


def _span(number: int, parent: int, kind: str, name: str, begin: int, end: int) -> StoredSpan:
    return StoredSpan(b"t", bytes([number]), bytes([parent]), kind, name, begin, end, "success", "", b"")


@st.composite
def _works(draw: st.DrawFn) -> list[NodeWork]:
    """Nodes at any times, with loads and saves of few datasets, also where no sane run would have them."""
    times = st.integers(-10, RUN + 10)
    names = st.sampled_from(["a", "b", "c", "a@x"])
    works = []
    for number in range(draw(st.integers(0, 7))):
        begin, end = sorted((draw(times), draw(times)))
        work = NodeWork(_span(number, 200, "node", f"n{number}", begin, end))
        for kind, spans in (("load", work.loads), ("save", work.saves)):
            for _ in range(draw(st.integers(0, 3))):
                first, last = draw(times), draw(times)
                spans.append(_span(0, number, kind, f"{kind} {draw(names)}", first, last))
        works.append(work)
    return sorted(works, key=lambda each: (each.span.started_ns, each.span.ended_ns))


# --------------------------------------------------------------------------- shares


@settings(deadline=None)
@given(_works())
def test_shares_add_up_to_the_duration_of_the_run(works: list[NodeWork]) -> None:
    found = shares(works, 0, RUN)
    assert found.total == pytest.approx(RUN / 1e9)
    assert all(each >= 0 for each in found)


@settings(deadline=None)
@given(_works())
def test_idle_is_the_time_in_which_no_node_is_at_work(works: list[NodeWork]) -> None:
    busy = {at for each in works for at in range(max(0, each.span.started_ns), min(RUN, each.span.ended_ns))}
    assert shares(works, 0, RUN).idle * 1e9 == pytest.approx(RUN - len(busy))


@settings(deadline=None)
@given(_works())
def test_the_share_of_one_node_alone_is_what_it_did(works: list[NodeWork]) -> None:
    for work in works:
        found = shares([work], 0, RUN)
        at_work = set(range(max(0, work.span.started_ns), min(RUN, work.span.ended_ns)))
        loading = {at for each in work.loads for at in range(each.started_ns, each.ended_ns)} & at_work
        saving = {at for each in work.saves for at in range(each.started_ns, each.ended_ns)} & at_work - loading
        expected = [len(loading), len(at_work) - len(loading) - len(saving), len(saving)]
        assert [each * 1e9 for each in found[:3]] == pytest.approx(expected)


def test_time_is_divided_among_nodes_that_work_at_once() -> None:
    both = [NodeWork(_span(1, 9, "node", "a", 0, 60)), NodeWork(_span(2, 9, "node", "b", 20, 60))]
    both[1].loads.append(_span(3, 2, "load", "load x", 20, 40))
    found = shares(both, 0, 100)
    assert (found.load * 1e9, found.compute * 1e9, found.idle * 1e9) == pytest.approx((10, 50, 40))


def test_the_time_that_nodes_waited_is_added_up() -> None:
    run = RunMaker()
    for wait in (0.5, 1.5, -3.0, float("nan")):
        run.node("a", 0, 1, wait=wait)
    works = node_works(_spans(run))
    assert shares(works, run.at(0), run.at(1)).queue == 2.0


def test_a_run_of_no_length_has_no_shares() -> None:
    assert shares([], 5, 5) == (0, 0, 0, 0, 0)
    assert shares([], 5, 4).total == 0


# --------------------------------------------------------------------------- the critical path


def _depends(later: NodeWork, earlier: NodeWork) -> bool:
    saved = {(each.dataset.partition("@")[0], each.ended_ns) for each in earlier.saves}
    return any(
        each.dataset.partition("@")[0] == name and at <= each.ended_ns for each in later.loads for name, at in saved
    )


@settings(deadline=None)
@given(_works())
def test_the_critical_path_is_a_chain_and_no_chain_is_longer(works: list[NodeWork]) -> None:
    path = critical_path(works)
    assert all(_depends(later, earlier) for earlier, later in pairwise(path))
    assert bool(path) == bool(works)

    def longest(number: int) -> int:
        before = [longest(each) for each in range(number) if _depends(works[number], works[each])]
        return works[number].span.duration_ns + max(before, default=0)

    length = sum(each.span.duration_ns for each in path)
    assert length == max(map(longest, range(len(works))), default=0)


def test_the_critical_path_of_a_run() -> None:
    assert _named(critical_path(node_works(_spans(failed_run())))) == ["clean_companies", "join", "fit"]


def test_a_dataset_under_another_type_is_the_same() -> None:
    run = RunMaker()
    first = run.node("write", 0, 1)
    run.io("save", "table@pandas", 0.9, 1, first)
    second = run.node("read", 1, 1.5)
    run.io("load", "table@spark", 1, 1.1, second)
    run.node("other", 0, 1.2)
    assert _named(critical_path(node_works(_spans(run)))) == ["write", "read"]


def test_what_was_not_saved_is_not_waited_for() -> None:
    run = RunMaker()
    first = run.node("write", 0, 1)
    run.io("save", "table", 0.9, 1, first, result="failure")
    second = run.node("read", 1, 3)
    run.io("load", "table", 1, 1.1, second)
    assert _named(critical_path(node_works(_spans(run)))) == ["read"]


def test_without_nodes_there_is_no_path() -> None:
    assert critical_path([]) == []
    assert node_works([]) == []


# --------------------------------------------------------------------------- the others


def test_loads_and_saves_belong_to_their_node() -> None:
    works = node_works(reversed(_spans(failed_run())))
    told = [
        (each.span.node, [load.dataset for load in each.loads], [save.dataset for save in each.saves]) for each in works
    ]
    assert told == [
        ("clean_reviews", ["reviews"], ["clean_reviews"]),
        ("clean_companies", ["companies"], ["clean_companies"]),
        ("join", ["clean_companies", "clean_reviews"], ["table"]),
        ("fit", ["table"], []),
    ]


@settings(deadline=None)
@given(_works(), st.integers(0, 9))
def test_the_slowest_are_as_slow_as_any_other(works: list[NodeWork], count: int) -> None:
    found = slowest(works, count)
    seconds = [each.span.duration_ns for each in found]
    assert seconds == sorted((each.span.duration_ns for each in works), reverse=True)[:count]


def test_a_span_says_what_it_is() -> None:
    spans = {each.name: each for each in _spans(failed_run())}
    assert (spans["fit"].node, spans["fit"].dataset, spans["fit"].duration_ns) == ("fit", "", round(4.6 * SECOND))
    assert (spans["load table"].node, spans["load table"].dataset) == ("", "table")
    assert spans["load companies"].attributes["pellucid.dataset.rows"] == 100
    assert spans["fit"].error_message == "the table has no rows\nof 2025"
