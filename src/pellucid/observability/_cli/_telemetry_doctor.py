"""The command ``telemetry doctor``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pellucid.observability._cli._project import project_and_options
from pellucid.observability._cli._runs_text import Screen, shown
from pellucid.observability._cli._telemetry_check import Check
from pellucid.observability._cli._telemetry_clock import check_clock
from pellucid.observability._cli._telemetry_files import check_files
from pellucid.observability._cli._telemetry_intervals import check_intervals
from pellucid.observability._cli._telemetry_network import check_network
from pellucid.observability._cli._telemetry_sizes import check_sizes
from pellucid.observability._cli._telemetry_stores import check_stores
from pellucid.observability.options import effective

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pellucid.observability.options import LoadedOptions

_COLOURS = {"OK": "green", "WARN": "yellow", "FAIL": "red"}


def examine(ctx: click.Context, env: str | None, pipeline: str, *, as_json: bool) -> int:
    """Check everything, write what was found, and return the exit code."""
    folder, loaded = project_and_options(ctx, env)
    checks = [
        *_check_settings(loaded),
        *check_files(folder, loaded.options),
        *check_stores(folder, loaded.options),
        check_clock(folder, loaded.options),
        *check_network(loaded.options),
        *check_sizes(folder, loaded.options, pipeline),
        *check_intervals(loaded.options),
    ]
    rows = effective(loaded)
    if as_json:
        settings = {row.key: {"value": row.value, "origin": row.origin} for row in rows}
        click.echo(json.dumps({"settings": settings, "checks": [asdict(each) for each in checks]}))
    else:
        screen = Screen.of_stdout()
        width = max(len(row.key) for row in rows)
        for row in rows:
            click.echo(f"{row.key:<{width}}  {shown(row.value)}  ({shown(row.origin)})")
        click.echo()
        for check in checks:
            state = screen.styled(f"{check.state:<4}", _COLOURS[check.state])
            click.echo(f"{state}  {_line(check)}", color=screen.has_colours)
    return 1 if any(each.state == "FAIL" for each in checks) else 0


def _line(check: Check) -> str:
    return f"{check.name}: {shown(check.text)}{f' {shown(check.hint)}' if check.hint else ''}"


def _check_settings(loaded: LoadedOptions) -> Iterator[Check]:
    for problem in loaded.problems:
        yield Check("FAIL", "settings", str(problem))
    if not loaded.problems:
        yield Check("OK", "settings", "all can be used")
    if not loaded.options.enabled:
        yield Check("WARN", "settings", f"nothing is recorded, by {loaded.origins['enabled']}")
