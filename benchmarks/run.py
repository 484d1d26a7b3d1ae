"""Run every subject on every engine in turns, and print medians and ratios."""

from __future__ import annotations

import importlib.util
import json
import platform
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

SUBJECTS = ("nodes", "catalog", "config", "process")
SOLO = ("telemetry",)
"""What no peer has: measured on the first engine alone, with it and without."""
Figures = dict[tuple[str, str], dict[str, list[float]]]


def measure(subject: str, engine: str, *, quick: bool) -> list[tuple[str, float, str]]:
    """Run one subject in a process of its own; return its figures as name, value, unit."""
    script = Path(__file__).with_name(f"{subject}.py")
    command = [sys.executable, "-W", "ignore", str(script), engine, *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # its errors are shown as they are
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [(line["name"], line["value"], line["unit"]) for line in lines]


def table(figures: Figures, engines: list[str]) -> str:
    """Medians of each engine and, where there is a peer, the ratio with its range."""
    lines = ["| work | unit | " + " | ".join(engines) + " | ratio (min to max) |", "|---" * (len(engines) + 3) + "|"]
    for (name, unit), values in figures.items():
        cells = [f"{median(values[engine]):g}" if values[engine] else "-" for engine in engines]
        ratio = "-"
        if len(engines) > 1 and all(values[engine] for engine in engines):
            ratios = [a / b for a, b in zip(values[engines[0]], values[engines[1]], strict=True)]
            ratio = f"{median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
        lines.append(f"| {name} | {unit} | {' | '.join(cells)} | {ratio} |")
    return "\n".join(lines)


def main() -> None:
    quick = "--quick" in sys.argv
    engines = ["pellucid", *(["kedro"] if importlib.util.find_spec("kedro") and not quick else [])]
    figures: Figures = defaultdict(lambda: defaultdict(list))
    for _ in range(1 if quick else 5):
        for subject in (*SUBJECTS, *SOLO):
            for engine in engines[:1] if subject in SOLO else engines:
                for name, value, unit in measure(subject, engine, quick=quick):
                    figures[name, unit][engine].append(value)
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}\n")
    print(table(figures, engines))


if __name__ == "__main__":
    main()
