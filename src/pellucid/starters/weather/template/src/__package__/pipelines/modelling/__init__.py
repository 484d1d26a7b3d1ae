"""A small model of tomorrow's highest temperature, and how good it is."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
