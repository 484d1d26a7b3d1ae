"""Sessions that nobody closes."""

from __future__ import annotations

import gc
import importlib
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.observed import observed_project

from pellucid.framework.session import KedroServiceSession, KedroSession
from pellucid.framework.startup import bootstrap_project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.framework import ProjectFolder

TELLING = """
import os
from pellucid.framework.hooks import hook_impl

class Telling:
    @hook_impl
    def before_session_closed(self, session):
        print("closed", session.session_id, session.mark, os.getpid(), flush=True)

HOOKS = (Telling(),)
"""

MAKING = """
import builtins
session = {kind}.create()
session.mark = "marked"
session.run()
print("made", session.session_id, session.mark, os.getpid(), flush=True)
"""

KINDS = ("KedroSession", "KedroServiceSession")

STAYS_ALIVE = "builtins.kept = session\n"


def lines_of(project: ProjectFolder, body: str) -> tuple[list[str], str]:
    project.module("settings", TELLING)
    code, out, err = project.run_script(body, PYTHONWARNINGS="ignore")
    assert code == 0, err
    return out.splitlines(), err


@pytest.mark.processes
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rest", ["", STAYS_ALIVE], ids=["collected", "alive"])
def test_a_session_that_is_left_open_is_closed_once_at_the_end_of_the_process(
    project: ProjectFolder, kind: str, rest: str
) -> None:
    (made, closed), err = lines_of(project, MAKING.format(kind=kind) + rest)
    assert closed == made.replace("made", "closed")
    assert "Traceback" not in err


@pytest.mark.processes
@pytest.mark.parametrize("kind", KINDS)
def test_a_session_that_was_closed_is_not_closed_again(project: ProjectFolder, kind: str) -> None:
    lines, _ = lines_of(project, MAKING.format(kind=kind) + STAYS_ALIVE + "session.close()\n")
    assert [line.split()[0] for line in lines] == ["made", "closed"]


FORKED = """
pid = os.fork()
if pid == 0:
    {child}
    sys.exit()
assert os.waitpid(pid, 0)[1] == 0
"""

CHILD_MAKES_ITS_OWN = """own = KedroServiceSession.create()
    own.mark = "own"
    print("made", own.session_id, own.mark, os.getpid(), flush=True)"""


@pytest.mark.processes
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rest", ["", STAYS_ALIVE], ids=["collected", "alive"])
def test_a_fork_leaves_its_parents_session_alone(project: ProjectFolder, kind: str, rest: str) -> None:
    lines, _ = lines_of(project, MAKING.format(kind=kind) + rest + FORKED.format(child="pass"))
    assert [line.split()[0] for line in lines] == ["made", "closed"]
    assert lines[0].split()[1:] == lines[1].split()[1:]


@pytest.mark.processes
@pytest.mark.parametrize("rest", ["", STAYS_ALIVE], ids=["collected", "alive"])
def test_a_fork_closes_a_session_of_its_own(project: ProjectFolder, rest: str) -> None:
    body = MAKING.format(kind="KedroSession") + rest + FORKED.format(child=CHILD_MAKES_ITS_OWN)
    (made, made_by_child, closed_by_child, closed), _ = lines_of(project, body)
    assert closed_by_child == made_by_child.replace("made", "closed")
    assert closed == made.replace("made", "closed")
    assert closed.split()[-1] != closed_by_child.split()[-1]


@pytest.mark.processes
def test_what_a_hook_raises_at_the_end_of_the_process_is_logged(project: ProjectFolder) -> None:
    body = "session = KedroSession.create()\n"  # without the mark that the hook wants
    lines, err = lines_of(project, body)
    assert lines == []
    assert "A session that was left open could not be closed" in err
    assert "AttributeError" in err


@pytest.mark.parametrize("kind", [KedroSession, KedroServiceSession])
def test_a_session_that_is_left_open_can_be_collected_and_is_closed_before_the_next(
    project: ProjectFolder, kind: Any
) -> None:
    bootstrap_project(project.path)
    recorder = importlib.import_module(f"{project.package}.recorder").recorder
    session = kind.create()
    gone = weakref.ref(session)
    del session
    gc.collect()
    assert gone() is None
    assert recorder.calls == ["after_session_created"]
    with kind.create():
        assert recorder.calls == ["after_session_created", "before_session_closed", "after_session_created"]


def test_a_session_that_was_closed_leaves_nothing_behind(project: ProjectFolder) -> None:
    bootstrap_project(project.path)
    with KedroSession.create() as session:
        pass
    vars(session)["itself"] = session
    gone = weakref.ref(session)
    del session
    gc.collect()
    assert gone() is None


@pytest.mark.processes
def test_the_telemetry_of_a_session_that_is_left_open_is_kept_whole(tmp_path: Path) -> None:
    observed = observed_project(tmp_path / "p")
    code, _, err = observed.run(body="session = KedroSession.create()\nsession.run()\n")
    assert code == 0, err
    assert {span.name for span in observed.spans()} >= {"RUN __default__", "report"}
    assert not list((observed.path / ".pellucid/spool/active").glob("*.seg"))
