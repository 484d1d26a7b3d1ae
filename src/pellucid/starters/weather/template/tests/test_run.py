"""The project's pipeline, run as ``pellucid run`` does."""

from pathlib import Path

from pellucid.framework.session import KedroSession
from pellucid.framework.startup import bootstrap_project

PROJECT = Path(__file__).parents[1]


def test_the_whole_pipeline_writes_a_report() -> None:
    bootstrap_project(PROJECT)
    with KedroSession.create(PROJECT) as session:
        report = session.run()["report"]
    assert "better than" in report.load()
