"""What the history and the last line have of a run that is not sampled, or not traced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.observed import lines_of, observed_project

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = "http://127.0.0.1:1/v1/traces"


@pytest.mark.parametrize("sampler", ["always_off", "traceidratio"])
def test_a_trace_that_is_not_sampled_is_whole_in_the_history_and_the_last_line_says_so(
    tmp_path: Path, sampler: str
) -> None:
    observed = observed_project(tmp_path)
    environment = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": NOWHERE,
        "OTEL_TRACES_SAMPLER": sampler,
        "OTEL_TRACES_SAMPLER_ARG": "0" if sampler == "traceidratio" else "",
    }
    code, _, err = observed.run(**environment)
    last = lines_of(err)[-1]
    assert code == 0, err
    assert (last["spans"], last["delivered"], last["kept"], last["dropped"]) == (18, 0, 0, 0)
    assert last["place"] == str(observed.path / ".pellucid" / "history.db")
    assert len(observed.spans()) == 18


def test_a_run_that_is_not_traced_makes_no_history(tmp_path: Path) -> None:
    observed = observed_project(tmp_path)
    observed.configure("tracing:\n  enabled: false\n")
    code, _, err = observed.run(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=NOWHERE)
    last = lines_of(err)[-1]
    assert code == 0, err
    assert last["spans"] == 0
    assert "place" not in last
    assert not (observed.path / ".pellucid" / "history.db").exists()
    assert (observed.path / ".pellucid" / "metrics.db").exists()


def test_a_run_that_is_not_traced_keeps_what_a_traced_one_left(tmp_path: Path) -> None:
    observed = observed_project(tmp_path)
    observed.run(body=KILLED)
    observed.configure("tracing:\n  enabled: false\n")
    observed.run()
    (run,) = observed.runs()
    assert (run.result, run.error_type) == ("error", "ProcessLost")


KILLED = """
session = KedroSession.create()
class Killer:
    from pellucid.framework.hooks import hook_impl
    @hook_impl
    def before_node_run(self, node):
        os._exit(9)
session._hook_manager.register(Killer())
session.run()
"""
