"""The command ``runs diff``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pellucid.observability._cli._runs_facts import ending, is_partial, part
from pellucid.observability._cli._runs_json import diff_json, dumped
from pellucid.observability._cli._runs_store import opened_history
from pellucid.observability._cli._runs_text import Screen, columns_of, duration, local_time, shown, size
from pellucid.observability.history import diff_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pellucid.observability.history import (
        Change,
        CurrentRuns,
        DatasetChange,
        NodeChange,
        RunDiff,
        RunSummary,
        StoredSpan,
    )

_MOST_ROWS = 1000


def echo_diff(ctx: click.Context, env: str | None, before: str, after: str, *, as_json: bool) -> None:
    """Write what is different between two runs."""
    with opened_history(ctx, env) as history:
        runs = history.runs
        first, second = runs.find(before), runs.find(after)
        diff = diff_runs(first, second, *(_when_asked(runs, run) for run in (first, second)))
    if as_json:
        click.echo(dumped(diff_json(first, second, diff)))
        return
    screen = Screen.of_stdout()
    for line in comparison(first, second, diff, screen):
        click.echo(line, color=screen.has_colours)


def _when_asked(runs: CurrentRuns, run: RunSummary) -> Iterator[StoredSpan]:
    yield from runs.spans(run)


def comparison(before: RunSummary, after: RunSummary, diff: RunDiff, screen: Screen) -> Iterator[str]:
    """Yield the lines about two runs."""
    for sign, run in (("-", before), ("+", after)):
        yield from _head(sign, run, screen)
    if before == after:
        yield "  Both are the same run."
        return
    yield f"  Duration  {_change_of(diff.before_seconds, diff.after_seconds)}"
    yield from _section("Run", [_changed(each) for each in diff.fields], screen)
    yield from _section("Parameters", [_changed(each) for each in diff.parameters], screen)
    yield from _section("Nodes", _node_rows(_most_changed(diff.nodes)), screen, len(diff.nodes))
    yield from _section("Datasets", [row for each in diff.datasets for row in _dataset_rows(each)], screen)


def _head(sign: str, run: RunSummary, screen: Screen) -> Iterator[str]:
    name, time = screen.fitted(run.run_id, screen.columns - 2), local_time(run.started_ns)
    text = ending(run)
    coloured = screen.of_result(run.result, run.result) + text[len(run.result) :]
    title = f"{sign} {screen.styled(name, bold=True)}"
    if columns_of(f"{sign} {name}  {time}  {text}") <= screen.columns:
        yield f"{title}  {time}  {coloured}"
    else:
        yield from (title, f"  {time}", f"  {coloured}")
    if is_partial(run):
        yield screen.fitted(f"  {part(run)}", screen.columns)


def _section(title: str, rows: Sequence[tuple[str, str]], screen: Screen, number: int = 0) -> Iterator[str]:
    """Yield the lines of a section; of very many rows the first ones.

    Args:
        title: of it.
        rows: names and texts.
        screen: what the lines must fit.
        number: how many rows there are, if these are not all.
    """
    if not rows:
        return
    left = max(number, len(rows)) - _MOST_ROWS
    rows = rows[:_MOST_ROWS]
    yield ""
    yield screen.styled(title, bold=True)
    texts = min(max(columns_of(text) for _, text in rows), screen.columns * 3 // 5)
    width = min(max(columns_of(name) for name, _ in rows), screen.columns - texts - 4)
    for name, text in rows:
        yield screen.fitted(f"  {screen.cell(name, width)}  {text}", screen.columns)
    if left > 0:
        yield f"  {left} more are in --json."


def _changed(change: Change) -> tuple[str, str]:
    return change.name, f"{_value(change.before)} -> {_value(change.after)}"


def _value(value: object) -> str:
    return "-" if value is None or value == "" else shown(value)


def _most_changed(nodes: Sequence[NodeChange]) -> list[NodeChange]:
    """Return the nodes; of very many those with the largest differences, in the order that they have."""

    def difference(number: int) -> tuple[bool, float]:
        node = nodes[number]
        is_other = _sign(node) != " " or _has_other_result(node)
        return is_other, abs((node.after_seconds or 0.0) - (node.before_seconds or 0.0))

    if len(nodes) <= _MOST_ROWS:
        return [*nodes]
    largest = sorted(range(len(nodes)), key=difference, reverse=True)[:_MOST_ROWS]
    return [nodes[number] for number in sorted(largest)]


def _node_rows(nodes: Sequence[NodeChange]) -> list[tuple[str, str]]:
    return [(f"{_sign(each)} {each.name}", _node_text(each)) for each in nodes]


def _sign(node: NodeChange) -> str:
    return "+" if node.before_seconds is None else "-" if node.after_seconds is None else " "


def _node_text(node: NodeChange) -> str:
    result = f"  {node.before_result} -> {node.after_result}" if _has_other_result(node) else ""
    if node.before_seconds is None or node.after_seconds is None:
        return duration(node.before_seconds or node.after_seconds or 0.0)
    return _change_of(node.before_seconds, node.after_seconds) + result


def _has_other_result(node: NodeChange) -> bool:
    both = node.before_result is not None and node.after_result is not None
    return both and node.before_result != node.after_result


def _change_of(before: float, after: float) -> str:
    percent = f" ({100 * (after - before) / before:+.0f} %)" if before > 0 else ""
    return f"{duration(before)} -> {duration(after)}{percent}"


def _dataset_rows(change: DatasetChange) -> Iterator[tuple[str, str]]:
    name = f"{change.operation} {change.name}"
    if change.before_rows != change.after_rows:
        yield name, f"{_count(change.before_rows)} -> {_count(change.after_rows)} rows"
    if change.before_bytes != change.after_bytes:
        yield name, f"{_bytes(change.before_bytes)} -> {_bytes(change.after_bytes)}"


def _count(number: int | None) -> str:
    return "-" if number is None else str(number)


def _bytes(number: int | None) -> str:
    return "-" if number is None else size(number)
