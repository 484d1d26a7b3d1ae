"""What a subject prints: one JSON line a figure."""

from __future__ import annotations

import argparse
import importlib.util
import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One number that was measured.

    Attributes:
        name: of what; the same for every engine that does the same work.
        value: the number.
        unit: of it.
        conditions: whatever else says what was measured.
    """

    name: str
    value: float
    unit: str
    conditions: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        return json.dumps(
            {"name": self.name, "value": self.value, "unit": self.unit, "conditions": self.conditions}, sort_keys=True
        )


def show(name: str, value: float, unit: str, **conditions: Any) -> None:
    """Print a figure, with four digits or three places, whichever is more."""
    print(
        Figure(name, float(f"{value:.4g}") if abs(value) < 10_000 else round(value), unit, conditions).line(),
        flush=True,
    )


def read(text: str) -> list[Figure]:
    """Return the figures among the lines that a subject printed."""
    found = [json.loads(line) for line in text.splitlines() if line.startswith('{"conditions"')]
    return [Figure(each["name"], each["value"], each["unit"], each["conditions"]) for each in found]


def arguments() -> tuple[str, bool]:
    """Return what every subject is called with: the engine, and whether it is only to prove that it runs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    return given.engine, given.quick


def environment() -> str:
    """Tell which environment this is: for the engines alone, or one with pandas, too."""
    return "with pandas" if importlib.util.find_spec("pandas") else "minimal"
