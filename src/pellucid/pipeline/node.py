"""Nodes, the steps of pipelines."""

from __future__ import annotations

from pellucid.pipeline._grouping import GroupedNodes
from pellucid.pipeline._node import Node, node

__all__ = ["GroupedNodes", "Node", "node"]
