from kedro.pipeline import node, pipeline

from .nodes import fit, split


def create_pipeline(**kwargs):
    template = pipeline(
        [
            node(split, ["model_table@pandas", "params:split"], ["train", "test"], name="split"),
            node(fit, ["train", "test", "params:features"], "coefficients", name="fit"),
        ]
    )
    areas = [
        pipeline(
            template,
            namespace=area,
            inputs={"model_table@pandas": "model_table@pandas"},
            parameters={"params:split": "params:split"},
        )
        for area in ("cheap", "dear")
    ]
    return sum(areas)
