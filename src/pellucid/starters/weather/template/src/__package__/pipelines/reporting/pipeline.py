"""The reporting pipeline."""

from __future__ import annotations

from pellucid.pipeline import Pipeline, node, pipeline

from .nodes import plot_climate, plot_forecast, write_report


def create_pipeline() -> Pipeline:
    """Draw the forecast and the climate, and write the report that shows both."""
    return pipeline(
        [
            node(plot_forecast, ["forecast", "params:figure"], "forecast_figure", name="plot_forecast"),
            node(plot_climate, ["climate", "params:figure"], "climate_figure", name="plot_climate"),
            node(write_report, ["calendar", "climate", "scores"], "report", name="write_report"),
        ],
        tags="reporting",
    )
