"""Warnings of Python go where log lines go, with their form and without secrets."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

import pytest
from tests.support.observed import lines_of, observed_project

from pellucid.observability.logs._warnings import WarningLines

if TYPE_CHECKING:
    from pathlib import Path

NODES = """
import warnings
from pellucid.pipeline import node, pipeline

def warns(raw):
    warnings.warn("deprecated: hunter2-Zq91 is the password")
    return raw

def create_pipeline(**kwargs):
    return pipeline([node(warns, "raw_orders", "report", name="warns")])
"""


@pytest.mark.processes
def test_a_warning_of_a_node_is_a_line_of_the_run(tmp_path: Path) -> None:
    observed = observed_project(tmp_path / "project", NODES)
    observed.project.write("conf/base/credentials.yml", "database:\n  password: hunter2-Zq91\n")
    code, _, err = observed.run()
    assert code == 0, err
    (line,) = [line for line in lines_of(err) if line["logger"] == "py.warnings"]
    assert (line["level"], line["node"]) == ("WARNING", "warns")
    assert line["event"].startswith("UserWarning: deprecated: ")
    assert "nodes" in line["event"] or "pipelines" in line["event"]
    assert "hunter2" not in err
    file = (observed.path / ".pellucid" / "logs" / "pellucid.jsonl").read_text("utf-8")
    assert "UserWarning: deprecated" in file
    assert "hunter2" not in file


def test_who_records_warnings_goes_on_to_get_them(caplog: pytest.LogCaptureFixture) -> None:
    lines = WarningLines()
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        lines.open()
        warnings.warn("for the test", stacklevel=1)
        lines.close()
    assert [str(each.message) for each in found] == ["for the test"]
    assert not caplog.records


def test_what_shows_warnings_already_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def mine(*_arguments: object) -> None: ...

    monkeypatch.setattr(warnings, "showwarning", mine)
    lines = WarningLines()
    lines.open()
    assert warnings.showwarning is mine
    lines.close()
    assert warnings.showwarning is mine


def test_a_place_that_was_asked_for_gets_the_warning_and_others_that_take_over_are_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = warnings.WarningMessage.__init__.__globals__["_showwarning_orig"]
    with warnings.catch_warnings():
        monkeypatch.setattr(warnings, "showwarning", own)
        monkeypatch.setattr(warnings, "_showwarnmsg_impl", own.__globals__["_showwarnmsg"], raising=False)
        lines = WarningLines()
        lines.open()
        assert warnings.showwarning is not own
        with (tmp_path / "warnings.txt").open("w") as file:
            lines._before = lambda *arguments: file.write(str(arguments[0]))
            warnings.showwarning("to a file", UserWarning, "a.py", 1, file=file)
        with caplog.at_level(logging.WARNING):
            warnings.showwarning("to the log", UserWarning, "a.py", 1)
        assert [record.getMessage() for record in caplog.records] == ["UserWarning: to the log (a.py:1)"]
        monkeypatch.setattr(warnings, "showwarning", print)
        lines.close()
        assert warnings.showwarning is print
    assert (tmp_path / "warnings.txt").read_text() == "to a file"
