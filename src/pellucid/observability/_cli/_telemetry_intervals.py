"""Whether the pipelines are there that are expected to run every so often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.exceptions import PellucidError
from pellucid.observability._cli._telemetry_check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pellucid.observability.options import Options

_KEY = "expected_interval_seconds"


def check_intervals(options: Options) -> Iterator[Check]:
    """Look for pipelines that nobody has; this imports the project if any is expected to run."""
    expected = options.expected_interval_seconds
    if not expected:
        return
    from pellucid._util.suggest import did_you_mean
    from pellucid.framework.project import pipelines

    try:
        known = set(pipelines)
    except PellucidError:  # which the check of sizes tells
        return
    unknown = [each for name in expected for each in name.split("+") if each not in known]
    for name in unknown:
        yield Check("WARN", _KEY, f"There is no pipeline '{name}'.{did_you_mean(name, known)}")
    if not unknown:
        yield Check("OK", _KEY, f"{len(expected):,} names of pipelines that there are")
