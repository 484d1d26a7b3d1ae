from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.framework import ProjectFolder

pytestmark = pytest.mark.processes

WAITING = """
from pellucid.pipeline import node, pipeline
import signal, sys, threading
def wait(x):
    {body}
def create_pipeline(**kwargs):
    return pipeline([node(wait, "params:x", "out", name="wait")])
"""

WAIT = 'print("waiting", flush=True); threading.Event().wait(60)'

RUN = """
from importlib import import_module
try:
    with KedroSession.create() as session:
        session.run({runner})
finally:
    print(*import_module("{package}.recorder").recorder.calls[5:], flush=True)
"""


def run_of(project: ProjectFolder, runner: str = "") -> str:
    return RUN.format(package=project.package, runner=runner)


def wait_then_signal(process: subprocess.Popen[str], *signals: int) -> tuple[int, str]:
    assert process.stdout is not None
    with process:
        line = ""
        while "waiting" not in line:
            line = process.stdout.readline()
            assert line, process.stderr and process.stderr.read()
        for each in signals:
            process.send_signal(each)
        out, _ = process.communicate(timeout=30)
    return process.returncode, out.strip()


FAILED = "before_pipeline_run on_pipeline_error before_session_closed"


@pytest.mark.parametrize("runner", ["", "runner=__import__('pellucid.runner').runner.ThreadRunner()"])
def test_sigterm_ends_with_143_after_one_terminal_call(project: ProjectFolder, runner: str) -> None:
    # A thread cannot be ended, so that the runner has to wait for it.
    project.pipeline("double", WAITING.format(body=WAIT.replace("60", "3") if runner else WAIT))
    assert wait_then_signal(project.script(run_of(project, runner)), signal.SIGTERM) == (143, FAILED)


def test_sighup_ends_with_129_after_one_terminal_call(project: ProjectFolder) -> None:
    project.pipeline("double", WAITING.format(body=WAIT))
    assert wait_then_signal(project.script(run_of(project)), signal.SIGHUP) == (129, FAILED)


def test_a_sighup_that_is_ignored_stays_so(project: ProjectFolder) -> None:
    """As under nohup."""
    project.pipeline("double", WAITING.format(body="signal.raise_signal(signal.SIGHUP)\n    return x"))
    body = "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + run_of(project)
    code, out, err = project.run_script(body)
    assert code == 0, err
    assert out.split()[-2:] == ["after_pipeline_run", "before_session_closed"]


def test_ctrl_c_is_reported_once(project: ProjectFolder) -> None:
    project.pipeline("double", WAITING.format(body=WAIT))
    code, out = wait_then_signal(project.script(run_of(project)), signal.SIGINT)
    assert (code, out) == (-signal.SIGINT, FAILED)


def test_a_swallowed_sigterm_ends_with_143(project: ProjectFolder) -> None:
    body = """
    try:
        print("waiting", flush=True); threading.Event().wait(60)
    except BaseException:
        return 1
"""
    project.pipeline("double", WAITING.format(body=body))
    assert wait_then_signal(project.script(run_of(project)), signal.SIGTERM) == (143, FAILED)


def test_a_second_sigterm_ends_at_once(project: ProjectFolder) -> None:
    body = """
    try:
        print("waiting", flush=True); threading.Event().wait(60)
    except BaseException:
        print("again", flush=True)
        threading.Event().wait(60)
"""
    project.pipeline("double", WAITING.format(body=body))
    process = project.script(run_of(project))
    assert process.stdout is not None
    with process:
        for expected in ("waiting", "again"):
            while expected not in (line := process.stdout.readline()):
                assert line
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM


@pytest.mark.parametrize("body", ["sys.exit(0)", "sys.exit()", "raise SystemExit(None)"])
def test_a_node_that_exits_fails_the_run(project: ProjectFolder, body: str) -> None:
    project.pipeline("double", WAITING.format(body=body))
    code, out, err = project.run_script(run_of(project))
    assert code == 1
    assert out.splitlines()[-1] == FAILED
    assert "sys.exit" in err


def test_a_forked_child_of_a_node_dies_of_sigterm_as_usual(project: ProjectFolder) -> None:
    body = """
    import os
    pid = os.fork()
    if pid == 0:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            os._exit(0)
    return os.waitpid(pid, 0)[1]
"""
    project.pipeline("double", WAITING.format(body=body))
    code, out, _ = project.run_script(
        "with KedroSession.create() as session:\n    print(session.run()['out'].load())", PYTHONWARNINGS="ignore"
    )
    assert (code, out.split()) == (0, [str(int(signal.SIGTERM))])


VERSIONED = """
import sys
from pathlib import Path
from pellucid.pipeline import node, pipeline
def compute(x):
    Path(sys.argv[0] + ".computed").touch()
    print("waiting", flush=True)
    sys.stdin.readline()
    return {"x": x}
def create_pipeline(**kwargs):
    return pipeline([node(compute, "params:x", "saved", name="compute")])
"""

SAME_ID = """
session = KedroServiceSession.create()
session.run(run_id="2026-11-22T03.00.00.000Z")
print("saved")
"""


def test_of_two_runs_that_save_one_version_the_second_fails_before_it_computes(project: ProjectFolder) -> None:
    project.pipeline("double", VERSIONED)
    project.write("conf/base/catalog.yml", "saved: {type: json.JSONDataset, filepath: data/x.json, versioned: true}\n")
    script = project.write(
        "same.py",
        "import sys\n"
        "from pellucid.framework.startup import bootstrap_project\n"
        "from pellucid.framework.session import KedroServiceSession\n"
        f"bootstrap_project({str(project.path)!r})\n" + SAME_ID,
    )
    second_script = project.path / "second.py"
    second_script.write_text(script.read_text())
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, str(script)], stdin=pipe, stdout=pipe, stderr=pipe, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "waiting\n"
        second = subprocess.run(
            [sys.executable, str(second_script)], input="\n", capture_output=True, text=True, check=False
        )
        out, err = first.communicate("\n", timeout=30)
    assert (first.returncode, out) == (0, "saved\n"), err
    assert second.returncode == 1
    assert "VersionAlreadyExistsError" in second.stderr
    assert not (project.path / "second.py.computed").exists()
    assert not list((project.path / ".pellucid/reservations").iterdir())


HOOKS_IN_WORKERS = """
import os, threading
from pathlib import Path
from pellucid.framework.hooks import hook_impl

class Counting:
    def __init__(self):
        self.state = "from settings"

    @hook_impl
    def before_node_run(self, node):
        Path(os.environ["SEEN"], f"{node.name}-{type(self).__name__}").write_text(self.state)

class Unpicklable(Counting):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()

counting = Counting()
HOOKS = (counting, Unpicklable())
"""

PARALLEL = """
from {package}.settings import counting
from pellucid.runner import ParallelRunner
counting.state = "changed later"
with KedroSession.create() as session:
    session.run(runner=ParallelRunner(max_workers=2))
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_have_the_hooks_of_the_session(project: ProjectFolder, method: str) -> None:
    """A hook travels with its state; one that cannot be pickled is made anew."""
    project.module("settings", HOOKS_IN_WORKERS)
    seen = project.path / "seen"
    seen.mkdir()
    body = PARALLEL.format(package=project.package)
    code, _, err = project.run_script(body, PELLUCID_MP_CONTEXT=method, SEEN=str(seen))
    assert code == 0, err
    assert {each.name: each.read_text() for each in seen.iterdir()} == {
        "double-Counting": "changed later",
        "double-Unpicklable": "from settings",
    }


KEEPING_HOOKS = """
import os
from pathlib import Path
from pellucid.framework.hooks import hook_impl

class PairError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} {two}")

class Keeping:
    def __init__(self):
        self.kept = None
        self.was_told = "no"

    @hook_impl
    def before_pipeline_run(self):
        self.was_told = "yes"

    @hook_impl
    def before_node_run(self, node):
        Path(os.environ["SEEN"], type(self).__name__).write_text(self.was_told)

class KeepsContext(Keeping):
    @hook_impl
    def after_context_created(self, context):
        self.kept = context

class KeepsError(Keeping):
    def __init__(self):
        super().__init__()
        self.kept = PairError(1, 2)

HOOKS = (KeepsContext(), KeepsError())
"""

PARALLEL_WITH_KEEPERS = """
from pellucid.runner import ParallelRunner
with KedroSession.create() as session:
    print(session.run(runner=ParallelRunner(max_workers=2))["doubled"].load())
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_hooks_that_keep_the_context_or_an_error_run_in_workers(project: ProjectFolder, method: str) -> None:
    """What cannot be unpickled again is made anew; the context can, and leads to the hooks of the worker."""
    project.module("settings", KEEPING_HOOKS)
    seen = project.path / "seen"
    seen.mkdir()
    code, out, err = project.run_script(PARALLEL_WITH_KEEPERS, PELLUCID_MP_CONTEXT=method, SEEN=str(seen))
    assert (code, out) == (0, "2\n"), err
    assert {each.name: each.read_text() for each in seen.iterdir()} == {"KeepsContext": "yes", "KeepsError": "no"}


IMPORT_ALL = """
import importlib, logging, os, pkgutil, signal, sys, threading
def state():
    return (
        [*logging.getLogger().handlers], logging.getLogger().level, sys.excepthook, threading.enumerate(),
        sorted(os.listdir("/proc/self/fd")), signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT),
        dict(os.environ), sys.path[:], logging.getLogger("pellucid").handlers,
    )
before = state()
import pellucid
for module in pkgutil.walk_packages(pellucid.__path__, "pellucid."):
    if "template" not in module.name and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
assert state() == before, (before, state())
assert "kedro" not in sys.modules
"""


def test_importing_changes_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_sessions_need_no_click() -> None:
    script = "import sys, pellucid.framework.session, pellucid.framework.startup; assert 'click' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
