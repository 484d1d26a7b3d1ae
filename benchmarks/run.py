"""Run the subjects on the engines in turns, for some rounds, and print the tables."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass

from benchmarks.support import engines, figures, projects
from benchmarks.support.tables import Rounds
from benchmarks.support.targets import TARGETS

OWN = ("pellucid",)


@dataclass(frozen=True)
class Subject:
    """One script.

    Attributes:
        name: of its module.
        engines: those that have what it measures.
        minimal: whether it is run in the minimal environment, too.
        once: whether the first round is enough.
    """

    name: str
    engines: tuple[str, ...] = engines.SESSIONS
    minimal: bool = False
    once: bool = False


SUBJECTS = (
    Subject("process", tuple(engines.MODULES), minimal=True),
    Subject("nodes", tuple(engines.MODULES)),
    Subject("sessions"),
    Subject("growth"),
    Subject("telemetry", OWN),
    Subject("large"),
    Subject("huge", OWN, once=True),
    Subject("parallel"),
    Subject("transport"),
    Subject("config"),
    Subject("catalog"),
    Subject("pipelines"),
)


def measure(subject: str, engine: str, python: str, *, quick: bool) -> list[figures.Figure]:
    """Run one subject in a process of its own; return its figures.

    Raises:
        SystemExit: it failed, or printed none.
    """
    command = [python, "-W", "ignore", "-m", f"benchmarks.{subject}", engine, *(["--quick"] if quick else [])]
    environment = {**os.environ, "PYTHONPATH": projects.python_path()}
    done = subprocess.run(command, cwd=projects.ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    found = figures.read(done.stdout)
    if done.returncode or not found:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode} and {len(found)} figures.")
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure pellucid and its peers on the same work.")
    parser.add_argument(
        "subjects", nargs="*", metavar="SUBJECT", help=f"of {', '.join(each.name for each in SUBJECTS)}"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default: 3)")
    parser.add_argument("--engines", nargs="+", choices=engines.MODULES, help="not all that are installed")
    parser.add_argument("--minimal", metavar="PYTHON", help="of an environment without pandas, for whole processes")
    parser.add_argument("--quick", action="store_true", help="prove that the subjects run, with pellucid alone")
    given = parser.parse_args()
    known = {each.name for each in SUBJECTS}
    if unknown := sorted(set(given.subjects) - known):
        parser.error(f"no such subject: {', '.join(unknown)}")
    return given


def all_rounds(given: argparse.Namespace, chosen: list[str]) -> Rounds:
    """Measure everything, the engines in turns; print each figure when it is there."""
    rounds = Rounds()
    for turn in range(1 if given.quick else given.rounds):
        for subject in SUBJECTS:
            if (given.subjects and subject.name not in given.subjects) or (subject.once and turn):
                continue
            pythons = [sys.executable, *([given.minimal] if given.minimal and subject.minimal else [])]
            for python in pythons:
                for engine in (each for each in chosen if each in subject.engines):
                    if python != sys.executable and engine not in engines.SESSIONS:
                        continue  # the minimal environment has these two
                    found = measure(subject.name, engine, python, quick=given.quick)
                    rounds.add(engine, found)
                    print(*(f"{engine}: {figure.line()}" for figure in found), sep="\n", flush=True)
    return rounds


def check(rounds: Rounds, subjects: list[str]) -> None:
    """Make sure that there is a figure for each target.

    Raises:
        SystemExit: there is none, so that the table would be without a line.
    """
    here = [each.work for each in TARGETS if figures.environment() in each.work or not each.work.startswith("process")]
    if missing := [each for each in here if not subjects and not rounds.values(each, "pellucid")]:
        raise SystemExit(f"No subject measured: {', '.join(missing)}.")


def main() -> None:
    given = arguments()
    chosen = list(OWN) if given.quick else given.engines or engines.installed()
    started = time.monotonic()
    rounds = all_rounds(given, chosen)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if given.quick:  # its figures are of sizes that mean nothing
        check(rounds, given.subjects)
    else:
        print(f"\n{rounds.everything(chosen)}\n\n{rounds.targets(TARGETS)}\n")
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {cores} cores")
    print(f"{time.monotonic() - started:.0f} s, load before the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
