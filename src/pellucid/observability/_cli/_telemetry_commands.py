"""The commands below ``pellucid telemetry``: what is kept, deliver it now, and what is wrong."""

from __future__ import annotations

import click

from pellucid.framework.cli.utils import CONTEXT_SETTINGS, LazyGroup, env_option

__all__ = ["telemetry"]


@click.group(cls=LazyGroup, context_settings=CONTEXT_SETTINGS)
def telemetry() -> None:
    """Show, deliver and check the telemetry of this project."""


_json = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@telemetry.command("status", context_settings=CONTEXT_SETTINGS)
@env_option
@_json
@click.pass_context
def status(ctx: click.Context, env: str | None, as_json: bool) -> None:
    """Show what is kept until it is delivered."""
    from pellucid.observability._cli._telemetry_status import echo_status

    echo_status(ctx, env, as_json=as_json)


@telemetry.command("replay", context_settings=CONTEXT_SETTINGS)
@env_option
@_json
@click.option("--timeout", type=click.FloatRange(0.1, 86_400), default=60.0, show_default=True, help="Seconds, in all.")
@click.option("--refused", is_flag=True, help="Try also what the backend has refused for good, which is in quarantine.")
@click.pass_context
def replay(ctx: click.Context, env: str | None, as_json: bool, timeout: float, refused: bool) -> None:
    """Deliver what is kept now.

    The exit code is 1 if something did not arrive where it is to be delivered; what no endpoint is configured for
    stays, and is no failure.
    """
    from pellucid.observability._cli._telemetry_replay import replay_now

    ctx.exit(replay_now(ctx, env, timeout, as_json=as_json, refused=refused))


@telemetry.command("doctor", context_settings=CONTEXT_SETTINGS)
@env_option
@_json
@click.option(
    "--pipeline",
    "-p",
    metavar="NAME",
    default="__default__",
    show_default=True,
    help="Whose spans and series are counted.",
)
@click.pass_context
def doctor(ctx: click.Context, env: str | None, as_json: bool, pipeline: str) -> None:
    """Check settings, endpoints, clock, files and databases. The exit code is 1 if something is wrong."""
    from pellucid.observability._cli._telemetry_doctor import examine

    ctx.exit(examine(ctx, env, pipeline, as_json=as_json))
