"""Checks of this machine's clock, against what was written before."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pellucid.observability._cli._runs_text import duration
from pellucid.observability._cli._telemetry_check import Check
from pellucid.observability._cli._telemetry_stores import last_taken_ns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pellucid.observability.options import Options

_EARLIEST_NS = 1_700_000_000 * 10**9
"""The clock of a machine that has lost its time is far before; in nanoseconds since the epoch."""
_MOST_BEHIND_NS = 5 * 10**9


def check_clock(project_path: Path, options: Options) -> Check:
    """Check that the clock is not before the latest run and the latest file: it does not go back."""
    now_ns = time.time_ns()
    if now_ns < _EARLIEST_NS:
        return Check("FAIL", "clock", f"it stands at {_utc(now_ns)}.", "Set it.")
    latest_ns, what = max(_traces(project_path, options), default=(0, ""))
    if latest_ns - now_ns > _MOST_BEHIND_NS:
        behind = duration((latest_ns - now_ns) / 1e9)
        text = f"it stands at {_utc(now_ns)}, {behind} before {what} ({_utc(latest_ns)})."
        return Check("WARN", "clock", text, "Set it: one of the two is wrong.")
    return Check("OK", "clock", _utc(now_ns))


def _traces(project_path: Path, options: Options) -> Iterator[tuple[int, str]]:
    """Yield times at which something was written, and what it was."""
    if options.history.enabled:
        last = last_taken_ns(project_path / options.history.path)
        if last is not None:
            yield last, "what the history has of the latest run"
    spool = project_path / options.spool.path
    for path in spool.glob("**/*.seg"):
        try:
            yield path.stat().st_mtime_ns, f"the file {path.relative_to(spool)} of the spool"
        except OSError:
            continue  # delivered meanwhile


def _utc(time_ns: int) -> str:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_ns / 1e9))
    except (ValueError, OverflowError, OSError):
        return f"{time_ns / 1e9:.0f} s since 1970"
