"""What is known of a run or a node when it starts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import RunTerminated, WorkerLostError
from pellucid.framework.project import pipelines
from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    from pellucid.observability.hooks._table import OpenRun
    from pellucid.observability.recording import Recording
    from pellucid.observability.records import Result, RunScope

__all__ = ["node_attributes", "result_of", "run_attributes", "run_name"]

_SELECTION = ("tags", "from_nodes", "to_nodes", "node_names", "from_inputs", "to_outputs", "namespaces")


def result_of(error: BaseException | None) -> Result:
    """Return how something ended, by what it ended with."""
    if error is None:
        return "success"
    if isinstance(error, (KeyboardInterrupt, RunTerminated)):
        return "cancellation"
    return "error" if isinstance(error, (WorkerLostError, MemoryError)) else "failure"


def run_name(run_params: dict[str, Any]) -> str:
    """Return what a run's pipeline is called; several names are joined by ``+``."""
    names = run_params.get("pipeline_names") or [run_params.get("pipeline_name")]
    return "+".join(str(each) for each in names if each) or "__default__"


def run_attributes(
    recording: Recording, run_params: dict[str, Any], name: str, pipeline: Any, run: OpenRun
) -> dict[str, Any]:
    """Return the attributes of a run's span."""
    redactor = recording.redactor
    found: dict[str, Any] = {
        Attr.KIND: "run",
        Attr.SESSION_ID: recording.session_id,
        Attr.PIPELINE_NAME: name,
        Attr.PIPELINE_RUN_ID: run_params["run_id"],
        Attr.NODE_COUNT: len(pipeline.nodes),
        Attr.RUNNER: str(run_params.get("runner") or ""),
        Attr.ENV: str(run_params.get("env") or run.env),
        **recording.provenance,
    }
    shown = redactor.value("parameters", run.parameters)
    found[Attr.PARAMETERS] = json.dumps(shown, sort_keys=True, ensure_ascii=False)
    chosen: dict[str, Any] = {each: list(run_params[each]) for each in _SELECTION if run_params.get(each)}
    if run_params.get("only_missing_outputs"):
        chosen["only_missing_outputs"] = True
    if chosen:
        found[Attr.SELECTION] = json.dumps(redactor.value("selection", chosen), sort_keys=True, ensure_ascii=False)
        found[Attr.PIPELINE_NODE_COUNT] = _nodes_of_whole(run_params)
    return found


def _nodes_of_whole(run_params: dict[str, Any]) -> int:
    names = run_params.get("pipeline_names") or [run_params.get("pipeline_name") or "__default__"]
    whole = [pipelines[each] for each in names if each in pipelines]
    return len({node.name for pipeline in whole for node in pipeline.nodes})


def node_attributes(scope: RunScope, node: Any, name: str, is_async: bool) -> dict[str, Any]:
    """Return the attributes of the span of a node that has a name."""
    found: dict[str, Any] = {
        Attr.KIND: "node",
        Attr.TASK_NAME: name,
        Attr.PIPELINE_NAME: scope.pipeline,
        Attr.PIPELINE_RUN_ID: scope.run_id,
        Attr.CODE_FUNCTION: _function_name(node.func),
        Attr.IS_ASYNC: is_async,
    }
    if node.tags:
        found[Attr.TAGS] = sorted(node.tags)
    if node.namespace:
        found[Attr.NAMESPACE] = node.namespace
    return found


def _function_name(function: Any) -> str:
    inner = getattr(function, "func", function)  # a partial
    name = getattr(inner, "__qualname__", None) or type(inner).__qualname__
    module = getattr(inner, "__module__", None)
    return f"{module}.{name}" if module else name
