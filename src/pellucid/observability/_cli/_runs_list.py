"""The command ``runs list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pellucid._util.suggest import did_you_mean
from pellucid.observability._cli._runs_json import dumped, run_json
from pellucid.observability._cli._runs_store import opened_history
from pellucid.observability._cli._runs_text import Screen, columns_of, duration, local_time, parse_time
from pellucid.observability.history import Filters
from pellucid.observability.semconv import RESULTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pellucid.observability.history import RunSummary

_HEAD = ("RUN", "PIPELINE", "RESULT", "STARTED", "DURATION", "NODES", "ERROR")


def echo_list(
    ctx: click.Context,
    pipeline: str | None,
    result: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """Write the runs that fit, the latest first."""
    filters = Filters(
        pipeline,
        _valid_result(result),
        None if since is None else parse_time(since, "--since"),
        None if until is None else parse_time(until, "--until"),
        limit,
    )
    with opened_history(ctx) as (store, _):
        found = store.runs(filters)
    if as_json:
        for run in found:
            click.echo(dumped(run_json(run)))
    elif not found:
        is_filtered = any(each is not None for each in (pipeline, result, since, until))
        click.echo("No run fits." if is_filtered else "There is no run in the history yet.", err=True)
    else:
        for line in table(found, Screen.of_stdout()):
            click.echo(line)


def table(runs: Sequence[RunSummary], screen: Screen) -> list[str]:
    """Return the lines of a table of runs; the error takes what is left of the width."""
    rows = [_row(run) for run in runs]
    widths = [max(columns_of(row[column]) for row in (_HEAD, *rows)) for column in range(len(_HEAD) - 1)]
    left = max(8, screen.columns - sum(widths) - 2 * len(widths))
    lines = [screen.styled(_line(_HEAD, widths, left, screen), bold=True)]
    for run, row in zip(runs, rows, strict=True):
        cells = _line(row, widths, left, screen)
        # Only the result is coloured; what is before it has a width that is known.
        start = widths[0] + widths[1] + 4
        word = cells[start : start + len(row[2])]
        lines.append(cells[:start] + screen.of_result(word, run.result) + cells[start + len(row[2]) :])
    return lines


def _line(cells: Sequence[str], widths: Sequence[int], left: int, screen: Screen) -> str:
    padded = [screen.cell(cell, width) for cell, width in zip(cells, widths, strict=False)]
    return "  ".join([*padded, screen.fitted(cells[-1], left)]).rstrip()


def _row(run: RunSummary) -> tuple[str, ...]:
    where = ", ".join(run.failed_nodes)
    error = f"{where}: {run.error_type}" if where and run.error_type else where or run.error_type
    return (
        run.run_id,
        run.pipeline or "-",
        run.result,
        local_time(run.started_ns),
        duration(run.duration_seconds),
        f"{run.nodes.done}/{run.nodes.total}",
        error,
    )


def _valid_result(result: str | None) -> str | None:
    if result is not None and result not in RESULTS:
        raise click.BadParameter(
            f"there is no result '{result}'.{did_you_mean(result, RESULTS)} Allowed are {', '.join(RESULTS)}.",
            param_hint="--result",
        )
    return result
