from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.support import pool as support

from pellucid._util.processes import (
    ExitWatch,
    Lifeline,
    close_kept,
    forking_lock,
    keep_from_forks,
    kill_group,
    reset_signals,
    signals_held,
    tie_to,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.processes


def in_a_fork(action: Callable[[], object]) -> int:
    """Do something in a fork and return how that ended: 0, 99 for an exception, or minus a signal."""
    pid = os.fork()
    if pid == 0:
        code = 99
        with contextlib.suppress(BaseException):
            action()
            code = 0
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_importing_has_no_effect() -> None:
    code = "import os, threading; os.register_at_fork = None; import pellucid._util.processes"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_who_is_tied_to_a_parent_that_has_ended_ends_at_once() -> None:
    reader, writer = multiprocessing.Pipe(duplex=False)
    writer.close()
    assert in_a_fork(lambda: tie_to(reader)) == -signal.SIGKILL
    reader.close()


def test_who_is_tied_goes_on_while_the_parent_lives_and_leads_a_group() -> None:
    lifeline = Lifeline(multiprocessing.get_context())

    def tie() -> None:
        tie_to(lifeline.reader)
        assert os.getpgid(0) == os.getpid()

    assert in_a_fork(tie) == 0
    lifeline.hand_over()
    lifeline.close()


def test_the_leader_of_a_session_can_be_tied() -> None:
    lifeline = Lifeline(multiprocessing.get_context())

    def tie() -> None:
        os.setsid()
        tie_to(lifeline.reader)

    assert in_a_fork(tie) == 0
    lifeline.hand_over()
    lifeline.close()


@pytest.mark.parametrize(
    "lacking",
    [
        "import fcntl; del fcntl.F_SETSIG",
        "sys.modules['fcntl'] = None",
        "import fcntl; fcntl.F_SETSIG = -1",
        "import fcntl; del fcntl.F_SETSIG; del os.setpgid; del os.killpg",
    ],
)
def test_where_the_kernel_does_not_watch_a_thread_does(lacking: str) -> None:
    code = (
        f"{lacking}\n"
        "with WorkerPool(doing(sleep_long), workers=1, start_method='fork') as pool:\n"
        "    pool.submit(0, 'sleep')\n"
        "    pool.wait()\n"
    )
    with support.parent_process(code) as (process, pids):
        assert len(pids) == 1
        process.kill()
        assert support.survivors(pids) == []


def test_closing_a_lifeline_kills_who_is_tied() -> None:
    lifeline = Lifeline(multiprocessing.get_context())
    tied, told = multiprocessing.Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        tie_to(lifeline.reader)
        told.send_bytes(b"tied")
        while True:
            signal.pause()
    lifeline.hand_over()
    assert tied.recv_bytes() == b"tied"
    lifeline.close()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    tied.close()
    told.close()


def test_who_was_entrusted_is_killed_before_it_is_tied() -> None:
    lifeline = Lifeline(multiprocessing.get_context())
    with subprocess.Popen(["sleep", "60"], pass_fds=[lifeline.reader.fileno()]) as process:
        lifeline.entrust(process.pid)
        lifeline.hand_over()
        assert process.poll() is None
        lifeline.close()
        assert process.wait(1) == -signal.SIGKILL


def test_forks_have_no_copy_of_what_is_kept_from_them() -> None:
    reader, writer = multiprocessing.Pipe(duplex=False)
    keep_from_forks(writer)
    number = writer.fileno()

    def look() -> None:
        assert writer.closed
        os.fstat(number)

    assert in_a_fork(look) == 99
    os.fstat(number)
    writer.close()
    reader.close()


def test_nothing_is_forked_while_an_end_is_being_closed() -> None:
    """The child would close the number a second time, when it may be that of a pipe of its own."""
    closing, go_on, forked = threading.Event(), threading.Event(), threading.Event()

    class SlowEnd:
        def close(self) -> None:
            closing.set()
            go_on.wait(30)

    def fork() -> None:
        in_a_fork(lambda: None)
        forked.set()

    close = threading.Thread(target=close_kept, args=(SlowEnd(),))
    close.start()
    assert closing.wait(30)
    other = threading.Thread(target=fork)
    other.start()
    assert not forked.wait(0.3)
    go_on.set()
    close.join()
    other.join()
    assert forked.is_set()


def test_a_fork_can_fork_though_its_parent_held_the_lock() -> None:
    def lock() -> None:
        assert forking_lock() is not held
        assert forking_lock().acquire(blocking=False)

    with forking_lock() as _:
        held = forking_lock()
        assert in_a_fork(lock) == 0


def test_killing_a_group_that_is_not_there_does_nothing() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    kill_group(process.pid)


def test_killing_a_group_kills_its_members() -> None:
    with subprocess.Popen(
        ["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        member = int(process.stdout.readline())
        kill_group(process.pid)
        assert process.wait(1) == -signal.SIGKILL
    assert support.survivors([member]) == []


def test_the_end_of_a_process_can_be_waited_for() -> None:
    from multiprocessing.connection import wait

    with subprocess.Popen(["sleep", "60"]) as process:
        watch = ExitWatch(process.pid, -1)
        assert wait([watch.waitable], 0) == []
        process.kill()
        assert wait([watch.waitable], 5) == [watch.waitable]
    watch.close()
    watch.close()


def test_without_process_descriptors_the_sentinel_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    watch = ExitWatch(os.getpid(), 42)
    assert watch.waitable == 42
    watch.close()


def test_signals_are_held_back_for_a_block() -> None:
    def interrupted() -> None:
        reached = False
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt), signals_held():
            os.kill(os.getpid(), signal.SIGINT)
            reached = True
        assert reached

    assert in_a_fork(interrupted) == 0


def test_signals_that_another_thread_takes_are_held_back_too() -> None:
    """Libraries start threads, in forks as well, and the main thread would be interrupted by what they take."""

    def interrupted() -> None:
        steps: list[str] = []
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, lambda *_: steps.append("SIGTERM"))
        before = signal.getsignal(signal.SIGTERM)
        over = threading.Event()
        threading.Thread(target=over.wait, args=(30,), daemon=True).start()
        try:
            with signals_held():
                with signals_held():
                    for number in (signal.SIGTERM, signal.SIGINT):
                        os.kill(os.getpid(), number)
                steps.append("within")
                time.sleep(0.01)
                steps.append("at its end")
        except KeyboardInterrupt:
            steps.append("SIGINT")
        assert steps[:2] == ["within", "at its end"]
        assert sorted(steps[2:]) == ["SIGINT", "SIGTERM"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.getsignal(signal.SIGTERM) is before
        over.set()

    assert in_a_fork(interrupted) == 0


def test_a_signal_while_handlers_are_put_back_keeps_none_from_being_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may come as soon as the first of them is, if another thread takes it."""
    put, count = signal.signal, 0
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    def interrupted(number: int, handler: Any) -> Any:
        nonlocal count
        count += 1
        found = put(number, handler)
        if count == 3:
            raise KeyboardInterrupt
        return found

    handler = put(signal.SIGTERM, lambda *_: None)
    try:
        expected = signal.getsignal(signal.SIGTERM)
        with monkeypatch.context() as patch:
            patch.setattr(signal, "signal", interrupted)
            with pytest.raises(KeyboardInterrupt), signals_held():
                pass
        assert signal.getsignal(signal.SIGINT) is before[0]
        assert signal.getsignal(signal.SIGTERM) is expected
    finally:
        put(signal.SIGTERM, handler)
        put(signal.SIGINT, before[0])


def test_signals_are_held_back_in_a_thread_that_is_not_the_main_one() -> None:
    held: list[bool] = []

    def look() -> None:
        with signals_held():
            held.append({signal.SIGINT, signal.SIGTERM} <= signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert held == [True]
    assert signal.getsignal(signal.SIGINT) is before


def test_without_signal_masks_nothing_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "pthread_sigmask")
    with signals_held():
        pass
    assert in_a_fork(reset_signals) == 0


def test_a_fork_resets_its_parents_handlers_and_unblocks() -> None:
    def reset() -> None:
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        with signals_held():
            reset_signals()
            assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN

    assert in_a_fork(reset) == 0
