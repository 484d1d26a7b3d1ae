"""From a session to a recording: options, resource, ids of the trace, the spool."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid._util.redaction import hiding
from pellucid.framework.project import settings
from pellucid.observability.hooks._commit import commit_of
from pellucid.observability.options import load_options, resource_of
from pellucid.observability.recording import STREAM_SPANS, Recording
from pellucid.observability.records import RunScope
from pellucid.observability.redirection import current_redirection
from pellucid.observability.semconv import Attr
from pellucid.observability.spool import Limits, Losses, SegmentWriter
from pellucid.observability.tracing import is_sampled, remote_parent

if TYPE_CHECKING:
    from collections.abc import Callable

    from pellucid.observability.guard import Guard

__all__ = ["open_recording", "open_spool", "scope_of_run"]

_LONGEST_SHOWN = 1_000_000
"""Characters of an error on the terminal."""


def open_recording(session: Any, guard: Guard) -> Recording | None:
    """Return what a session is recorded with, or None if nothing is to be recorded."""
    path = Path(session._project_path)  # noqa: SLF001 - Kedro's name, which plugins use
    package = getattr(session, "_package_name", None) or path.name
    env = getattr(session, "env", None) or getattr(session, "_store", {}).get("env")
    conf_source = str(session._conf_source)  # noqa: SLF001 - the same
    loaded = load_options(path, conf_source, env, package, os.environ, loader_args=settings.CONFIG_LOADER_ARGS)
    redirection = current_redirection.get()
    options = loaded.options if redirection is None else redirection.applied(loaded.options)
    if not options.enabled:
        return None
    recording = Recording(options, path, package, session.session_id, guard=guard)
    if redirection is None:
        hiding.set(partial(recording.redactor.lines, length=_LONGEST_SHOWN))
    else:
        recording.redirect(redirection)
        redirection.sessions.append(session)
    hidden = recording.redactor.attribute
    resource = resource_of(options, package, session.session_id)
    recording.resource = {key: hidden(key, value) for key, value in resource.items()}
    recording.problems = loaded.problems
    commit, branch = commit_of(path)
    if commit:
        recording.provenance[Attr.VCS_REVISION] = commit
    if branch:
        recording.provenance[Attr.VCS_BRANCH] = branch
    return recording


def open_spool(recording: Recording, on_roll: Callable[[], None] | None = None) -> SegmentWriter:
    """Give a recording its spool, in this process, and return it.

    Args:
        recording: of the session.
        on_roll: called when what was written so far may be collected.
    """
    options = recording.options
    header = {
        "v": 1,
        "pid": os.getpid(),
        "session_id": recording.session_id,
        "is_worker": recording.is_worker,
        "resource": {**recording.resource, Attr.PROCESS_PID: os.getpid()},
        "traces": options.tracing.enabled and options.tracing.otlp.endpoint is not None,
        "logs": options.logging.enabled and options.logging.otlp.endpoint is not None,
        "history": str(options.history.path) if options.history.enabled and options.tracing.enabled else "",
        "metrics": options.metrics.enabled,
    }
    spool = options.spool
    if recording.losses is None:
        recording.losses = Losses()
    losses, guard = recording.losses, recording.guard

    def note(text: str, error: BaseException | None) -> None:
        # Of what workers lose the main process tells, once for all, if it can count it.
        if recording.is_worker and losses.is_possible:
            guard.count("spool")
        else:
            guard.note("spool", error or OSError(text))

    writer = SegmentWriter(
        recording.path(spool.path),
        json.dumps(header).encode(),
        limits=Limits(spool.segment_bytes, spool.total_bytes, spool.age_days, spool.roll_seconds),
        on_fault=note,
        on_roll=on_roll,
        now_ns=recording.clock.now_ns,
        on_drop=lambda stream, count: losses.add(count) if stream == STREAM_SPANS else None,
    )
    recording.spool = writer
    return writer


def scope_of_run(recording: Recording, run_id: str, pipeline: str, *, is_first: bool) -> tuple[RunScope, bytes]:
    """Return what a run's records have in common, and the span that they hang under, if there is one.

    Args:
        recording: of the session.
        run_id: of the run.
        pipeline: its name.
        is_first: whether it joins the trace that the environment names.
    """
    parent = remote_parent(os.environ, recording.options.tracing.propagators) if is_first else None
    trace_id = parent.trace_id if parent is not None else recording.ids.trace_id()
    sampled = is_sampled(recording.options.tracing, trace_id, parent)
    state = parent.trace_state if parent is not None else ""
    scope = RunScope(recording.session_id, run_id, pipeline, trace_id, sampled, state)
    return scope, parent.span_id if parent is not None else b""
