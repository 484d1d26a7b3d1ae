"""What is installed here."""

from __future__ import annotations

import platform

import click

from pellucid._version import __version__

from ._commands import PellucidCommand


@click.command(cls=PellucidCommand)
def info() -> None:
    """Show the versions of pellucid, Python and the installed plugins."""
    from .cli import LOGO

    click.echo(LOGO)
    click.echo(f"pellucid {__version__}, Python {platform.python_version()} on {platform.system()}\n")
    plugins = _plugins()
    click.echo("Installed plugins:" if plugins else "No plugins are installed.")
    for (name, version), purposes in sorted(plugins.items()):
        click.echo(f"{name}: {version} (entry points: {', '.join(sorted(purposes))})")


def _plugins() -> dict[tuple[str, str], set[str]]:
    from ._plugins import ENTRY_POINT_GROUPS, distribution_of, entry_points_of

    found: dict[tuple[str, str], set[str]] = {}
    for purpose in ENTRY_POINT_GROUPS:
        for each in entry_points_of(purpose):
            found.setdefault(distribution_of(each), set()).add(purpose)
    return found
