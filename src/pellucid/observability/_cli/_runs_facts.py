"""What is said of a run wherever it is shown: how it ended, and which part of its pipeline it was about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid.observability._cli._runs_text import counted, duration

if TYPE_CHECKING:
    from pellucid.observability.history import RunSummary


def ending(run: RunSummary) -> str:
    """Return its result and duration."""
    return f"{run.result} {'for' if run.is_running else 'in'} {duration(run.duration_seconds)}"


def nodes(run: RunSummary) -> str:
    """Return how many of its nodes are done, and of how many others of the pipeline it was not about."""
    whole = run.selection.pipeline_nodes
    part = (f" of {whole}" if whole > run.nodes.total else " partial") if is_partial(run) else ""
    return f"{run.nodes.done}/{run.nodes.total}{part}"


def is_partial(run: RunSummary) -> bool:
    """Tell whether only a part of the pipeline was chosen; choosing all of it is as good as choosing nothing."""
    chosen, whole = run.selection
    return any(name == "only_missing_outputs" or whole != run.nodes.total for name in chosen)


def part(run: RunSummary) -> str:
    """Return which part of the pipeline was chosen; empty if all of it was."""
    if not is_partial(run):
        return ""
    whole = run.selection.pipeline_nodes
    count = f"{run.nodes.total:,} of {counted(whole, 'node')}" if whole > run.nodes.total else ""
    choices = [_choice(*each) for each in run.selection.chosen.items()]
    return f"partial: {', '.join(each for each in (count, *choices) if each)}"


def _choice(name: str, values: Any) -> str:
    words = name.replace("_", " ")
    return words if values is True else f"{words} {' '.join(map(str, values)) if isinstance(values, list) else values}"
