from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from tests.support.history import SECOND, START, RunMaker, failed_run

from pellucid.framework.cli.cli import KedroCLI
from pellucid.observability._cli._runs_text import Screen, duration, iso_time, local_time, parse_time, shown, size
from pellucid.observability._cli.runs import commands
from pellucid.observability.history import HistoryStore

if TYPE_CHECKING:
    from pathlib import Path

NOW = START + 100 * 86_400 * SECOND


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose code cannot be imported."""
    package = tmp_path / "src" / "demo"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "pyproject.toml").write_text('[tool.pellucid]\npackage_name = "demo"\nproject_name = "Demo"\n')
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "PELLUCID_ENV", "KEDRO_ENV"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def runs(project: Path) -> list[RunMaker]:
    store = HistoryStore(project / ".pellucid" / "history.db")
    made = [failed_run(1), RunMaker(2, started=100, parameters={"seed": float("nan")})]
    node = made[1].node("fit", 0.2, 1.0)
    made[1].io("save", "odd", 0.3, 0.4, node, numbers=[1, 2.5, float("inf")], raw=b"\x01\x02")
    made[1].run(1.1)
    for run in made:
        store.take(run.segment(f"s{run.number}"))
    return made


def _call(*args: str, **kwargs: Any) -> Result:
    return CliRunner().invoke(commands, ["runs", *args], **kwargs)


def _json(*args: str) -> Any:
    result = _call(*args, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_list_is_a_table(runs: list[RunMaker]) -> None:
    result = _call("list")
    assert result.exit_code == 0
    head, second, first = result.stdout.splitlines()
    assert head.split() == ["RUN", "PIPELINE", "RESULT", "STARTED", "DURATION", "NODES", "ERROR"]
    assert second.startswith(f"{runs[1].session_id}  __default__  success")
    assert first.split()[-4:] == ["s", "3/5", "fit:", "ValueError"]


def test_the_list_as_json_has_one_object_a_line(runs: list[RunMaker]) -> None:
    result = _call("list", "--json")
    second, first = map(json.loads, result.stdout.splitlines())
    assert first == {
        "run_id": runs[0].session_id,
        "session_id": runs[0].session_id,
        "pipeline": "train",
        "result": "failure",
        "started": iso_time(runs[0].at(0.1)),
        "ended": iso_time(runs[0].at(9.1)),
        "duration_seconds": 9.0,
        "trace_id": runs[0].trace_id.hex(),
        "env": "local",
        "runner": "SequentialRunner",
        "commit": "4f2a9c01d7",
        "parameters": {"model": {"depth": 3}, "seed": 7},
        "selection": None,
        "pipeline_nodes": None,
        "nodes": {"total": 5, "done": 3, "failed": 1},
        "error": {"type": "ValueError", "message": "the table has no rows\nof 2025", "nodes": ["fit"]},
    }
    assert second["error"] is None
    assert second["parameters"] == {"seed": "nan"}


def test_the_list_is_filtered(runs: list[RunMaker]) -> None:
    assert [run["pipeline"] for run in [_json("list", "--pipeline", "train")]] == ["train"]
    assert _json("list", "--result", "success")["result"] == "success"
    assert _json("list", "--limit", "1")["run_id"] == runs[1].session_id
    since = iso_time(START + 50 * SECOND)
    assert _json("list", "--since", since)["run_id"] == runs[1].session_id
    assert _json("list", "--until", since)["run_id"] == runs[0].session_id
    nothing = _call("list", "--since", "1h")
    assert (nothing.exit_code, nothing.stdout, nothing.stderr) == (0, "", "No run fits.\n")


def test_without_a_run_the_list_says_so(project: Path) -> None:
    result = _call("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"There is no run in the history yet: {project}/.pellucid/history.db.\n"
    assert _call("list", "--json").stdout == ""
    assert not (project / ".pellucid" / "history.db").exists()


def test_a_run_is_shown(runs: list[RunMaker]) -> None:
    result = _call("show", "last-failed", "--width", "90")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Run {runs[0].session_id}  failure in 9.00 s\n")
    assert "\x1b" not in result.stdout
    assert _call("show").stdout.startswith(f"Run {runs[1].session_id}  success")


def test_a_run_is_shown_as_json(runs: list[RunMaker]) -> None:
    found = _json("show", runs[0].session_id)
    assert found["critical_path"] == {
        "nodes": ["clean_companies", "join", "fit"],
        "seconds": pytest.approx(8.6),
    }
    assert sum(found["shares_seconds"][each] for each in ("load", "compute", "save", "idle")) == pytest.approx(9.0)
    assert found["slowest_nodes"][0] == {"name": "fit", "seconds": pytest.approx(4.6)}
    spans = {each["name"]: each for each in found["spans"]}
    assert len(spans) == 16
    error = {"type": "ValueError", "message": "the table has no rows\nof 2025", "traceback": None}
    assert spans["fit"]["error"] == error
    assert spans["fit"]["parent_id"] == spans["RUN train"]["span_id"]
    assert spans["session demo"]["parent_id"] is None
    assert spans["GET /weights"]["kind"] is None
    odd = {each["name"]: each for each in _json("show")["spans"]}["save odd"]["attributes"]
    assert (odd["numbers"], odd["raw"]) == ([1, 2.5, "inf"], "0102")


def test_runs_are_compared(runs: list[RunMaker]) -> None:
    first, second = (run.session_id for run in runs)
    assert "+ 2025-11-22T08.26.02.000Z" in _call("diff", first, second).stdout
    found = _json("diff", first, second)
    assert found["nodes_removed"] == ["clean_companies", "clean_reviews", "join"]
    assert found["nodes_added"] == []
    assert {"name": "result", "before": "failure", "after": "success"} in found["fields"]
    assert found["duration_seconds"] == {"before": 9.0, "after": 1.0}
    assert (found["before"]["run_id"], found["after"]["run_id"]) == (first, second)


def test_a_run_is_exported(runs: list[RunMaker], project: Path) -> None:
    request = json.loads(_call("export", runs[0].session_id).stdout)
    (resource,) = request["resourceSpans"]
    assert sum(len(scope["spans"]) for scope in resource["scopeSpans"]) == 16
    result = _call("export", runs[0].session_id, "-o", "run.json")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "run.json" in result.stderr
    assert json.loads((project / "run.json").read_text()) == request
    failed = _call("export", "-o", "nowhere/run.json")
    assert failed.exit_code == 2
    assert "nowhere/run.json: No such file or directory" in failed.output


def test_a_spool_that_cannot_be_read_keeps_nobody_from_the_history(runs: list[RunMaker], project: Path) -> None:
    (project / ".pellucid" / "spool").mkdir()
    (project / ".pellucid" / "spool" / "active").write_text("")
    result = _call("list", "--json")
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 2)


def test_old_runs_are_pruned(runs: list[RunMaker]) -> None:
    assert _call("prune", "--keep-days", "10000", "--keep-runs", "1", "--dry-run").stdout == (
        "1 run would be removed.\n"
    )
    assert len(_call("list", "--json").stdout.splitlines()) == 2
    assert _call("prune", "--keep-days", "10000", "--keep-runs", "1").stdout == "1 run removed.\n"
    assert _json("list")["run_id"] == runs[1].session_id
    assert _call("prune", "--keep-days", "10000").stdout == "0 runs removed.\n"


def test_the_configured_bounds_are_used_and_the_configured_place(project: Path) -> None:
    folder = project / "conf" / "base"
    folder.mkdir(parents=True)
    (folder / "observability.yml").write_text("history:\n  path: elsewhere/runs.db\n  keep_days: 1\n")
    HistoryStore(project / "elsewhere" / "runs.db").take(failed_run().segment())
    assert _json("list")["pipeline"] == "train"
    assert _call("prune").stdout == "1 run removed.\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("show", "2025-11-22T08.26.01.00Z"), "Did you mean '2025-11-22T08.26.01.000Z'"),
        (("show", "2025"), "Several runs begin with '2025'"),
        (("list", "--result", "sucess"), "Did you mean 'success'? Allowed are success, failure, error, timeout"),
        (("list", "--since", "yesterday"), "'yesterday' is no time. Give an age such as 30m"),
        (("list", "--limit", "0"), "0 is not in the range"),
        (("show", "lst"), "There is no run 'lst'. Did you mean 'last'?"),
        (("show", "LAST"), "Did you mean 'last'?"),
        (("show", "zzz"), "There is no run 'zzz'. See 'pellucid runs list'."),
        (("lst",), "There is no command 'lst'. Did you mean 'list'"),
    ],
)
def test_a_mistake_gets_one_clear_message(runs: list[RunMaker], args: tuple[str, ...], message: str) -> None:
    result = _call(*args)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


@pytest.mark.parametrize("args", [("list",), ("show",), ("prune",), ("prune", "--dry-run")])
def test_a_damaged_history_is_told_and_left_as_it_is(project: Path, args: tuple[str, ...]) -> None:
    path = project / ".pellucid/history.db"
    path.parent.mkdir()
    path.write_text("no database at all")
    result = _call(*args)
    assert result.exit_code == 2
    assert "is damaged: file is not a database. The next run sets it aside" in result.stderr
    assert [each.name for each in path.parent.iterdir()] == ["history.db"]
    assert path.read_text() == "no database at all"


def test_a_history_of_a_later_version_is_told(runs: list[RunMaker], project: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(project / ".pellucid" / "history.db")) as connection:
        connection.execute("PRAGMA user_version = 9")
    result = _call("list")
    assert result.exit_code == 2
    assert "schema version 9" in result.stderr


def test_outside_of_a_project_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = _call("list")
    assert type(result.exception).__name__ == "NotAProjectError"
    for group in ("runs", "telemetry"):
        whole = CliRunner().invoke(KedroCLI(tmp_path), [group, "list"])
        assert whole.exit_code == 2
        assert f"There is no project in {tmp_path} or above it" in whole.stderr


def test_the_project_of_the_command_line_goes_before_that_of_the_folder(
    runs: list[RunMaker], project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    class Metadata:
        project_path = project

    assert _call("list", obj=Metadata()).exit_code == 0


def test_what_the_latest_runs_left_cannot_be_collected(
    runs: list[RunMaker], project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (project / ".pellucid" / "spool").write_text("in the way")
    assert _call("list").exit_code == 0
    assert "they may be missing here" in caplog.text


@pytest.mark.parametrize("args", [(), ("list",), ("show",), ("diff",), ("export",), ("prune",)])
def test_every_command_has_help(args: tuple[str, ...]) -> None:
    result = _call(*args, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


@pytest.mark.processes
@pytest.mark.e2e
def test_in_a_process_of_its_own_it_imports_little_and_not_the_project(runs: list[RunMaker], project: Path) -> None:
    code = (
        "import sys\n"
        "from pellucid.observability._cli.runs import commands\n"
        "light = {'sqlite3', 'pellucid.observability.history', 'pellucid.observability.options'} & set(sys.modules)\n"
        "try:\n    commands(['runs', 'show', 'last'])\n"
        "finally:\n"
        "    heavy = {'opentelemetry', 'prometheus_client', 'structlog', 'ssl', 'demo'} & set(sys.modules)\n"
        "    print('imported', sorted(light | heavy))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=project / "src", capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(f"Run {runs[1].session_id}  success")
    assert ended.stdout.endswith("imported []\n")


# --------------------------------------------------------------------------- texts


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 us"),
        (0.0000125, "12 us"),
        (0.001, "1 ms"),
        (0.01234, "12.3 ms"),
        (0.45, "450 ms"),
        (0.9999, "1.00 s"),
        (9.999, "10.0 s"),
        (59.94, "59.9 s"),
        (99.96, "1 m 40 s"),
        (125, "2 m 05 s"),
        (3599.9, "1 h 00 m"),
        (86_400 * 2, "48 h 00 m"),
    ],
)
def test_durations_have_three_digits_and_a_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (999, "999 B"), (2048, "2.05 kB"), (3 * 10**15, "3e+03 TB")])
def test_sizes_have_a_unit(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.usefixtures("time_zone")
@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("30m", NOW - 1800 * SECOND),
        ("1.5h", NOW - 5400 * SECOND),
        ("2d", NOW - 2 * 86_400 * SECOND),
        ("1w", NOW - 7 * 86_400 * SECOND),
        ("45s", NOW - 45 * SECOND),
        ("1970-01-01T01:00", 0),
        ("1970-01-02", 23 * 3600 * SECOND),
        ("1970-01-01T00:00:01Z", SECOND),
        ("1970-01-01T00:00:01-01:00", 3601 * SECOND),
    ],
)
def test_times_are_ages_or_iso(text: str, time_ns: int) -> None:
    assert parse_time(text, "--since", NOW) == time_ns


@pytest.mark.usefixtures("time_zone")
def test_times_are_those_of_the_place() -> None:
    assert local_time(1_500_000_000) == "1970-01-01 01:00:01"
    assert iso_time(1_500_000_000) == "1970-01-01T01:00:01.500+01:00"
    assert iso_time(2**63 - 1).startswith("2262-")
    assert local_time(10**30) == "1970-01-01 01:00:00"


def test_values_are_shown_as_they_are_written() -> None:
    assert (shown("a"), shown({"a": [1, True]}), shown(b"x")) == ("a", '{"a": [1, true]}', "\"b'x'\"")


class _Terminal:
    def __init__(self, encoding: str | None, *, is_terminal: bool = True) -> None:
        self.encoding = encoding
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("stream", "variables", "expected"),
    [
        (_Terminal("utf-8"), {}, (77, True, True)),
        (_Terminal("utf-8"), {"NO_COLOR": "1"}, (77, False, True)),
        (_Terminal("utf-8"), {"TERM": "dumb"}, (77, False, False)),
        (_Terminal("ascii"), {}, (77, True, False)),
        (_Terminal("no-such-encoding"), {}, (77, True, False)),
        (_Terminal(None, is_terminal=False), {"COLUMNS": ""}, (100, False, False)),
        (_Terminal("utf-8", is_terminal=False), {"COLUMNS": ""}, (100, False, True)),
        (_Terminal("utf-8", is_terminal=False), {}, (77, False, True)),
    ],
)
def test_the_screen_is_what_stdout_is(
    monkeypatch: pytest.MonkeyPatch, stream: _Terminal, variables: dict[str, str], expected: tuple[int, bool, bool]
) -> None:
    for name, value in {"COLUMNS": "77", "TERM": "xterm", "NO_COLOR": "", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", stream)
    screen = Screen.of_stdout()
    assert (screen.columns, screen.has_colours, screen.is_unicode) == expected
    assert Screen.of_stdout(50).columns == 50
