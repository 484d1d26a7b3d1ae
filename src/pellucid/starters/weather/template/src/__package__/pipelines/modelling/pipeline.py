"""The modelling pipeline."""

from __future__ import annotations

from pellucid.pipeline import Pipeline, node, pipeline

from .nodes import evaluate, fit_model, guess_without_model, make_features, predict, split_by_date


def create_pipeline() -> Pipeline:
    """Fit on the earlier years, then compare the model with two guesses on the last one."""
    return pipeline(
        [
            node(make_features, ["observations", "params:model"], "features", name="make_features"),
            node(split_by_date, ["features", "params:test_from"], ["train", "test"], name="split_by_date"),
            node(fit_model, ["train", "params:model"], "model", name="fit_model"),
            node(predict, ["model", "test"], "forecast", name="predict"),
            node(guess_without_model, ["train", "test"], "guesses", name="guess_without_model"),
            node(evaluate, ["forecast", "guesses"], "scores", name="evaluate"),
        ],
        tags="modelling",
    )
