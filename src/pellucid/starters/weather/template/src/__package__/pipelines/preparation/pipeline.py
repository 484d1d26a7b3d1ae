"""The preparation pipeline."""

from __future__ import annotations

from pellucid.pipeline import Pipeline, node, pipeline

from .nodes import check_calendar, clean_weather, describe_climate


def create_pipeline() -> Pipeline:
    """Clean the raw rows, then check and summarise them in two branches."""
    return pipeline(
        [
            node(clean_weather, "raw_weather", "observations", name="clean_weather"),
            node(check_calendar, "observations", "calendar", name="check_calendar"),
            node(describe_climate, "observations", "climate", name="describe_climate"),
        ],
        tags="preparation",
    )
