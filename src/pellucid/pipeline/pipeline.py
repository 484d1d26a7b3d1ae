"""Pipelines of nodes, and what can be wrong with them."""

from __future__ import annotations

from pellucid.exceptions import (
    CircularDependencyError,
    ConfirmNotUniqueError,
    EmptyPipelineError,
    OutputNotUniqueError,
    PipelineError,
    UnknownNameError,
)
from pellucid.pipeline._pipeline import Pipeline, pipeline
from pellucid.pipeline._transcoding import TRANSCODING_SEPARATOR, _strip_transcoding, _transcode_split

__all__ = [
    "TRANSCODING_SEPARATOR",
    "CircularDependencyError",
    "ConfirmNotUniqueError",
    "EmptyPipelineError",
    "OutputNotUniqueError",
    "Pipeline",
    "PipelineError",
    "UnknownNameError",
    "_strip_transcoding",
    "_transcode_split",
    "pipeline",
]
