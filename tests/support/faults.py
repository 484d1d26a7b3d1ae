"""A project to be run while something goes wrong, and what is to be left of it afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.observed import CATALOG, KINDS, NODES, RUN, Observed, observed_project, tree_of

from pellucid.observability.flow import Backlog
from pellucid.observability.metrics import Totals, TotalsStore
from pellucid.observability.options import load_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tests.support.backends import Request

    from pellucid.observability.history import HistoryStore, StoredSpan

NOTES = "FAULTS_NOTES"
"""The variable of the environment that names the file of notes."""

SPANS = 18
"""How many spans a run of the project makes that succeeds."""

WATCH = f"""
import os, time
from pellucid.framework.hooks import hook_impl

def note(*words):
    \"\"\"Add a line to the notes, by one write, which a kill does not tear.\"\"\"
    path = os.environ.get({NOTES!r})
    if path:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, (" ".join(map(str, words)) + "\\n").encode())
        os.close(descriptor)

class Watch:
    @hook_impl
    def before_pipeline_run(self, run_params):
        note("run", run_params["run_id"], os.getpid())

    @hook_impl
    def after_pipeline_run(self):
        note("ended", time.clock_gettime(time.CLOCK_MONOTONIC))

    @hook_impl
    def on_pipeline_error(self, error):
        note("ended", time.clock_gettime(time.CLOCK_MONOTONIC))

watch = Watch()
"""

SETTINGS = "from observed_project.watch import watch\nHOOKS = (watch,)\n"

ACT = "FAULTS_ACT"
"""The variable of the environment with the text that the node ``scale`` executes in its function."""

ACTING = NODES.replace(
    "def scale(cleaned, factor):\n",
    f"""
import os, signal, sys, threading, time
from observed_project.watch import note

def scale(cleaned, factor):
    note("busy", os.getpid(), time.time_ns())
    exec(compile(os.environ.get({ACT!r}, ""), "act", "exec"), globals())
""",
)
"""The nodes of the project, of which ``scale`` does what it is told to do."""

RUNNERS = {
    "sequential": ("-r", "SequentialRunner"),
    "async": ("-r", "SequentialRunner", "--async"),
    "thread": ("-r", "ThreadRunner"),
    "fork": ("-r", "ParallelRunner"),
    "spawn": ("-r", "ParallelRunner"),
    "forkserver": ("-r", "ParallelRunner"),
}
"""Every runner and start method, as the command line has it."""


DELIVERS = "exit_budget_seconds: 30\n"
"""A setting for tests in which all is to be delivered, or collected, before a process ends, however slow it is."""


@dataclass(frozen=True)
class Ended:
    """A process that ended.

    Attributes:
        code: its exit code.
        out: of stdout.
        err: of stderr.
        delay_seconds: from the end of the run, as a hook saw it, to the end of the process and all that share its
            pipes.
        total_seconds: of the process.
        notes: the lines that the project noted.
    """

    code: int
    out: str
    err: str
    delay_seconds: float
    total_seconds: float
    notes: tuple[str, ...]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log lines on stderr."""
        found = (line for line in self.err.splitlines() if line.startswith('{"timestamp"'))
        return [json.loads(line) for line in found]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the log lines of an event."""
        return [line for line in self.lines if line["event"] == name]

    @property
    def warnings(self) -> list[str]:
        """What telemetry complained of on stderr."""
        return [line["event"] for line in self.lines if line["logger"] == "pellucid.telemetry"]

    @property
    def last_line(self) -> dict[str, Any]:
        """The line that tells what became of everything."""
        (found,) = self.events("telemetry.closed")
        return found

    @property
    def is_cut_off(self) -> bool:
        """Whether the budget may have ended before an answer was read: then that request is sent again later."""
        return bool(self.last_line["kept"])

    @property
    def error(self) -> str:
        """What stderr says that is no log line: a traceback, or what the command line says of a failure."""
        return "\n".join(line for line in self.err.splitlines() if not line.startswith('{"timestamp"'))


@dataclass(frozen=True)
class Faulty(Observed):
    """A project in which, or around which, something goes wrong; its faults of telemetry are not raised."""

    def configure(self, text: str) -> None:
        """Write ``observability.yml``; the exit budget is the default one, as it is what many tests are about."""
        self.project.write("conf/base/observability.yml", text)

    def collect(self) -> None:
        """Take what ended processes left into the history and the totals, as the commands do that show them.

        A process may end before it has: its budget is for that, too.
        """
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        loaded = load_options(self.path, "conf", None, "observed_project", environment, loader_args={})
        assert Backlog(self.path, loaded.options, "observed_project").collect(60)

    @property
    def history(self) -> HistoryStore:
        """The history, with all in it that ended processes left."""
        self.collect()
        return super().history

    def start(
        self, kind: str = "sequential", by: str = "script", *, body: str = RUN, args: Sequence[str] = (), **given: Any
    ) -> subprocess.Popen[str]:
        """Start a run.

        Args:
            kind: of ``KINDS``.
            by: "script", or "command" for the command line.
            body: of the script.
            args: for the command line.
            given: variables of the environment.
        """
        notes = str(self.notes_path)
        self.notes_path.unlink(missing_ok=True)
        environment = self.environment(kind, **{"PELLUCID_TELEMETRY_STRICT": "", NOTES: notes, **given})
        if by == "script":
            return self.project.script(body.format(runner=KINDS[kind]), **environment)
        return self.command("run", *RUNNERS[kind], *args, **environment)

    @property
    def notes_path(self) -> Path:
        return self.path / "notes.txt"

    def notes(self) -> list[str]:
        """Return the lines that the project noted so far."""
        return self.notes_path.read_text("utf-8").splitlines() if self.notes_path.exists() else []

    def command(self, *args: str, **environment: str) -> subprocess.Popen[str]:
        """Start the command line."""
        return subprocess.Popen(
            [sys.executable, "-m", "pellucid", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.path,
            env={**os.environ, **environment},
        )

    def ended(self, process: subprocess.Popen[str], started: float | None = None) -> Ended:
        """Wait for a run."""
        with process:
            out, err = process.communicate(timeout=100)
            now = time.clock_gettime(time.CLOCK_MONOTONIC)
        notes = self.notes()
        stamps = [float(line.split()[1]) for line in notes if line.startswith("ended ")]
        delay = now - stamps[-1] if stamps else 0.0
        return Ended(process.returncode, out, err, delay, now - (started or now), tuple(notes))

    def watched(self, kind: str = "sequential", by: str = "script", **given: Any) -> Ended:
        """Run it to its end."""
        started = time.clock_gettime(time.CLOCK_MONOTONIC)
        return self.ended(self.start(kind, by, **given), started)

    def without_telemetry(self, kind: str = "sequential", by: str = "script", **given: Any) -> tuple[Ended, Any]:
        """Run it with telemetry off; return how it ended and what it wrote, which is removed."""
        ended = self.watched(kind, by, **{**given, "OTEL_SDK_DISABLED": "true"})
        return ended, self.take_outputs()

    def take_outputs(self) -> dict[str, bytes]:
        """Return what a run wrote, and remove it."""
        paths = [each for each in sorted((self.path / "data").iterdir()) if not each.name.startswith("raw_")]
        found = {each.name: each.read_bytes() for each in paths if each.is_file()}
        for each in paths:
            if each.is_file():
                each.unlink()
        return found

    def replay(self, **environment: str) -> tuple[int, dict[str, Any]]:
        """Have the command line deliver what is kept; return its exit code and what it says."""
        with self.command("telemetry", "replay", "--json", "--timeout", "60", **environment) as process:
            out, err = process.communicate(timeout=100)
        assert out, err
        return process.returncode, json.loads(out)

    def totals(self) -> Totals:
        """Return what was counted by all processes that ended."""
        self.collect()
        with_store = TotalsStore(self.path / ".pellucid" / "metrics.db")
        return with_store.read(deadline=time.monotonic() + 30)

    def all_spans(self) -> list[StoredSpan]:
        """Return the spans of all runs."""
        history = self.history
        return [span for run in history.runs() for span in history.spans(run)]

    def kept_files(self) -> list[Path]:
        """Return the files that wait to be collected or delivered."""
        return sorted((self.path / ".pellucid" / "spool").glob("[ao]*/**/*.seg"))


def faulty_project(
    folder: Path, nodes: str = ACTING, catalog: str = CATALOG, parameters: str = "factor: 3\n"
) -> Faulty:
    """Write the project of ``observed_project`` with a hook that notes when runs begin and end."""
    faulty = Faulty(observed_project(folder, nodes, catalog, parameters).project)
    faulty.project.module("watch", WATCH)
    faulty.project.module("settings", SETTINGS)
    faulty.configure("")
    return faulty


@dataclass(frozen=True)
class Received:
    """The spans in some requests.

    Attributes:
        times: how often each came, by its id.
        forms: what came under each id.
    """

    times: Counter[bytes]
    forms: dict[bytes, set[bytes]]

    @classmethod
    def of(cls, requests: Iterable[Request]) -> Received:
        times: Counter[bytes] = Counter()
        forms: dict[bytes, set[bytes]] = {}
        for request in list(requests):
            if "logs" in request.path.lower() or "metrics" in request.path:
                continue
            for span in request.spans:
                times[span.span_id] += 1
                forms.setdefault(span.span_id, set()).add(span.SerializeToString(deterministic=True))
        return cls(times, forms)

    @property
    def twice(self) -> list[bytes]:
        return [each for each, count in self.times.items() if count > 1]


def assert_all_once(faulty: Faulty, taken: Iterable[Request], count: int | None = None) -> None:
    """Hold that a backend has taken the spans that the history has, each of them once.

    For runs whose deliveries had the time that they took; see `assert_all_arrived` for others.
    """
    assert_all_arrived(faulty, taken, count)


def assert_all_arrived(
    faulty: Faulty, taken: Iterable[Request], count: int | None = None, *, is_cut_off: bool = False
) -> None:
    """Hold that a backend has taken the spans that the history has, and nothing else.

    Args:
        faulty: the project.
        taken: by the backend.
        count: how many they are.
        is_cut_off: whether a delivery may have ended before its answer was read: then a span may be there more than
            once, the same each time.
    """
    received = Received.of(taken)
    stored = Counter(span.span_id for span in faulty.all_spans())
    assert set(stored.values()) <= {1}
    assert received.times.keys() == stored.keys()
    assert all(len(each) == 1 for each in received.forms.values()), "what came twice is not byte-identical"
    if not is_cut_off:
        assert not received.twice
    if count is not None:
        assert len(stored) == count


def stays_whole(faulty: Faulty) -> dict[str, list[StoredSpan]]:
    """Return the spans of each run by its id; fails where a tree has not one root, or a span is there twice."""
    history = faulty.history
    found = {run.run_id: history.spans(run) for run in history.runs()}
    for spans in found.values():
        tree_of(spans)
    return found


def wait_for(process: subprocess.Popen[str], seen: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Wait until a process that runs did something; fails if it ends before."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = seen()
        if found:
            return found
        if process.poll() is not None:
            out, err = process.communicate()
            raise AssertionError(f"it ended with {process.returncode}:\n{out}\n{err}")
        time.sleep(0.01)
    process.kill()
    out, err = process.communicate()
    raise AssertionError(f"not within {seconds:g} s:\n{out}\n{err}")


def descendants(pid: int) -> Iterator[int]:
    """Yield the processes below one."""
    parents = {}
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                parents[int(each.name)] = int((each / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    found = [pid]
    for parent in found:
        below = [child for child, its in parents.items() if its == parent]
        found += below
        yield from below


def is_alive(pid: int) -> bool:
    """Tell whether a process runs, and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
