"""How the nodes of '{{ pipeline_name }}' are connected."""

from __future__ import annotations

from typing import Any

from pellucid.pipeline import Pipeline, pipeline


def create_pipeline(**kwargs: Any) -> Pipeline:
    """Return the pipeline."""
    return pipeline([])
