"""However the parent ends, nothing of a pool lives on for a second."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from tests.support import pool as support

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

pytestmark = pytest.mark.processes

each_method = pytest.mark.parametrize("method", support.METHODS)

USE = """
with WorkerPool(doing({task}), workers=2, start_method="{method}") as pool:
    pool.submit(0, "busy")
    pool.submit(1, "busy too")
    {then}
"""


def pids_of_the_other(process: subprocess.Popen[str]) -> list[int]:
    assert process.stdout is not None
    pids = [int(each) for each in process.stdout.readline().split()[1:]]
    assert pids
    return pids


@each_method
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_parent_ends_workers_and_their_descendants(method: str, number: signal.Signals) -> None:
    code = USE.format(task="busy_with_grandchild", method=method, then="pool.wait()")
    with support.parent_process(code) as (process, pids):
        pids.extend(pids_of_the_other(process))
        assert support.survivors(pids, 0) == pids
        process.send_signal(number)
        process.wait(20)
        assert support.survivors(pids) == []


@each_method
@pytest.mark.parametrize("end", ["os._exit(3)", "raise ValueError", "sys.exit(1)", "os.abort()"])
def test_a_parent_that_ends_itself_ends_workers_and_their_descendants(method: str, end: str) -> None:
    # Workers that are spawned are told what to do while the parent waits.
    then = (
        f"[pool.wait(0.1) for _ in iter(lambda: all(each.ready for each in pool._workers), True)]\n    input(); {end}"
    )
    with support.parent_process(USE.format(task="busy_with_grandchild", method=method, then=then)) as (process, pids):
        pids.extend(pids_of_the_other(process))
        assert support.survivors(pids, 0) == pids
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        process.wait(20)
        assert support.survivors(pids) == []


def test_a_pool_in_a_worker_ends_with_the_outermost_parent() -> None:
    code = USE.format(task="sleep_long_in_a_pool", method="fork", then="say_pids(*pool.pids); pool.wait()")
    with support.parent_process(code) as (process, pids):
        pids.extend(pids_of_the_other(process))
        pids.extend(pids_of_the_other(process))
        assert len(pids) == 4
        process.kill()
        assert support.survivors(pids) == []


def test_what_a_task_prints_is_seen_when_it_is_done() -> None:
    code = USE.format(task="print_unflushed", method="fork", then="pool.wait(); time.sleep(60)")
    with support.parent_process(code) as (_, pids):
        assert len(pids) == 1


def test_a_handler_that_raises_while_the_parent_waits_ends_workers() -> None:
    code = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n" + USE.format(
        task="busy_with_grandchild", method="fork", then="pool.wait()"
    )
    with support.parent_process(code) as (process, pids):
        start = time.monotonic()
        process.terminate()
        assert process.wait(10) == 143
        assert time.monotonic() - start < 1.5
        assert support.survivors(pids) == []


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_worker_that_is_still_starting_ends_with_its_parent(method: str, tmp_path: Path) -> None:
    """A main module may take its time to be imported, before any code of the pool runs."""
    main = tmp_path / "slow_main.py"
    main.write_text(
        "import os, signal, sys, time\n"
        f"sys.path.insert(0, {str(support.ROOT)!r})\n"
        "if __name__ == '__mp_main__':\n"
        "    print('pids', os.getpid(), flush=True)\n"
        "    time.sleep(60)\n"
        "from tests.support.pool import *\n"
        "if __name__ == '__main__':\n"
        f"    with WorkerPool(doing(nothing), workers=1, start_method={method!r}) as pool:\n"
        "        pool.submit(0, 'never')\n"
        "        pool.wait()\n",
        encoding="utf-8",
    )
    with support.parent_process(f"import sys, os\nos.execv(sys.executable, [sys.executable, {str(main)!r}])") as (
        process,
        pids,
    ):
        assert len(pids) == 1
        process.kill()
        assert support.survivors([process.pid, *pids]) == []


@pytest.mark.parametrize("delay", [index / 100 for index in range(8)])
def test_whenever_signals_come_nothing_is_left(delay: float) -> None:
    """Starting, handing out, hearing and ending are each interrupted somewhere, again and again."""
    code = (
        "def ring(*_):\n"
        "    raise KeyboardInterrupt\n"
        "print('pids', flush=True)\n"
        "signal.signal(signal.SIGALRM, ring)\n"
        f"signal.setitimer(signal.ITIMER_REAL, {delay} + 0.001, 0.003)\n"
        "while True:\n"
        "    with WorkerPool(doing(tenfold), workers=2, start_method='fork') as pool:\n"
        "        outcomes(pool, 5)\n"
    )
    with support.parent_process(code) as (process, _):
        process.wait(20)
        assert process.stdout is not None
        process.stdout.read()  # returns when nobody holds its other end any more
