from kedro.pipeline import node, pipeline

from .nodes import clean_companies, clean_reviews, clean_shuttles, join_tables


def create_pipeline(**kwargs):
    return pipeline(
        [
            node(clean_companies, "companies", "clean_companies", name="clean_companies", tags="cleaning"),
            node(clean_shuttles, ["shuttles", "params:split.cap"], "clean_shuttles", name="clean_shuttles", tags="cleaning"),
            node(clean_reviews, inputs="reviews", outputs="clean_reviews", name="clean_reviews", tags=["cleaning", "fast"]),
            node(
                join_tables,
                inputs={"companies": "clean_companies", "shuttles": "clean_shuttles", "reviews": "clean_reviews"},
                outputs="model_table@pandas",
            ),
        ]
    )
