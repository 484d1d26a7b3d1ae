"""A session runtime for data pipelines, with every run traced, measured and logged."""

__version__ = "0.1.0"
