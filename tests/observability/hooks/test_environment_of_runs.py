"""The environment of the configuration that a run was made with."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from pellucid.framework.session import KedroSession
from pellucid.framework.startup import bootstrap_project
from pellucid.observability.semconv import Attr
from pellucid.testing import captured_telemetry, make_project

if TYPE_CHECKING:
    from pathlib import Path

NODES = """
    from pellucid.pipeline import node, pipeline

    def create_pipeline(**kwargs):
        return pipeline([node(lambda: 1, None, "one", name="one")])
"""


@pytest.mark.parametrize(("given", "recorded"), [(None, "local"), ("base", "base")])
def test_the_environment_is_recorded_also_where_it_is_the_default(
    tmp_path: Path, given: str | None, recorded: str
) -> None:
    bootstrap_project(make_project(tmp_path / "p", pipelines={"p": NODES}, package="project_of_env"))
    try:
        with captured_telemetry() as telemetry, KedroSession.create(env=given) as session:
            session.run()
    finally:
        for name in [each for each in sys.modules if each.startswith("project_of_env")]:
            del sys.modules[name]
    (run,) = [span for span in telemetry.spans if span.kind == "run"]
    assert run.attributes[Attr.ENV] == recorded
