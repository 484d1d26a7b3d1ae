"""The entry points of installed plugins for the command line, of ours and of Kedro, without click."""

from __future__ import annotations

from pellucid._util.entry_points import installed_entry_points

TYPE_CHECKING = False  # the version is shown without importing typing
if TYPE_CHECKING:
    from pellucid._util.entry_points import InstalledEntryPoint

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


def distribution_of(entry_point: InstalledEntryPoint) -> tuple[str, str]:
    """Return normalised name and version of the distribution that an entry point belongs to."""
    return entry_point.distribution.lower().replace("_", "-"), entry_point.version


def entry_points_of(purpose: str) -> list[InstalledEntryPoint]:
    """Return the entry points of a purpose, a key of ``ENTRY_POINT_GROUPS``.

    A distribution that has some for pellucid is not asked for those that it has for Kedro.
    """
    group = ENTRY_POINT_GROUPS[purpose]
    twin = group.replace("pellucid.", "kedro.", 1)
    found = [each for each in installed_entry_points(group, twin) if distribution_of(each)[0] not in _SKIPPED]
    ours = [each for each in found if each.group == group]
    served = {distribution_of(each)[0] for each in ours} - {""}
    return ours + [each for each in found if each.group == twin and distribution_of(each)[0] not in served]
