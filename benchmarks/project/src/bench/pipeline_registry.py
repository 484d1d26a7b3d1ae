"""The pipelines that are measured: BENCH_SHAPE says which, BENCH_NODES how many nodes it has."""

from __future__ import annotations

import importlib
import os
from typing import Any

from . import nodes

_engine = importlib.import_module(f"{os.environ['BENCH_ENGINE']}.pipeline")
_node = _engine.node


def _chain(count: int) -> list[Any]:
    first = _node(nodes.same, "params:number", "d0", name="n0")
    return [first, *(_node(nodes.same, f"d{i - 1}", f"d{i}", name=f"n{i}") for i in range(1, count))]


def _fan_out(count: int) -> list[Any]:
    first = _node(nodes.same, "params:number", "d0", name="n0")
    return [first, *(_node(nodes.same, "d0", f"d{i}", name=f"n{i}") for i in range(1, count))]


def _independent(count: int) -> list[Any]:
    return [_node(nodes.same, "params:number", f"d{i}", name=f"n{i}") for i in range(count)]


def _first(_: int) -> list[Any]:
    return [_node(nodes.stamp, "params:number", "stamped", name="first")]


def _transport(_: int) -> list[Any]:
    return [
        _node(nodes.make, "params:number", ["data", "made"], name="make"),
        _node(nodes.use, "data", "used", name="use"),
    ]


_SHAPES = {
    "chain": _chain,
    "fan-out": _fan_out,
    "independent": _independent,
    "first": _first,
    "transport": _transport,
}


def register_pipelines() -> dict[str, Any]:
    shape = _SHAPES[os.environ["BENCH_SHAPE"]]
    return {"__default__": _engine.pipeline(shape(int(os.environ["BENCH_NODES"])))}
