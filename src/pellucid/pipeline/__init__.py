"""Nodes and the pipelines that they make."""

from __future__ import annotations

from pellucid.pipeline.node import GroupedNodes, Node, node
from pellucid.pipeline.pipeline import Pipeline, pipeline

__all__ = ["GroupedNodes", "Node", "Pipeline", "node", "pipeline"]
