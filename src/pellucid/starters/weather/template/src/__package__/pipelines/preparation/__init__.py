"""From the raw file to clean observations, and what they say about the climate."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
