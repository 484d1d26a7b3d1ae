"""The command ``runs export``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pellucid.framework.cli.utils import KedroCliError
from pellucid.observability._cli._runs_json import dumped
from pellucid.observability._cli._runs_store import opened_history
from pellucid.observability.history import export_json

if TYPE_CHECKING:
    from pathlib import Path


def write_export(ctx: click.Context, env: str | None, text: str, output: Path | None) -> None:
    """Write a run as OTLP JSON to a file, or to stdout.

    Raises:
        KedroCliError: the run has not ended, or the file cannot be written.
    """
    with opened_history(ctx, env) as history:
        run = history.runs.find(text)
        if run.is_running:
            raise KedroCliError(f"The run {run.run_id} is still going on. Export it when it has ended.")
        request = dumped(export_json(history.runs.spans(run)))
    if output is None:
        click.echo(request)
        return
    try:
        output.write_text(request + "\n", encoding="utf-8")
    except OSError as error:
        raise KedroCliError(f"The run cannot be exported: {output}: {error.strerror or error}") from None
    click.echo(f"Run {run.run_id} was written to {output}.", err=True)
