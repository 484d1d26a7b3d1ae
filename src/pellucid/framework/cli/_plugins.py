"""What installed plugins bring to the command line, found by entry points of ours and of Kedro."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.metadata import EntryPoint

_logger = logging.getLogger(__name__)

ENTRY_POINT_GROUPS = {
    "global": "pellucid.global_commands",
    "project": "pellucid.project_commands",
    "init": "pellucid.init",
    "line_magic": "pellucid.line_magic",
    "hooks": "pellucid.hooks",
    "cli_hooks": "pellucid.cli_hooks",
    "starters": "pellucid.starters",
}
"""Entry-point groups by purpose; each has its twin of the same name under ``kedro.``."""

_SKIPPED = frozenset({"kedro-telemetry"})


def distribution_of(entry_point: EntryPoint) -> tuple[str, str]:
    """Return normalised name and version of the distribution that an entry point belongs to."""
    dist = entry_point.dist
    return (dist.name.lower().replace("_", "-"), dist.version) if dist is not None else ("", "")


def entry_points_of(purpose: str) -> list[EntryPoint]:
    """Return the entry points of a purpose, a key of ``ENTRY_POINT_GROUPS``.

    A distribution that has some for pellucid is not asked for those that it has for Kedro.
    """
    from importlib.metadata import entry_points

    group = ENTRY_POINT_GROUPS[purpose]
    ours = [each for each in entry_points(group=group) if distribution_of(each)[0] not in _SKIPPED]
    served = {distribution_of(each)[0] for each in ours} - {""}
    theirs = entry_points(group=group.replace("pellucid.", "kedro.", 1))
    return ours + [each for each in theirs if distribution_of(each)[0] not in _SKIPPED | served]


def load_each(purpose: str) -> Iterator[tuple[EntryPoint, Any]]:
    """Import what the entry points of a purpose name; one that cannot be imported is warned about and left out."""
    for each in entry_points_of(purpose):
        try:
            loaded = each.load()
        except (Exception, SystemExit) as error:
            warn_of_plugin(each, error)
        else:
            yield each, loaded


def load_entry_points(name: str) -> Sequence[click.Group]:
    """Return what plugins offer for a purpose, a key of ``ENTRY_POINT_GROUPS``: "global" and "project" are groups."""
    return [loaded for _, loaded in load_each(name)]


def plugin_groups(purpose: str) -> list[click.Group]:
    """Return the groups of commands that plugins offer for "global" or "project"."""
    groups = []
    for each, loaded in load_each(purpose):
        if isinstance(loaded, click.Group):
            groups.append(loaded)
        else:
            warn_of_plugin(each, TypeError(f"a click group was expected, not {type(loaded).__name__}"))
    return groups


def warn_of_plugin(entry_point: EntryPoint, error: BaseException) -> None:
    """Say which plugin is left out, and why."""
    name = distribution_of(entry_point)[0] or entry_point.name
    _logger.warning(
        "The plugin '%s' is left out: its entry point '%s' (%s) cannot be used: %s: %s",
        name,
        entry_point.name,
        entry_point.group,
        type(error).__name__,
        error,
    )
    _logger.debug("The error of the plugin '%s':", name, exc_info=error)
