"""The commands below ``pellucid runs``: what earlier runs of the project did."""

from __future__ import annotations

from pathlib import Path

import click

from pellucid.framework.cli.utils import CONTEXT_SETTINGS, LazyGroup, env_option

__all__ = ["runs"]

_RESULTS = ("success", "failure", "error", "timeout", "cancellation", "skip", "running")
_WHICH = "the beginning of a run's or trace's id, 'last' or 'last-failed'"
_env = env_option(help="The environment whose configuration says where the history is; 'local' if not set.")
_RUN_HELP = f"RUN is {_WHICH}; 'last' if not given."


@click.group(cls=LazyGroup, context_settings=CONTEXT_SETTINGS)
def runs() -> None:
    """Show, compare and export earlier runs of this project."""


@runs.command("list", context_settings=CONTEXT_SETTINGS)
@click.option("--pipeline", "-p", metavar="NAME", help="Only runs of this pipeline.")
@click.option("--result", metavar="|".join(_RESULTS), help="Only runs that ended so, or that are going on.")
@click.option("--since", metavar="AGE|TIME", help="Only runs that started since: 30m, 12h, 2d, 1w, or ISO 8601.")
@click.option("--until", metavar="AGE|TIME", help="Only runs that started before.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, the latest of them."
)
@click.option("--json", "as_json", is_flag=True, help="For each run one line, a JSON object.")
@_env
@click.pass_context
def list_(
    ctx: click.Context,
    env: str | None,
    pipeline: str | None,
    result: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List runs, the latest first."""
    from pellucid.observability._cli._runs_list import Wanted, echo_list

    echo_list(ctx, env, Wanted(pipeline, result, since, until, limit), as_json=as_json)


@runs.command(
    "show", context_settings=CONTEXT_SETTINGS, help=f"Show how a run went, and where its time went. {_RUN_HELP}"
)
@click.argument("run", default="last")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, with all spans.")
@click.option("--width", type=click.IntRange(min=40, max=1000), help="Columns; those of the terminal if not given.")
@click.option("--parameters", "all_parameters", is_flag=True, help="All parameters, one on a line.")
@click.option("--traceback", "tracebacks", is_flag=True, help="Where it failed, the whole tracebacks.")
@_env
@click.pass_context
def show(
    ctx: click.Context,
    env: str | None,
    run: str,
    as_json: bool,
    width: int | None,
    all_parameters: bool,
    tracebacks: bool,
) -> None:
    """Show where the time of a run went."""
    from pellucid.observability._cli._runs_show import Details, echo_run

    echo_run(ctx, env, run, width, Details(all_parameters, tracebacks), as_json=as_json)


@runs.command(
    "diff", context_settings=CONTEXT_SETTINGS, help=f"Show what is different from run A to B. Each is {_WHICH}."
)
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@_env
@click.pass_context
def diff(ctx: click.Context, env: str | None, before: str, after: str, as_json: bool) -> None:
    """Show what is different between two runs."""
    from pellucid.observability._cli._runs_diff import echo_diff

    echo_diff(ctx, env, before, after, as_json=as_json)


@runs.command(
    "export",
    context_settings=CONTEXT_SETTINGS,
    help=f"Write a run as OTLP JSON, as a collector accepts it at /v1/traces. {_RUN_HELP}",
)
@click.argument("run", default="last")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="A file; stdout if it is not given."
)
@_env
@click.pass_context
def export(ctx: click.Context, env: str | None, run: str, output: Path | None) -> None:
    """Write a run as OTLP JSON."""
    from pellucid.observability._cli._runs_export import write_export

    write_export(ctx, env, run, output)


@runs.command("prune", context_settings=CONTEXT_SETTINGS)
@click.option(
    "--keep-days", type=click.FloatRange(min=0), help="Remove runs that are older; as configured if not given."
)
@click.option("--keep-runs", type=click.IntRange(min=0), help="Remove the oldest beyond; as configured if not given.")
@click.option("--dry-run", is_flag=True, help="Tell how many runs would be removed, and remove none.")
@_env
@click.pass_context
def prune(ctx: click.Context, env: str | None, keep_days: float | None, keep_runs: int | None, dry_run: bool) -> None:
    """Remove old runs from the history."""
    from pellucid.observability._cli._runs_store import opened_history
    from pellucid.observability._cli._runs_text import counted

    with opened_history(ctx, env) as history:
        days = history.options.keep_days if keep_days is None else keep_days
        count = history.options.keep_runs if keep_runs is None else keep_runs
        history.store.counters()  # a damaged one is told, and not begun anew here
        removed = history.store.prune(days, count, dry_run=dry_run)
    click.echo(f"{counted(removed, 'run')} {'would be removed' if dry_run else 'removed'}.")
