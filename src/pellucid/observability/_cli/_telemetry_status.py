"""The command ``telemetry status``."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

import click

from pellucid.framework.cli.utils import KedroCliError
from pellucid.observability._cli._project import package_of, project_and_options, tell_problems
from pellucid.observability._cli._runs_text import counted, shown, size
from pellucid.observability.flow import Backlog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pellucid.observability.spool import Kept

_MOST_REASONS = 20
_LONGEST_REASON = 300
_STORES = ("history", "totals")
"""What has a queue of its own for what it could not take."""


def echo_status(ctx: click.Context, env: str | None, *, as_json: bool) -> None:
    """Write what is kept of a project.

    Raises:
        KedroCliError: the spool cannot be read.
    """
    folder, loaded = project_and_options(ctx, env)
    tell_problems(loaded, "spool", "tracing", "logging")
    backlog = Backlog(folder, loaded.options, package_of(ctx))
    try:
        found = _described(backlog)
    except OSError as error:
        raise KedroCliError(f"What is kept cannot be read: {error}") from None
    if as_json:
        click.echo(json.dumps(found))
        return
    for line in _lines(found):
        click.echo(line)


def _described(backlog: Backlog) -> dict[str, Any]:
    kept = backlog.status()
    spool = kept.spool
    both: tuple[Literal["traces", "logs"], ...] = ("traces", "logs")
    signals = {
        signal: {
            "records": kept.records.get(signal, 0),
            "endpoint": _place(backlog, signal),
            "last_failure": kept.failures[signal]._asdict() if signal in kept.failures else None,
            **_kept(spool.outbox.get(signal)),
        }
        for signal in both
    }
    return {
        "path": str(kept.path),
        "total_bytes": spool.total_bytes,
        "live_pids": list(spool.live_pids),
        "live": _kept(spool.live),
        "to_collect": _kept(spool.finished),
        "stores": {name: _kept(spool.outbox.get(name)) for name in _STORES},
        "signals": signals,
        "quarantine": {**_kept(spool.quarantine), "reasons": _reasons(kept.path)},
    }


def _place(backlog: Backlog, signal: Literal["traces", "logs"]) -> str | None:
    from pellucid._util.redaction import redact_urls

    options = backlog.endpoints.get(signal)
    return redact_urls(options.endpoint) if options is not None and options.endpoint is not None else None


def _kept(kept: Kept | None) -> dict[str, Any]:
    if kept is None:
        return {"files": 0, "bytes": 0, "oldest": None}
    oldest = None if kept.oldest_ns is None else datetime.fromtimestamp(kept.oldest_ns / 1e9, timezone.utc).isoformat()
    return {"files": kept.segments, "bytes": kept.size_bytes, "oldest": oldest}


def _reasons(spool: Path) -> dict[str, str]:
    """Return why files were set aside, by their names."""
    found: dict[str, str] = {}
    for path in sorted((spool / "quarantine").glob("**/*.txt"))[:_MOST_REASONS]:
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                found[path.name.removesuffix(".txt")] = file.read(_LONGEST_REASON).strip()
        except OSError:
            continue
    return found


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"Spool       {found['path']}, {size(found['total_bytes'])}"
    pids = ", ".join(map(str, found["live_pids"]))
    noun = "process" if len(found["live_pids"]) == 1 else "processes"
    live = f"{noun} {pids}: {_amount(found['live'])}" if pids else "no process writes"
    yield f"Live        {live}"
    yield f"To collect  {_amount(found['to_collect'])}"
    for name, kept in found["stores"].items():
        waiting = f"{_amount(kept)}, as it could not be written to" if kept["files"] else "nothing waits"
        yield f"{name.capitalize():<11} {waiting}"
    for signal, kept in found["signals"].items():
        place = f"for {kept['endpoint']}" if kept["endpoint"] else "not delivered anywhere"
        yield f"{signal.capitalize():<11} {counted(kept['records'], 'record')}, {_amount(kept)}, {place}"
        if failure := kept["last_failure"]:
            yield f"  not delivered at {failure['time']}: {shown(failure['reason'])}"
    yield f"Quarantine  {_amount(found['quarantine'])}"
    for name, reason in found["quarantine"]["reasons"].items():
        yield f"  {shown(name)}: {shown(reason)}"


def _amount(kept: dict[str, Any]) -> str:
    since = f", the oldest of {kept['oldest']}" if kept["oldest"] else ""
    return f"{counted(kept['files'], 'file')}, {size(kept['bytes'])}{since}" if kept["files"] else "nothing"
