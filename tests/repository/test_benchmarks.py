"""The benchmarks measure what they say, and the documents name all that is to be reached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from benchmarks.run import SUBJECTS
from benchmarks.support import figures, projects
from benchmarks.support.figures import Figure
from benchmarks.support.projects import Work, measure
from benchmarks.support.tables import Rounds
from benchmarks.support.targets import TARGETS, Target

ROOT = Path(__file__).parents[2]


def rounds(**values: list[float]) -> Rounds:
    found = Rounds()
    for engine, each in values.items():
        for value in each:
            found.add(engine, [Figure("work", value, "ms")])
    return found


def test_a_figure_comes_back_as_it_was_shown(capsys: pytest.CaptureFixture[str]) -> None:
    figures.show("work", 0.123456, "ms", nodes=3)
    figures.show("other", 123456.7, "us")
    text = f"a line of something else\n{capsys.readouterr().out}"
    assert figures.read(text) == [Figure("work", 0.1235, "ms", {"nodes": 3}), Figure("other", 123457, "us")]


def test_a_ratio_is_that_of_a_round() -> None:
    table = rounds(pellucid=[1, 9, 2], kedro=[10, 10, 10]).targets([Target("work", 0.2)])
    assert table.splitlines()[2:] == ["| work | 2 ms | 10 ms | 0.2 (0.1 to 0.9) | 0.2 x | yes |"]


def test_a_target_that_is_missed_is_shown() -> None:
    table = rounds(pellucid=[3, 5], kedro=[10, 10]).targets([Target("work", 0.2), Target("work", 3.5, "")])
    assert table.splitlines()[2:] == [
        "| work | 4 ms | 10 ms | 0.4 (0.3 to 0.5) | 0.2 x | **no** |",
        "| work | 4 ms | 10 ms | 4 (3 to 5) | 3.5 ms | **no** |",
    ]


def test_without_the_peer_nothing_is_claimed() -> None:
    table = rounds(pellucid=[3]).targets([Target("work", 0.2), Target("not measured", 1)])
    assert table.splitlines()[2:] == ["| work | 3 ms | - | - | 0.2 x | - |"]


@pytest.mark.parametrize(
    ("work", "spans"),
    [(Work("pellucid"), 0), (Work("pellucid", telemetry=False), 3), (Work("pellucid", without="tracing"), 3)],
)
def test_what_was_not_measured_as_it_is_called_ends_the_benchmark(
    work: Work, spans: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(*_: Any, **__: Any) -> dict[str, Any]:
        return {"spans": spans}

    monkeypatch.setattr(projects, "_last_line", found)
    with pytest.raises(SystemExit, match="entry points"):
        measure(work)


@pytest.mark.processes
def test_telemetry_is_on_and_off_in_the_project_that_is_measured() -> None:
    assert measure(Work("pellucid", nodes=3))["spans"] == 3 * 3 - 1 + 5
    assert measure(Work("pellucid", nodes=3, telemetry=False))["spans"] == 0


def test_every_subject_is_a_script_and_is_described() -> None:
    described = (ROOT / "benchmarks" / "README.md").read_text()
    names = {each.name for each in SUBJECTS}
    assert names == {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - {"run"}
    assert [name for name in names if f"`{name}`" not in described] == []


def test_every_target_is_in_the_documents() -> None:
    table = (ROOT / "docs" / "performance.md").read_text()
    assert [each.work for each in TARGETS if f"| {each.work} |" not in table] == []
