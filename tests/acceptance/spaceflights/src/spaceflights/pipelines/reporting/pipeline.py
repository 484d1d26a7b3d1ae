from kedro.pipeline import node, pipeline

from .nodes import compare, stream


def create_pipeline(**kwargs):
    return pipeline(
        [
            node(compare, ["cheap.coefficients", "dear.coefficients", "params:currency"], "price_report", name="compare"),
            node(stream, ["companies", "price_report"], "chunks", name="stream"),
        ],
        tags="reporting",
    )
