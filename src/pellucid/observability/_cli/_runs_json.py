"""Runs as JSON: names and types here are promised to stay.

A run::

    run_id, session_id, pipeline, result, trace_id: texts; the result of a run that is going on is ``running``
    started, ended: ISO 8601 with offset; ended is null while the run is going on
    duration_seconds: a number; so far, while the run is going on
    env, runner, commit: texts, or null where they are not known
    parameters: an object
    selection: null, or what nodes were chosen by: {tags, from_nodes, ...}
    pipeline_nodes: how many nodes the whole pipeline has, where a part of it was chosen; else null
    nodes: {total, done, failed}: numbers
    error: null, or {type, message, nodes: names of those that failed or were at work}
"""

from __future__ import annotations

import json
from copy import copy
from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING, Any

from pellucid.observability._cli._runs_text import iso_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pellucid.observability.history import RunDiff, RunSummary, StoredSpan

_SPANS_AT_ONCE = 500


def run_json(run: RunSummary) -> dict[str, Any]:
    """Return what is said of one run."""
    is_failed = bool(run.error_type or run.error_message or run.failed_nodes)
    return {
        "run_id": run.run_id,
        "session_id": run.session_id,
        "pipeline": run.pipeline,
        "result": run.result,
        "started": iso_time(run.started_ns),
        "ended": None if run.is_running else iso_time(run.ended_ns),
        "duration_seconds": run.duration_seconds,
        "trace_id": run.trace_id.hex(),
        "env": run.env or None,
        "runner": run.runner or None,
        "commit": run.commit or None,
        "parameters": dict(run.parameters),
        "selection": dict(run.selection.chosen) or None,
        "pipeline_nodes": run.selection.pipeline_nodes or None,
        "nodes": run.nodes._asdict(),
        "error": (
            {"type": run.error_type, "message": run.error_message, "nodes": list(run.failed_nodes)}
            if is_failed
            else None
        ),
    }


def span_json(span: StoredSpan) -> dict[str, Any]:
    """Return what is said of one span: ids, kind, name, times, result, error with its traceback, and attributes."""
    error = {"type": span.error_name, "message": span.error_message, "traceback": span.traceback or None}
    return {
        "span_id": span.span_id.hex(),
        "parent_id": span.parent_id.hex() or None,
        "kind": span.kind or None,
        "name": span.name,
        "started": iso_time(span.started_ns),
        "duration_seconds": span.duration_ns / 1e9,
        "result": span.result or None,
        "error": error if span.has_failed else None,
        "attributes": dict(span.attributes),
    }


def diff_json(before: RunSummary, after: RunSummary, diff: RunDiff) -> dict[str, Any]:
    """Return two runs, and what is different: changed fields and parameters, all nodes, changed datasets."""
    return {
        "before": run_json(before),
        "after": run_json(after),
        "duration_seconds": {"before": diff.before_seconds, "after": diff.after_seconds},
        "fields": [each._asdict() for each in diff.fields],
        "parameters": [each._asdict() for each in diff.parameters],
        "nodes": [each._asdict() for each in diff.nodes],
        "nodes_added": diff.added,
        "nodes_removed": diff.removed,
        "datasets": [each._asdict() for each in diff.datasets],
    }


def dumped(data: Any, indent: int | None = None) -> str:
    """Return JSON, in ASCII, of what JSON can say."""
    try:
        return json.dumps(data, indent=indent, allow_nan=False, default=_other)
    except ValueError:
        return json.dumps(_plain(data), indent=indent, allow_nan=False, default=_other)


def dumped_with_spans(data: Mapping[str, Any], spans: Iterable[StoredSpan]) -> Iterator[str]:
    """Yield in pieces the JSON of an object, with spans as what comes last in it: there may be very many.

    Args:
        data: the object, without them; it is not empty.
        spans: of a run.
    """
    yield f'{dumped(data)[:-1]}, "spans": ['
    remaining, between = iter(spans), ""
    # What is read of a span to write it down stays in that copy, and goes with it.
    while batch := [span_json(copy(each)) for each in islice(remaining, _SPANS_AT_ONCE)]:
        yield between + dumped(batch)[1:-1]
        between = ", "
    yield "]}"


def _plain(data: Any) -> Any:
    if isinstance(data, float) and not isfinite(data):
        return str(data)
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    return [_plain(each) for each in data] if isinstance(data, (list, tuple)) else data


def _other(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else type(value).__name__
