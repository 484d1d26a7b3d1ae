"""The command ``runs list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from pellucid._util.suggest import did_you_mean
from pellucid.observability._cli._runs_facts import nodes
from pellucid.observability._cli._runs_json import dumped, run_json
from pellucid.observability._cli._runs_store import opened_history
from pellucid.observability._cli._runs_text import Screen, columns_of, duration, local_time, parse_time
from pellucid.observability.history import RUNNING, Filters
from pellucid.observability.semconv import RESULTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pellucid.observability._cli._runs_store import OpenedHistory
    from pellucid.observability.history import RunSummary

_HEAD = ("RUN", "PIPELINE", "RESULT", "STARTED", "DURATION", "NODES", "ERROR")
_GIVEN_UP = ("STARTED", "NODES", "PIPELINE", "DURATION", "ERROR")
"""What is left out where there is no room, the least telling first: a run's id begins with its time."""
_ERROR_COLUMNS, _LEAST_ERROR_COLUMNS = 24, 8
_LEAST_ID = len("2026-03-01T08.00.00")
_GAP = "  "
_COLUMNS_OF_FILE = 1000
_MOST_COMPARED = 1000


def echo_list(ctx: click.Context, env: str | None, wanted: Wanted, *, as_json: bool) -> None:
    """Write the runs that fit, the latest first."""
    filters = wanted.filters()
    with opened_history(ctx, env) as history:
        found = history.runs.runs(filters)
        none = "" if found else _why_none(history, wanted)
    if as_json:
        for run in found:
            click.echo(dumped(run_json(run)))
    elif not found:
        click.echo(none, err=True)
    else:
        screen = Screen.of_stdout(of_file=_COLUMNS_OF_FILE)
        for line in table(found, screen):
            click.echo(line, color=screen.has_colours)


class Wanted(NamedTuple):
    """Which runs are asked for, as it was typed."""

    pipeline: str | None
    result: str | None
    since: str | None
    until: str | None
    limit: int

    def filters(self) -> Filters:
        """Return what that means.

        Raises:
            click.BadParameter: it means nothing.
        """
        return Filters(
            self.pipeline,
            _valid_result(self.result),
            None if self.since is None else parse_time(self.since, "--since"),
            None if self.until is None else parse_time(self.until, "--until"),
            self.limit,
        )


def _why_none(history: OpenedHistory, wanted: Wanted) -> str:
    known = {run.pipeline for run in history.runs.runs(Filters(limit=_MOST_COMPARED)) if run.pipeline}
    if wanted.pipeline is not None and wanted.pipeline not in known and known:
        near = did_you_mean(wanted.pipeline, known) or f" There are {', '.join(map(repr, sorted(known)))}."
        return f"There is no run of a pipeline '{wanted.pipeline}' in the history.{near}"
    if any(each is not None for each in (wanted.pipeline, wanted.result, wanted.since, wanted.until)):
        return f"No run fits.{history.why_empty}"
    return f"There is no run in the history yet: {history.store.path}.{history.why_empty}"


def table(runs: Sequence[RunSummary], screen: Screen) -> list[str]:
    """Return the lines of a table of runs, none wider than the screen.

    Where there is no room for all, ids are cut to what tells them apart, and then columns are left out.
    """
    rows = [dict(zip(_HEAD, _row(run), strict=True)) for run in runs]
    widths = _widths(rows)
    if not _fits(widths, screen):
        _shorten_ids(rows)
        widths = _widths(rows)
    for name in _GIVEN_UP:
        if _fits(widths, screen):
            break
        del widths[name]
    if "ERROR" in widths:
        widths["ERROR"] = max(_LEAST_ERROR_COLUMNS, screen.columns - _columns_before_error(widths))
    head = {name: name for name in _HEAD}
    return [
        screen.styled(_line(head, widths, screen), bold=True),
        *(_line(row, widths, screen, run.result) for run, row in zip(runs, rows, strict=True)),
    ]


def _widths(rows: Sequence[dict[str, str]]) -> dict[str, int]:
    return {name: max(columns_of(name), *(columns_of(row[name]) for row in rows)) for name in _HEAD}


def _fits(widths: dict[str, int], screen: Screen) -> bool:
    error = min(widths.get("ERROR", 0), _ERROR_COLUMNS if "STARTED" in widths else _LEAST_ERROR_COLUMNS)
    return _columns_before_error(widths) + error <= screen.columns


def _columns_before_error(widths: dict[str, int]) -> int:
    return sum(width + len(_GAP) for name, width in widths.items() if name != "ERROR")


def _shorten_ids(rows: Sequence[dict[str, str]]) -> None:
    """Cut ids to as much of their beginning as tells those that are listed apart."""
    ids = {row["RUN"] for row in rows}
    longest = max(map(len, ids))
    length = next(
        (each for each in range(_LEAST_ID, longest) if len({name[:each] for name in ids}) == len(ids)), longest
    )
    for row in rows:
        row["RUN"] = row["RUN"][:length]


def _line(row: dict[str, str], widths: dict[str, int], screen: Screen, result: str = "") -> str:
    cells = []
    for name, width in widths.items():
        cell = screen.cell(row[name], width)
        word = cell.rstrip()
        # Only the word is coloured, without the blanks behind it.
        cells.append(screen.of_result(word, result) + cell[len(word) :] if name == "RESULT" and result else cell)
    return _GAP.join(cells).rstrip()


def _row(run: RunSummary) -> tuple[str, ...]:
    where, error = ", ".join(run.failed_nodes), run.error_type.rpartition(".")[2]
    return (
        run.run_id,
        run.pipeline or "-",
        run.result,
        local_time(run.started_ns),
        duration(run.duration_seconds),
        nodes(run),
        f"{where}: {error}" if where and error else where or error,
    )


def _valid_result(result: str | None) -> str | None:
    known = (*RESULTS, RUNNING)
    if result is not None and result not in known:
        raise click.BadParameter(
            f"there is no result '{result}'.{did_you_mean(result, known)} Allowed are {', '.join(known)}.",
            param_hint="--result",
        )
    return result
