from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.support.history import FakeSegment, RunMaker, failed_run

from pellucid.observability._cli._runs_diff import comparison
from pellucid.observability._cli._runs_list import table
from pellucid.observability._cli._runs_show import Details, report
from pellucid.observability._cli._runs_text import Screen, columns_of
from pellucid.observability.history import HistoryStore, diff_runs

WHOLE = """\
Run 2025-11-22T08.26.01.000Z  failure in 9.00 s
  pipeline train · nodes 3/5 · env local · SequentialRunner
  started 2025-11-22 09:26:40 · commit 4f2a9c01d7
  trace 00000000000000000000000000abc001
  parameters model.depth=3, seed=7
  ValueError in fit: the table has no rows of 2025

  session demo               ─────────────────────────────────────────    9.20 s
    session.create           ─                                             50 ms
    RUN train                ─────────────────────────────────────────    9.00 s
*     clean_companies        ██████████                                   2.00 s
        load companies       ▒▒▒▒                                         500 ms
        save clean_companies         ▒▒                                   200 ms
      clean_reviews          ██████                                       1.00 s
        load reviews         ▒▒                                           100 ms
        save clean_reviews       ▒▒                                       100 ms
*     join                             ██████████                         2.00 s
        load clean_companies           ▒                                  100 ms
        load clean_reviews             ▒▒                                 100 ms
        GET /weights                    ───                               500 ms
        save table                            ▒▒▒                         300 ms
*     fit                                       ██████████████████████    4.60 s
      └ ValueError: the table has no rows of 2025
        load table                              ▒▒                        200 ms

Critical path *  8.60 s (96 %): clean_companies → join → fit
Time             load 8 % · compute 82 % · save 6 % · idle 4 % · nodes waited 50
                 ms for a worker
Slowest nodes    fit 4.60 s · clean_companies 2.00 s · join 2.00 s ·
                 clean_reviews 1.00 s
"""

DIFFERENT = """\
- 2025-11-22T08.26.01.000Z  2025-11-22 09:26:40  failure in 9.00 s
+ 2025-11-22T08.26.02.000Z  2025-11-22 09:27:40  success in 4.00 s
  Duration  9.00 s -> 4.00 s (-56 %)

Run
  result         failure -> success
  commit         4f2a9c01d7 -> -
  error_type     ValueError -> -
  error_message  the table has no rows of 2025 -> -

Parameters
  model.depth  3 -> 4
  seed         7 -> -

Nodes
    clean_companies  2.00 s -> 1.00 s (-50 %)
    fit              4.60 s -> 1.00 s (-78 %)  failure -> success
  + report           500 ms
  - clean_reviews    1.00 s
  - join             2.00 s

Datasets
  save clean_companies  - -> 3.1 MB
  load companies        100 -> 120 rows
  load companies        2.05 kB -> -
"""

TABLE = """\
RUN                       PIPELINE  RESULT   STARTED              DURATION  NODES  ERROR
2025-11-22T08.26.02.000Z  train     success  2025-11-22 09:27:40  4.00 s    3/3
2025-11-22T08.26.01.000Z  train     failure  2025-11-22 09:26:40  9.00 s    3/5    fit: ValueError
"""

NARROWER = """\
RUN                  PIPELINE  RESULT   DURATION  NODES  ERROR
2025-11-22T08.26.02  train     success  4.00 s    3/3
2025-11-22T08.26.01  train     failure  9.00 s    3/5    fit: Val…
"""

NARROWEST = """\
RUN                  RESULT   ERROR
2025-11-22T08.26.02  success
2025-11-22T08.26.01  failure  fit: Valu…
"""


FOLDER = Path("/demo")
USUAL = Details()

pytestmark = pytest.mark.usefixtures("time_zone")


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path / "history.db")


def _other_run() -> RunMaker:
    run = RunMaker(2, "train", started=60, parameters={"model": {"depth": 4}}, commit="")
    companies = run.node("clean_companies", 0.2, 1.2)
    run.io("load", "companies", 0.2, 0.7, companies, pellucid__dataset__rows=120)
    run.io("save", "clean_companies", 1.0, 1.1, companies, pellucid__dataset__bytes=3_100_000)
    run.node("fit", 2.0, 3.0)
    run.node("report", 3.0, 3.5)
    return run.run(4.1)


def _report(store: HistoryStore, screen: Screen, details: Details = USUAL) -> str:
    run = store.find()
    return "".join(f"{line}\n" for line in report(run, store.spans(run), screen, FOLDER, details))


def test_a_run_is_shown(store: HistoryStore) -> None:
    store.take(failed_run().segment())
    assert _report(store, Screen(80)) == WHOLE


def test_on_a_plain_terminal_it_is_ascii(store: HistoryStore) -> None:
    store.take(failed_run(parameters={"name": "Zoë"}).segment())
    text = _report(store, Screen(80, is_unicode=False))
    assert text.isascii()
    assert "*     fit                                       ######################" in text
    assert "clean_companies -> join -> fit" in text
    assert "      ` ValueError" in text
    assert "name=Zo?" in text


@pytest.mark.parametrize("columns", [40, 57, 100, 300])
def test_no_line_is_wider_than_the_screen(store: HistoryStore, columns: int) -> None:
    run = failed_run(parameters={"long": "x" * 500})
    run.node("Knoten mit ganz langem Namen 日本語" * 5, 0.2, 0.3)
    store.take(run.segment())
    assert all(columns_of(line) <= columns for line in _report(store, Screen(columns)).splitlines())


def test_colours_are_added_to_the_same_text(store: HistoryStore) -> None:
    store.take(failed_run().segment())
    coloured = _report(store, Screen(80, has_colours=True))
    assert "\x1b[31m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == WHOLE


def test_control_characters_of_names_and_messages_do_not_reach_the_terminal(store: HistoryStore) -> None:
    run = RunMaker(result="failure", parameters={"a\x1b[2J": "\x1b]0;x\x07"})
    run.node("evil\x1b[2J\r\n", 0.1, 0.2, result="failure", error=("E\x1b[1m", "\x1b[2J\u2028"))
    store.take(run.run(1.0, error=("E\x1b[1m", "\x1b[2J"), nodes=1).segment())
    text = _report(store, Screen(80))
    assert "\x1b" not in text
    assert "\u2028" not in text
    assert "\x1b" not in "".join(table(store.runs(), Screen(120)))


def test_of_very_many_spans_the_least_telling_are_left_out(store: HistoryStore) -> None:
    run = RunMaker()
    for number in range(200):
        node = run.node(f"node_{number}", number, number + 1)
        run.io("load", f"in_{number}", number, number + 0.5, node)
        run.io("save", f"out_{number}", number, number + 0.5, node, result="failure" if number == 3 else "success")
    store.take(run.run(200.0).segment())
    text = _report(store, Screen(100))
    assert "node_199" in text
    assert "save out_3" in text
    assert "load in_7" not in text
    assert "  399 more spans are in --json." in text


def test_a_session_without_a_run_is_shown(store: HistoryStore) -> None:
    run = RunMaker(result="failure", commit="")
    run.run(2.0, error=("BadConfigException", "catalog.yml:3: no"))
    store.take(FakeSegment("a", run.bodies[1:]))
    text = _report(store, Screen(100))
    assert "no run was started" in text
    assert "BadConfigException: catalog.yml:3: no" in text
    assert "Critical path" not in text


def test_many_parameters_and_a_long_path_are_cut(store: HistoryStore) -> None:
    run = RunMaker(parameters={f"p{number}": "x" * 100 for number in range(30)})
    for number in range(20):
        node = run.node(f"n{number}", number, number + 1)
        run.io("load", f"d{number}", number, number + 0.1, node)
        run.io("save", f"d{number + 1}", number + 0.9, number + 1, node)
    store.take(run.run(20.0).segment())
    text = _report(store, Screen(300))
    assert text.count("p1") < 11
    assert "             All: --parameters\n" in text
    assert "n9 → n10 → … → n19" in text


def test_a_run_whose_spans_are_gone_is_shown_without(store: HistoryStore) -> None:
    store.take(failed_run().segment())
    run = store.find()
    lines = list(report(run, [], Screen(80), FOLDER))
    assert lines == WHOLE.splitlines()[:6]


def test_differences_are_shown(store: HistoryStore) -> None:
    store.take(failed_run().segment("a"))
    store.take(_other_run().segment("b"))
    after, before = store.runs()
    diff = diff_runs(before, after, store.spans(before), store.spans(after))
    assert "".join(f"{line}\n" for line in comparison(before, after, diff, Screen(100))) == DIFFERENT


def test_runs_are_listed(store: HistoryStore) -> None:
    store.take(failed_run().segment("a"))
    store.take(_other_run().segment("b"))
    for columns, expected in ((200, TABLE), (66, NARROWER), (40, NARROWEST)):
        assert "".join(f"{line}\n" for line in table(store.runs(), Screen(columns))) == expected
    coloured = "".join(f"{line}\n" for line in table(store.runs(), Screen(200, has_colours=True)))
    assert "\x1b[32msuccess\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == TABLE


@pytest.mark.parametrize("columns", [40, 50, 60, 80, 99, 120])
def test_no_line_of_a_list_or_a_comparison_is_wider_than_the_screen(store: HistoryStore, columns: int) -> None:
    store.take(failed_run().segment("a"))
    other = RunMaker(2, "a_pipeline_with_a_long_name", started=60.0, result="cancellation")
    other.session_id = f"{failed_run().session_id}-two"
    other.node("a_node_with_a_rather_long_name", 0.2, 1.0)
    store.take(other.run(1.1).segment("b"))
    after, before = store.runs()
    diff = diff_runs(before, after, store.spans(before), store.spans(after))
    lines = [*table([after, before], Screen(columns)), *comparison(before, after, diff, Screen(columns))]
    assert max(map(columns_of, lines)) <= columns
    ids = [line.split()[0] for line in lines[1:3]]
    assert [store.find(each).run_id for each in ids] == [after.run_id, before.run_id]


def test_a_run_is_compared_with_itself(store: HistoryStore) -> None:
    store.take(failed_run().segment())
    run = store.find()
    lines = list(comparison(run, run, diff_runs(run, run, [], []), Screen(100)))
    assert lines[2:] == ["  Both are the same run."]
