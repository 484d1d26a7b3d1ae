"""Without all that only POSIX has, everything can be imported, and a project runs.

This is no Windows: it shows that nothing of POSIX is needed where the README says so, and no more.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT_POSIX = """
import importlib, os, pkgutil, signal, sys, types

# What is not ours is imported first: it may need what goes away now.
import asyncio, click, ctypes, getpass, logging.config, multiprocessing.connection, multiprocessing.pool, omegaconf
import pathlib, pluggy, shutil, subprocess, tarfile, tempfile, uuid, yaml, zipfile

for name in ("fcntl", "grp", "pwd", "resource"):
    sys.modules[name] = None
for owner, names in (
    (os, "fork register_at_fork setpgid getpgid killpg pidfd_open fdatasync getppid waitid getuid geteuid"),
    (signal, "SIGKILL SIGHUP SIGALRM pthread_sigmask"),
):
    for name in names.split():
        delattr(owner, name)
locks = types.ModuleType("msvcrt")
locks.LK_NBLCK, locks.locking = 2, lambda descriptor, mode, size: None
sys.modules["msvcrt"] = locks
sys.modules["psutil"] = None  # one that is installed is made for this system
sys.platform = "win32"

import pellucid

for module in list(pkgutil.walk_packages(pellucid.__path__, "pellucid.")):
    if ".template" not in module.name and not module.name.endswith("__main__"):
        importlib.import_module(module.name)

from pellucid.framework.session import KedroSession
from pellucid.framework.startup import bootstrap_project
from pellucid.runner import SequentialRunner, ThreadRunner

project = bootstrap_project(sys.argv[1])
for runner in (SequentialRunner(), ThreadRunner()):
    with KedroSession.create(project.project_path) as session:
        assert "better than" in session.run(runner=runner)["report"].load()
"""


@pytest.mark.processes
def test_a_project_runs_without_what_only_posix_has(tmp_path: Path) -> None:
    made = [sys.executable, "-m", "pellucid", "new", "--name", "Weather", "--directory", str(tmp_path / "weather")]
    subprocess.run(made, check=True, capture_output=True)
    command = [sys.executable, "-c", WITHOUT_POSIX, str(tmp_path / "weather")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
