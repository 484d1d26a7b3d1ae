"""The command ``runs show``: one run, and where its time went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from pellucid.observability._cli._runs_facts import ending, is_partial, nodes, part
from pellucid.observability._cli._runs_failure import failures, place_of
from pellucid.observability._cli._runs_json import dumped_with_spans, run_json
from pellucid.observability._cli._runs_store import opened_history
from pellucid.observability._cli._runs_text import Screen, columns_of, duration, local_time, shown
from pellucid.observability._cli._runs_waterfall import waterfall
from pellucid.observability.history import RUNNING, critical_path, flattened, node_works, shares, slowest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pellucid.observability.history import NodeWork, RunSummary, Shares, StoredSpan

_MOST_LINES = 6
_MOST_PLACES = 5
_MOST_ON_PATH = 12
_INDENT = 13
_LOST = "ProcessLost"
_WHAT_LOST_IS = (
    "The process ended without a word: killed (SIGKILL, out of memory), or by os._exit. It was last seen alive {} "
    "after its start; what was open then is shown as ended at that time."
)


class Details(NamedTuple):
    """What is shown beyond the usual.

    Attributes:
        parameters: all of them.
        tracebacks: those of what failed.
    """

    parameters: bool = False
    tracebacks: bool = False


_USUAL = Details()


def echo_run(
    ctx: click.Context, env: str | None, text: str, width: int | None, details: Details, *, as_json: bool
) -> None:
    """Write one run."""
    with opened_history(ctx, env) as history:
        run = history.runs.find(text)
        spans = history.runs.spans(run)
        folder = history.folder
    if as_json:
        for piece in dumped_with_spans(detail_json(run, spans), spans):
            click.echo(piece, nl=False)
        click.echo()
        return
    screen = Screen.of_stdout(width)
    for line in report(run, spans, screen, folder, details):
        click.echo(line, color=screen.has_colours)


def detail_json(run: RunSummary, spans: Sequence[StoredSpan]) -> dict[str, Any]:
    """Return one run as JSON data, with its critical path, shares of time and slowest nodes."""
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
    }


def report(
    run: RunSummary, spans: Sequence[StoredSpan], screen: Screen, folder: Path, details: Details = _USUAL
) -> Iterator[str]:
    """Yield the lines about one run; only those of parameters and tracebacks that were asked for may be any long.

    Args:
        run: that is shown.
        spans: of it.
        screen: what the lines must fit.
        folder: of the project.
        details: what else is asked for.
    """
    works = node_works(spans)
    path = critical_path(works)
    yield from _head(run, screen)
    yield from _parameters(run, screen, is_whole=details.parameters)
    yield from _at_work(works, screen)
    failed = failures(spans)
    yield from _error(run, failed, screen, folder)
    if spans:
        yield ""
        yield from waterfall(spans, {each.span.span_id for each in path}, screen)
    if works:
        yield ""
        yield from _path(path, run, screen)
        yield from _time(shares(works, run.started_ns, run.ended_ns), screen)
        yield from _slowest(works, screen)
    if details.tracebacks:
        yield from _tracebacks(failed, screen)


def _head(run: RunSummary, screen: Screen) -> Iterator[str]:
    dot = f" {screen.sign('·', '-')} "
    title = screen.fitted(f"Run {run.run_id}", screen.columns)
    text = ending(run)
    coloured = f"  {screen.of_result(run.result, run.result)}{text[len(run.result) :]}"
    has_room = columns_of(title) + len(f"  {text}") <= screen.columns
    yield from [screen.styled(title, bold=True) + coloured] if has_room else [screen.styled(title, bold=True), coloured]
    about = [
        f"pipeline {run.pipeline}" if run.pipeline else "",
        f"nodes {nodes(run)}" if run.nodes.total else "no run was started",
        f"env {run.env}" if run.env else "",
        run.runner,
    ]
    yield screen.fitted("  " + dot.join(each for each in about if each), screen.columns)
    if is_partial(run):
        yield screen.fitted(f"  {part(run)}", screen.columns)
    origin = [f"started {local_time(run.started_ns)}", f"commit {run.commit[:12]}" if run.commit else ""]
    yield screen.fitted("  " + dot.join(each for each in origin if each), screen.columns)
    yield f"  trace {run.trace_id.hex()}"


def _parameters(run: RunSummary, screen: Screen, *, is_whole: bool) -> Iterator[str]:
    texts = [f"{name or '(cut off)'}={shown(value)}" for name, value in flattened(run.parameters)]
    if is_whole:
        yield "  parameters" if texts else "  no parameters"
        yield from (f"    {screen.clean(text)}" for text in texts)
    elif texts:
        words = ", ".join(texts)
        lines = screen.wrapped("  parameters", words, _INDENT)
        yield from lines[:_MOST_LINES]
        if len(lines) > _MOST_LINES or max(map(columns_of, words.split())) > screen.columns - _INDENT:
            yield f"{'':{_INDENT}}All: --parameters"


def _at_work(works: Sequence[NodeWork], screen: Screen) -> Iterator[str]:
    texts = [f"{each.span.node} for {duration(each.span.duration_ns / 1e9)}" for each in works if each.span.is_open]
    if texts:
        yield from screen.wrapped("  at work", ", ".join(texts), _INDENT)[:_MOST_LINES]


def _error(run: RunSummary, failed: Sequence[StoredSpan], screen: Screen, folder: Path) -> Iterator[str]:
    if run.result in {"success", "skip", RUNNING}:
        return
    where = f" in {', '.join(run.failed_nodes)}" if run.failed_nodes else ""
    message = f": {run.error_message}" if run.error_message else ""
    text = f"{run.error_type or run.result}{where}{message}"
    for line in screen.wrapped("", text, 2)[:_MOST_LINES]:
        yield screen.of_result(line, run.result)
    if run.error_type == _LOST:
        yield from screen.wrapped("", _WHAT_LOST_IS.format(duration(run.duration_seconds)), 4)
    for span in failed[:_MOST_PLACES]:
        place = place_of(span.traceback, folder)
        if place is not None:
            name = f"{span.node or span.name}: " if len(failed) > 1 else ""
            yield screen.fitted(f"    {name}at {place}", screen.columns)


def _tracebacks(failed: Sequence[StoredSpan], screen: Screen) -> Iterator[str]:
    for span in failed:
        yield ""
        yield screen.styled(screen.clean(f"Traceback of {span.name}"), bold=True)
        yield from (screen.clean(line) for line in (span.traceback or "None was recorded.").splitlines())


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
