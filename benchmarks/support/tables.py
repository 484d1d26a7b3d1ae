"""The figures of all rounds, and the tables that are made of them."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.support.figures import Figure
    from benchmarks.support.targets import Target

_OWN, _PEER = "pellucid", "kedro"


class Rounds:
    """What was measured, by name and engine, a value a round."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._units: dict[str, str] = {}

    def add(self, engine: str, figures: Iterable[Figure]) -> None:
        for figure in figures:
            self._values[figure.name][engine].append(figure.value)
            self._units[figure.name] = figure.unit

    def values(self, name: str, engine: str) -> list[float]:
        return self._values[name][engine] if name in self._values else []

    def targets(self, targets: Iterable[Target]) -> str:
        """Return the table of what is to be reached: medians, and the ratio of each round's two values."""
        lines = [_row("work", "pellucid", "Kedro", "ratio: median (min to max)", "target", "met"), "|---" * 6 + "|"]
        return "\n".join(lines + [line for line in map(self._target, targets) if line])

    def _target(self, target: Target) -> str:
        own, peer = self.values(target.work, _OWN), self.values(target.compared_with, _PEER)
        if not own:
            return ""
        unit = self._units[target.work]
        shown = ratios = [a / b for a, b in zip(own, peer, strict=False)] if target.is_ratio else own
        of_peer = self.values(target.compared_with or target.work, _PEER)
        cells = [target.work, f"{median(own):.4g} {unit}", f"{median(of_peer):.4g} {unit}" if of_peer else "-"]
        if not ratios:
            return _row(*cells, "-", f"{target.at_most:g} x", "-")
        is_met = "yes" if median(shown) <= target.at_most else "**no**"
        limit = f"{target.at_most:g} x" if target.is_ratio else f"{target.at_most:g} {unit}"
        return _row(*cells, _range(shown), limit, is_met)

    def everything(self, engines: list[str]) -> str:
        """Return the table of all figures: medians of each engine."""
        lines = [_row("figure", "unit", *engines), "|---" * (len(engines) + 2) + "|"]
        for name, values in self._values.items():
            cells = [f"{median(values[each]):.4g}" if values.get(each) else "-" for each in engines]
            lines.append(_row(name, self._units[name], *cells))
        return "\n".join(lines)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _range(values: list[float]) -> str:
    return f"{median(values):.3g} ({min(values):.3g} to {max(values):.3g})"
