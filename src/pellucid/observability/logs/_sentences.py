"""What the built-in events say to people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["duration", "sentence"]

Fields = Mapping[str, Any]

_RESULTS = MappingProxyType(
    {
        "success": "succeeded",
        "failure": "failed",
        "error": "failed",
        "timeout": "took too long",
        "cancellation": "was cancelled",
        "skip": "was skipped",
    }
)


def sentence(name: str, event: Fields) -> str:
    """Return the sentence for an event; empty if it is none of the built-in ones."""
    made = _SENTENCES.get(name)
    return made(event) if made is not None else ""


def duration(seconds: object) -> str:
    """Return a duration as people read it, such as ``0.012 s`` or ``2 min 03 s``."""
    if not isinstance(seconds, (int, float)):
        return "?"
    if seconds < 10:
        return f"{seconds:.3f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _took(event: Fields) -> str:
    return f"in {duration(event.get('duration_seconds'))}"


def _why(event: Fields) -> str:
    kind, message = event.get("error_type", ""), event.get("error", "")
    return f": {kind}: {message}" if kind and message else f": {kind}" if kind else ""


def _verb(event: Fields, default: str) -> str:
    return _RESULTS.get(str(event.get("result", "")), default)


def _run(event: Fields) -> str:
    return f"Run of {event.get('pipeline') or 'a pipeline'}"


def _pipeline_started(event: Fields) -> str:
    parts = [f"{event['nodes']} nodes"] if "nodes" in event else []
    parts += [str(event["runner"])] if event.get("runner") else []
    parts += [f"parameters {event['parameters']}"] if event.get("parameters") else []
    return f"{_run(event)} started" + (f": {', '.join(parts)}" if parts else "")


def _dataset_done(verb: str) -> Callable[[Fields], str]:
    def told(event: Fields) -> str:
        sizes = [f"{event['rows']:,} rows"] if isinstance(event.get("rows"), int) else []
        sizes += [f"{event['bytes']:,} bytes"] if isinstance(event.get("bytes"), int) else []
        return ", ".join([f"{verb} {event.get('dataset', '?')} {_took(event)}", *sizes])

    return told


def _closed(event: Fields) -> str:
    subject = "Run" if event.get("pipeline") else "Session"
    parts = [f"{subject} {_verb(event, 'ended')} {_took(event)}"] if event.get("result") else ["Session closed"]
    if event.get("spans") == 0:
        return ", ".join([*parts, "no spans"])
    if event.get("trace_id"):
        parts.append(f"trace {event['trace_id']}")
    return ", ".join([*parts, _delivered(event)])


def _delivered(event: Fields) -> str:
    """Return where the spans are, and what shows or sends them.

    Those in the spool are counted as kept; what is delivered nowhere is in the history, which is the place then.
    """
    spans, delivered, kept, dropped = (int(event.get(each) or 0) for each in ("spans", "delivered", "kept", "dropped"))
    place, refused = event.get("place"), int(event.get("quarantined") or 0)
    lost = (f", {refused} refused, in quarantine" if refused else "") + (f", {dropped} lost" if dropped else "")
    if not place:
        return f"{spans - dropped} spans, kept nowhere{lost}"
    if kept:
        sent = f"spans {delivered}/{spans} delivered, {kept}" if delivered or refused else f"{kept} spans"
        return f"{sent} kept in {place}{lost} for the next run, or: pellucid telemetry replay"
    if delivered or refused or spans == dropped:
        return f"spans {delivered}/{spans} delivered{lost}"
    return f"{spans - dropped} spans in {place}{lost}, see: pellucid runs show"


_SENTENCES: Mapping[str, Callable[[Fields], str]] = MappingProxyType(
    {
        "session.created": lambda event: f"Session of {event.get('project', 'the project')} created {_took(event)}",
        "context.loaded": lambda event: f"Context loaded {_took(event)}",
        "context.failed": lambda event: f"The context cannot be loaded{_why(event)}",
        "catalog.created": lambda event: f"Catalog built {_took(event)}",
        "catalog.failed": lambda event: f"The catalog cannot be built{_why(event)}",
        "pipeline.started": _pipeline_started,
        "pipeline.finished": lambda event: f"{_run(event)} {_verb(event, 'succeeded')} {_took(event)}",
        "pipeline.failed": lambda event: (
            f"{_run(event)} {_verb(event, 'failed')} after {duration(event.get('duration_seconds'))}{_why(event)}"
        ),
        "pipeline.refused": lambda event: f"{_run(event)} did not start{_why(event)}",
        "node.started": lambda event: f"{event.get('node', '?')} started",
        "node.finished": lambda event: f"{event.get('node', '?')} {_verb(event, 'succeeded')} {_took(event)}",
        "node.failed": lambda event: (
            f"{event.get('node', '?')} {_verb(event, 'failed')} after "
            f"{duration(event.get('duration_seconds'))}{_why(event)}"
        ),
        "dataset.loaded": _dataset_done("loaded"),
        "dataset.saved": _dataset_done("saved"),
        "dataset.failed": lambda event: (
            f"The dataset {event.get('dataset', '?')} cannot be "
            f"{'saved' if event.get('operation') == 'save' else 'loaded'}{_why(event)}"
        ),
        "session.closed": lambda event: f"Session closed after {duration(event.get('duration_seconds'))}",
        "telemetry.closed": _closed,
    }
)
