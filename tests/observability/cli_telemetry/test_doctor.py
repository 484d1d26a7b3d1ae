"""What ``telemetry doctor`` finds out about the databases and the clock, and that it changes nothing."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from email.utils import formatdate
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from click.testing import CliRunner
from tests.support.backends import Answer, Authority, Behaviour, HttpBackend
from tests.support.flow import span, written
from tests.support.history import SECOND, START, RunMaker, failed_run
from tests.support.metrics import segment_of
from tests.support.observed import observed_project

from pellucid.observability._cli import _telemetry_clock, _telemetry_files, _telemetry_stores
from pellucid.observability._cli.telemetry import commands
from pellucid.observability.history import HISTORY_SCHEMA, HistoryStore
from pellucid.observability.metrics import Deltas, TotalsStore

if TYPE_CHECKING:
    import socket
    from pathlib import Path

Checks = dict[str, dict[str, str]]


class Project(NamedTuple):
    project_path: Path
    package_name: str = "demo"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a history of two runs, and totals."""
    (tmp_path / "conf/base").mkdir(parents=True)
    (tmp_path / "conf/local").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("PELLUCID_ENV", "KEDRO_ENV", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    store = HistoryStore(tmp_path / ".pellucid/history.db")
    store.take(failed_run(1).segment("a"))
    store.take(RunMaker(2, started=60).run(1.0).segment("b"))
    assert len(store.runs()) == 2
    deltas = Deltas()
    deltas.count("telemetry_spans_total", 2, state="produced")
    TotalsStore(tmp_path / ".pellucid/metrics.db").add(deltas)
    return tmp_path


def examined(project: Path) -> Checks:
    result = CliRunner().invoke(commands, ["telemetry", "doctor", "--json"], obj=Project(project))
    assert result.stdout, result.exception
    return {each["name"]: each for each in json.loads(result.stdout)["checks"]}


def files_of(project: Path) -> dict[str, tuple[int, int, bytes]]:
    found = {}
    for path in (project / ".pellucid").rglob("*"):
        status = path.stat()
        found[str(path)] = (status.st_mtime_ns, status.st_mode, path.read_bytes() if path.is_file() else b"")
    return found


# --------------------------------------------------------------------------- databases


def test_good_databases_are_told_and_left_as_they_are(project: Path) -> None:
    before = files_of(project)
    found = examined(project)
    history, totals = found["run history"], found["totals"]
    assert (history["state"], totals["state"]) == ("OK", "OK")
    assert f"{project}/.pellucid/history.db, schema version " in history["text"]
    assert ", 2 runs, " in history["text"]
    assert ", 1 series, " in totals["text"]
    assert files_of(project) == before


def test_what_is_in_the_log_of_a_database_in_use_counts(project: Path) -> None:
    path = project / ".pellucid/history.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("DELETE FROM runs WHERE run_id = (SELECT min(run_id) FROM runs)")
        before = files_of(project)
        assert ", 1 run, " in examined(project)["run history"]["text"]
        after = files_of(project)
        del before[f"{path}-shm"], after[f"{path}-shm"]  # the locks of readers
        assert after == before


def test_what_nobody_has_looked_at_is_told_and_left_as_it_is(project: Path) -> None:
    HistoryStore(project / ".pellucid/history.db").take(RunMaker(3).run(1.0).segment("c"))
    TotalsStore(project / ".pellucid/metrics.db").take(segment_of("c", [b"{}"]))
    before = files_of(project)
    assert ", 2 runs, more in 1 unsorted file, " in examined(project)["run history"]["text"]
    assert ", 1 series, more in 1 uncounted file, " in examined(project)["totals"]["text"]
    assert files_of(project) == before


def test_databases_that_are_not_there_yet_are_no_problem(project: Path) -> None:
    (project / ".pellucid/history.db").unlink()
    (project / ".pellucid/metrics.db").write_bytes(b"")
    found = examined(project)
    assert (found["run history"]["state"], found["totals"]["state"]) == ("OK", "OK")
    assert found["run history"]["text"].endswith("is made by the first run")
    assert found["totals"]["text"].endswith("is empty until the first run")
    assert not (project / ".pellucid/history.db").exists()


def test_databases_that_are_not_kept_are_not_looked_at(project: Path) -> None:
    (project / "conf/base/observability.yml").write_text("history: {enabled: false}\nmetrics: {enabled: false}\n")
    assert not {"run history", "totals"} & examined(project).keys()


def garbage(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be looked at")


def half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: 4096 * 2] + b"\xff" * (len(content) - 4096 * 2))


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE runs (a)")


def without_a_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE segments")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "text", "fate_of_history"),
    [
        (garbage, "is damaged: file is not a database.", "sets it aside"),
        (half, "is damaged: ", "sets it aside"),
        (newer, "has schema version 99; here up to ", "Use the later pellucid"),
        (foreign, "is a database of something else", "Move it away"),
        (without_a_table, "is a database of something else (without the tables segments)", "Move it away"),
        (folder, "is no file", "Move it away"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_and_left_as_it_is(
    project: Path, spoil: Any, text: str, fate_of_history: str
) -> None:
    for name in ("history.db", "metrics.db"):
        spoil(project / ".pellucid" / name)
    before = files_of(project)
    found = examined(project)
    for name, file in (("run history", "history.db"), ("totals", "metrics.db")):
        assert found[name]["state"] == "FAIL"
        assert f"{project}/.pellucid/{file} {text}" in found[name]["text"]
    assert fate_of_history in found["run history"]["hint"]
    assert ("Move it away" if spoil is folder else "sets it aside") in found["totals"]["hint"]
    assert files_of(project) == before


def test_an_older_version_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = HISTORY_SCHEMA
    later = {**schema.versions, schema.latest + 1: ("CREATE TABLE more (a)",)}
    monkeypatch.setattr(_telemetry_stores, "HISTORY_SCHEMA", type(schema)(later))
    check = examined(project)["run history"]
    assert check["state"] == "OK"
    assert check["text"].endswith(f"; the next run brings it to version {schema.latest + 1}")


@pytest.mark.processes
def test_a_database_that_is_locked_is_told(project: Path) -> None:
    code = (
        "import sqlite3, sys\n"
        f"connection = sqlite3.connect({str(project / '.pellucid/history.db')!r}, isolation_level=None)\n"
        "connection.execute('PRAGMA locking_mode = EXCLUSIVE')\n"
        "connection.execute('BEGIN EXCLUSIVE')\n"
        "connection.execute('CREATE TABLE other (a)')\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        check = examined(project)["run history"]
        process.communicate()
    assert check["state"] == "WARN"
    assert "is locked by another process" in check["text"]


def test_a_file_that_takes_long_is_not_looked_through_to_its_end(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_telemetry_stores, "_SECONDS", -1.0)
    monkeypatch.setattr(_telemetry_stores, "_STEPS_BETWEEN_LOOKS", 1)
    check = examined(project)["run history"]
    assert check["state"] == "OK"
    assert "2 runs, " in check["text"]
    assert "not looked through to its end" in check["text"]


def test_what_is_written_while_it_is_looked_at_is_looked_at_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project / ".pellucid/history.db"
    good = path.read_bytes()
    garbage(path)
    look, looks = _telemetry_stores._looked_through, []

    def looked_through(store: Any) -> str:
        try:
            return look(store)
        finally:
            if store.path == path:
                looks.append(store)
                path.write_bytes(good)
                os.utime(path, ns=(0, len(looks)))

    monkeypatch.setattr(_telemetry_stores, "_looked_through", looked_through)
    assert examined(project)["run history"]["state"] == "OK"
    assert len(looks) == 2


# --------------------------------------------------------------------------- the clock


def test_a_clock_that_stands_before_the_latest_run_is_told(project: Path) -> None:
    assert examined(project)["clock"]["state"] == "OK"
    later = RunMaker(3, started=(time.time_ns() - START) / SECOND + 3600)
    store = HistoryStore(project / ".pellucid/history.db")
    store.take(later.run(1.0).segment())
    assert store.runs()[0].run_id == later.session_id
    check = examined(project)["clock"]
    assert check["state"] == "WARN"
    assert " before what the history has of the latest run (" in check["text"]
    assert check["hint"].startswith("Set it")


def test_a_clock_that_stands_before_the_files_of_the_spool_is_told(project: Path) -> None:
    written(project / ".pellucid/spool", [span("node")]).close()
    (path,) = (project / ".pellucid/spool/active").glob("*.seg")
    assert examined(project)["clock"]["state"] == "OK"
    ahead = time.time_ns() + 86_400 * SECOND
    os.utime(path, ns=(ahead, ahead))
    check = examined(project)["clock"]
    assert check["state"] == "WARN"
    assert f" before the file active/{path.name} of the spool (" in check["text"]


def test_a_clock_that_stands_before_what_was_taken_last_is_told(project: Path) -> None:
    with closing(sqlite3.connect(project / ".pellucid/history.db")) as connection:
        connection.execute("UPDATE segments SET taken_ns = taken_ns + 3600000000000")
        connection.commit()
    assert examined(project)["clock"]["state"] == "WARN"


@pytest.mark.parametrize("spoil", [garbage, foreign, folder])
def test_without_a_history_that_can_be_read_the_clock_is_checked_all_the_same(project: Path, spoil: Any) -> None:
    spoil(project / ".pellucid/history.db")
    assert examined(project)["clock"]["state"] == "OK"


def test_a_machine_that_has_lost_its_time_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(time_ns=lambda: 86_400 * SECOND, strftime=time.strftime, gmtime=time.gmtime)
    monkeypatch.setattr(_telemetry_clock, "time", clock)
    check = examined(project)["clock"]
    assert (check["state"], check["text"]) == ("FAIL", "it stands at 1970-01-02T00:00:00Z.")


class Dated(Behaviour):
    """Accepts what comes, and tells a time."""

    accepts = True

    def __init__(self, offset_seconds: float) -> None:
        self.offset_seconds = offset_seconds

    def act(self, backend: HttpBackend, connection: socket.socket) -> None:
        date = formatdate(time.time() + self.offset_seconds, usegmt=True)
        Answer(200, headers={"Date": date}).act(backend, connection)


@pytest.mark.parametrize(
    ("offset", "state", "text"),
    [(0, "OK", "as that of the endpoint"), (7200, "WARN", "this machine is -7"), (-7200, "WARN", "is +7")],
)
def test_the_clock_is_compared_with_that_of_an_endpoint_over_tls(
    project: Path, tmp_path: Path, offset: float, state: str, text: str
) -> None:
    authority = Authority.make(tmp_path)
    with HttpBackend([Dated(offset)], tls=authority.server(wants_client=True)) as backend:
        (project / "conf/base/observability.yml").write_text(
            f"tracing: {{otlp: {{endpoint: '{backend.url}', certificate: '{authority.certificate}', "
            f"client_certificate: '{authority.certificate}', client_key: '{authority.key}'}}}}\n"
        )
        check = examined(project)["clock of spans"]
    assert check["state"] == state, check
    assert text in check["text"]


def test_an_endpoint_that_does_not_tell_the_time(project: Path) -> None:
    with HttpBackend([Answer(200)]) as backend:
        (project / "conf/base/observability.yml").write_text(f"tracing: {{otlp: {{endpoint: '{backend.url}'}}}}\n")
        check = examined(project)["clock of spans"]
    assert (check["state"], check["text"]) == ("OK", "the endpoint does not tell the time")


# --------------------------------------------------------------------------- owners


def test_where_users_have_no_numbers_owners_are_not_checked(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / ".pellucid").chmod(0o755)
    monkeypatch.setattr(_telemetry_files, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.delattr(os, "getuid")
    assert examined(project)["history"]["state"] == "OK"


# --------------------------------------------------------------------------- sizes


@pytest.mark.processes
@pytest.mark.e2e
def test_as_many_spans_are_foretold_as_a_run_makes(tmp_path: Path) -> None:
    observed = observed_project(tmp_path)
    assert observed.run()[0] == 0
    ended = subprocess.run(
        [sys.executable, "-m", "pellucid", "telemetry", "doctor", "--json"],
        cwd=observed.path,
        env={**os.environ, "OTEL_SDK_DISABLED": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = {each["name"]: each["text"] for each in json.loads(ended.stdout)["checks"]}
    assert found["spans of a run"] == f"{len(observed.spans())} from '__default__', with 4 nodes"
    assert "series of a run" in found


# --------------------------------------------------------------------------- pipelines that are expected


def test_a_pipeline_that_is_expected_and_not_there_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.framework.project.pipelines", {"nightly": None, "weekly": None})
    settings = project / "conf/base/observability.yml"
    settings.write_text("expected_interval_seconds: {nigthly: 86400, nightly+weekly: 3600}\n")
    check = examined(project)["expected_interval_seconds"]
    assert check["state"] == "WARN"
    assert "'nigthly'" in check["text"]
    assert "'nightly'" in check["text"]
    settings.write_text("expected_interval_seconds: {nightly+weekly: 3600}\n")
    assert examined(project)["expected_interval_seconds"]["state"] == "OK"
    settings.write_text("{}\n")
    assert "expected_interval_seconds" not in examined(project)
