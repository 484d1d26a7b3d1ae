"""The command ``telemetry replay``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from pellucid.framework.cli.utils import KedroCliError
from pellucid.observability._cli._project import package_of, project_and_options
from pellucid.observability._cli._runs_text import shown
from pellucid.observability.flow import Backlog

if TYPE_CHECKING:
    from pellucid.observability.flow import Replayed


def replay_now(ctx: click.Context, env: str | None, timeout_seconds: float, *, as_json: bool, refused: bool) -> int:
    """Collect and deliver what is kept, say what became of it, and return the exit code.

    Raises:
        KedroCliError: the spool cannot be used.
    """
    folder, loaded = project_and_options(ctx, env)
    backlog = Backlog(folder, loaded.options, package_of(ctx))
    try:
        if sys.stderr.isatty() and not as_json:
            waiting = ", ".join(f"{count} {signal}" for signal, count in backlog.status().records.items() if count)
            click.echo(f"Delivering {waiting or 'what runs left'}, for at most {timeout_seconds:g} s …", err=True)
        replayed = backlog.replay(timeout_seconds, refused=refused)
    except OSError as error:
        raise KedroCliError(f"What is kept cannot be delivered: {error}") from None
    if as_json:
        click.echo(json.dumps({"is_complete": replayed.is_complete, **_parts(replayed)}))
    else:
        _echo(backlog, replayed)
    return 0 if replayed.is_complete else 1


def _parts(replayed: Replayed) -> dict[str, dict[str, int] | dict[str, str]]:
    return {
        "delivered": dict(replayed.delivered),
        "refused": dict(replayed.refused),
        "kept": dict(replayed.kept),
        "reasons": dict(replayed.reasons),
    }


def _echo(backlog: Backlog, replayed: Replayed) -> None:
    for signal in ("traces", "logs"):
        if signal in backlog.endpoints or replayed.kept.get(signal):
            counts = (mapping.get(signal, 0) for mapping in (replayed.delivered, replayed.refused, replayed.kept))
            click.echo("{}: {} delivered, {} refused, {} kept".format(signal.capitalize(), *counts))
    if not backlog.endpoints and not replayed.reasons:
        click.echo("Nothing is to be delivered: no endpoint is configured.")
    for part, reason in replayed.reasons.items():
        click.echo(f"  {shown(part)}: {shown(reason)}")
