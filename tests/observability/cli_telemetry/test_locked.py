"""Where a run's spans are while somebody holds the history."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.support.observed import lines_of, observed_project

from pellucid.observability._cli.runs import commands as runs_commands
from pellucid.observability._cli.telemetry import commands

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.processes, pytest.mark.e2e]


def test_the_last_line_and_the_status_tell_where_the_spans_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    observed = observed_project(tmp_path)
    monkeypatch.chdir(observed.path)

    def last_line() -> dict[str, Any]:
        code, _, err = observed.run(PELLUCID_TELEMETRY_STRICT="")
        assert code == 0, err
        return next(line for line in reversed(lines_of(err)) if line["event"] == "telemetry.closed")

    def waiting() -> int:
        found = CliRunner().invoke(commands, ["telemetry", "status", "--json"]).stdout
        return int(json.loads(found)["stores"]["history"]["files"])

    history = observed.path / ".pellucid/history.db"
    assert last_line()["place"] == str(history)
    with closing(sqlite3.connect(history, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        told = last_line()
        assert told["place"] == str(observed.path / ".pellucid/spool")
        assert told["kept"] == told["spans"] > 0
        assert waiting() == 1
        text = CliRunner().invoke(commands, ["telemetry", "status"]).stdout
        assert re.search(r"^History     1 file, .*, as it could not be written to$", text, re.MULTILINE)
        connection.execute("ROLLBACK")
    assert len(CliRunner().invoke(runs_commands, ["runs", "list", "--json"]).stdout.splitlines()) == 2
    assert waiting() == 0
    assert last_line()["place"] == str(history)
