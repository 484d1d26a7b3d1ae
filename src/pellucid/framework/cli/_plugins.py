"""What installed plugins bring to the command line, found by entry points of ours and of Kedro."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import click

from ._installed import ENTRY_POINT_GROUPS, distribution_of, entry_points_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pellucid._util.entry_points import InstalledEntryPoint

__all__ = [
    "ENTRY_POINT_GROUPS",
    "distribution_of",
    "entry_points_of",
    "load_each",
    "load_entry_points",
    "plugin_groups",
    "warn_of_plugin",
]

_logger = logging.getLogger(__name__)


def load_each(purpose: str) -> Iterator[tuple[InstalledEntryPoint, Any]]:
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


def warn_of_plugin(entry_point: InstalledEntryPoint, error: BaseException) -> None:
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
