"""The command ``runs show``: one run, and where its time went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pellucid.observability._cli._runs_json import dumped, run_json, span_json
from pellucid.observability._cli._runs_store import opened_history
from pellucid.observability._cli._runs_text import Screen, columns_of, duration, local_time, shown
from pellucid.observability._cli._runs_waterfall import waterfall
from pellucid.observability.history import critical_path, node_works, shares, slowest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pellucid.observability.history import NodeWork, RunSummary, Shares, StoredSpan

_MOST_PARAMETERS = 20
_MOST_ON_PATH = 12


def echo_run(ctx: click.Context, env: str | None, text: str, width: int | None, *, as_json: bool) -> None:
    """Write one run."""
    with opened_history(ctx, env) as history:
        run = history.store.find(text)
        spans = history.store.spans(run)
    if as_json:
        click.echo(dumped(detail_json(run, spans)))
        return
    screen = Screen.of_stdout(width)
    for line in report(run, spans, screen):
        click.echo(line, color=screen.has_colours)


def detail_json(run: RunSummary, spans: Sequence[StoredSpan]) -> dict[str, Any]:
    """Return one run as JSON data, with its spans, critical path, shares of time and slowest nodes."""
    works = node_works(spans)
    path = critical_path(works)
    return {
        **run_json(run),
        "critical_path": {
            "nodes": [each.span.node for each in path],
            "seconds": sum(each.span.duration_ns for each in path) / 1e9,
        },
        "shares_seconds": shares(works, run.started_ns, run.ended_ns)._asdict(),
        "slowest_nodes": [{"name": each.span.node, "seconds": each.span.duration_ns / 1e9} for each in slowest(works)],
        "spans": [span_json(each) for each in spans],
    }


def report(run: RunSummary, spans: Sequence[StoredSpan], screen: Screen) -> Iterator[str]:
    """Yield the lines about one run."""
    works = node_works(spans)
    path = critical_path(works)
    yield from _head(run, screen)
    if spans:
        yield ""
        yield from waterfall(spans, {each.span.span_id for each in path}, screen)
    if works:
        yield ""
        yield from _path(path, run, screen)
        yield from _time(shares(works, run.started_ns, run.ended_ns), screen)
        yield from _slowest(works, screen)


def _head(run: RunSummary, screen: Screen) -> Iterator[str]:
    dot = f" {screen.sign('·', '-')} "
    title = screen.fitted(f"Run {run.run_id}", screen.columns)
    ending = f"  {screen.of_result(run.result, run.result)} in {duration(run.duration_seconds)}"
    has_room = columns_of(title) + len(f"  {run.result} in {duration(run.duration_seconds)}") <= screen.columns
    yield from [screen.styled(title, bold=True) + ending] if has_room else [screen.styled(title, bold=True), ending]
    about = [
        f"pipeline {run.pipeline}" if run.pipeline else "no run was started",
        f"nodes {run.nodes.done}/{run.nodes.total}",
        f"env {run.env}" if run.env else "",
        run.runner,
    ]
    yield screen.fitted("  " + dot.join(each for each in about if each), screen.columns)
    origin = [f"started {local_time(run.started_ns)}", f"commit {run.commit[:12]}" if run.commit else ""]
    yield screen.fitted("  " + dot.join(each for each in origin if each), screen.columns)
    yield f"  trace {run.trace_id.hex()}"
    parameters = [f"{name}={shown(value)}" for name, value in run.parameters.items()]
    if parameters:
        more = f" and {len(parameters) - _MOST_PARAMETERS} more" if len(parameters) > _MOST_PARAMETERS else ""
        text = f"  parameters {', '.join(parameters[:_MOST_PARAMETERS])}{more}"
        yield screen.fitted(text, screen.columns)
    yield from _error(run, screen)


def _error(run: RunSummary, screen: Screen) -> Iterator[str]:
    if run.result in {"success", "skip"}:
        return
    where = f" in {', '.join(run.failed_nodes)}" if run.failed_nodes else ""
    message = f": {run.error_message}" if run.error_message else ""
    text = screen.fitted(f"  {run.error_type or run.result}{where}{message}", screen.columns)
    yield screen.of_result(text, run.result)


def _path(path: Sequence[NodeWork], run: RunSummary, screen: Screen) -> Iterator[str]:
    seconds = sum(each.span.duration_ns for each in path) / 1e9
    names = [each.span.node for each in path]
    if len(names) > _MOST_ON_PATH:
        names = [*names[: _MOST_ON_PATH - 1], screen.sign("…", "..."), names[-1]]
    arrow = f" {screen.sign('→', '->')} "
    part = _percent(seconds, run.duration_seconds)
    yield from screen.wrapped("Critical path *", f"{duration(seconds)} ({part}): {arrow.join(names)}")


def _time(time: Shares, screen: Screen) -> Iterator[str]:
    parts = [
        f"{name} {_percent(seconds, time.total)}"
        for name, seconds in (("load", time.load), ("compute", time.compute), ("save", time.save), ("idle", time.idle))
    ]
    dot = f" {screen.sign('·', '-')} "
    waited = f"{dot}nodes waited {duration(time.queue)} for a worker" if time.queue > 0 else ""
    yield from screen.wrapped("Time", f"{dot.join(parts)}{waited}")


def _slowest(works: Sequence[NodeWork], screen: Screen) -> Iterator[str]:
    named = [f"{each.span.node} {duration(each.span.duration_ns / 1e9)}" for each in slowest(works)]
    dot = f" {screen.sign('·', '-')} "
    yield from screen.wrapped("Slowest nodes", dot.join(named))


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole > 0 else "0 %"
