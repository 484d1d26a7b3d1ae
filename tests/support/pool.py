"""What the workers of the pool's tests do; importable in processes that were spawned."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pellucid.runner._pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pellucid.runner._pool import Outcome

METHODS = ("fork", "spawn", "forkserver")
ROOT = Path(__file__).resolve().parents[2]


# --------------------------------------------------------------------------- setups


def calling(function: Callable[[int], object], configured: object) -> Callable[[int], object]:
    """Set up a worker that calls ``function`` for each task."""
    return function


def doing(function: Callable[[int], object]) -> Callable[[object], Callable[[int], object]]:
    """Return a setup, picklable if the function is."""
    return functools.partial(calling, function)


def what_was_configured(configured: object) -> Callable[[int], object]:
    return lambda index: configured


def refusing(configured: object) -> NoReturn:
    raise ValueError("this setup refuses")


def refusing_the_second(path: str, configured: object) -> Callable[[int], object]:
    if Path(path).exists():
        raise ValueError("this setup refuses")
    Path(path).touch()
    return tenfold


def dying(code: int, configured: object) -> NoReturn:
    os._exit(code)


def saying_goodbye(path: str, configured: object) -> Callable[[int], object]:
    """Leave a file when the process ends as processes normally do."""

    class Farewell:
        def __del__(self) -> None:
            Path(path).write_text("bye", encoding="utf-8")

    farewell = Farewell()
    return lambda index: type(farewell).__name__


class NeedsBootstrap:
    """Can be unpickled only where ``configure`` was called."""

    def __init__(self) -> None:
        self.done = False

    def __call__(self, configured: object) -> Callable[[int], object]:
        return lambda index: configured

    def __setstate__(self, state: dict[str, Any]) -> None:
        if os.environ.get("PELLUCID_TEST_CONFIGURED") != "yes":
            raise LookupError("setup was unpickled before bootstrap was called")


def configure() -> str:
    os.environ["PELLUCID_TEST_CONFIGURED"] = "yes"
    return "configured"


def misconfigure() -> NoReturn:
    raise LookupError("no such project")


class Unloadable:
    """Can be pickled, and not unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _refuse_to_load, ()

    def __call__(self, configured: object) -> Callable[[int], object]:
        return lambda index: index


class UnloadableInParent:
    """Can be unpickled in the process that pickled it alone."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _load_in, (os.getpid(),)


class AtHomeError(ValueError):
    """Can be unpickled in the process that pickled it alone."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _remake_in, (os.getpid(), str(self))


def _remake_in(pid: int, message: str) -> AtHomeError:
    if pid != os.getpid():
        raise ValueError("not in this process")
    return AtHomeError(message)


def _refuse_to_load() -> NoReturn:
    raise ValueError("cannot be loaded")


def _load_in(pid: int) -> UnloadableInParent:
    if pid != os.getpid():
        raise ValueError("not in this process")
    return UnloadableInParent()


# --------------------------------------------------------------------------- tasks


def tenfold(index: int) -> int:
    return index * 10


def own_pid(index: int) -> int:
    return os.getpid()


def nothing(index: int) -> None:
    return None


def lambda_result(index: int) -> object:
    return lambda: index


def unloadable_result(index: int) -> object:
    return Unloadable()


def unloadable_in_parent(index: int) -> object:
    return UnloadableInParent()


def die_if_odd(index: int) -> int:
    if index % 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return index


def exit_hard(index: int) -> NoReturn:
    os._exit(index)


def exit_softly(index: int) -> NoReturn:
    sys.exit(index)


def interrupt(index: int) -> NoReturn:
    raise KeyboardInterrupt("from a task")


def raise_value_error(index: int) -> NoReturn:
    try:
        raise LookupError("where it began")
    except LookupError as error:
        raise ValueError(f"task {index}") from error


def raise_long(index: int) -> NoReturn:
    raise ValueError("x" * 5_000_000)


class TwoArguments(ValueError):
    """Cannot be unpickled: its __init__ wants more than its args."""

    def __init__(self, what: str, where: str) -> None:
        self.what, self.where = what, where
        super().__init__(f"{what} in {where}")


def raise_two_arguments(index: int) -> NoReturn:
    raise TwoArguments("a hole", "the bucket")


def raise_local(index: int) -> NoReturn:
    class LocalError(TwoArguments):
        pass

    raise LocalError("a leak", "the roof")


def raise_at_home(index: int) -> NoReturn:
    raise AtHomeError("far away")


def close_everything_and_wait(index: int) -> None:
    os.closerange(3, 200)
    time.sleep(60)


def fork_and_die(index: int) -> None:
    """Leave a child behind that holds copies of everything, and is in a group of its own."""
    if os.fork() == 0:
        os.setsid()
        time.sleep(3)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)


def open_sockets(index: int) -> list[str]:
    """Return the sockets that this process has open."""
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(str(path.readlink()))
    return [each for each in found if each.startswith("socket:")]


def signal_answers(index: int) -> list[str]:
    return [repr(signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGUSR1)]


def blocked_signals(index: int) -> list[int]:
    return sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def start_descendant(index: int) -> int:
    """Start a process that would live on, and return its pid."""
    return subprocess.Popen(["sleep", "60"]).pid


def lingering_thread(index: int) -> None:
    threading.Thread(target=time.sleep, args=(60,)).start()


def say_pids(*pids: int) -> None:
    """Tell ``parent_process`` in one write, which that of another worker cannot cut in two."""
    os.write(1, f"pids {' '.join(map(str, pids))}\n".encode())


def busy_with_grandchild(index: int) -> NoReturn:
    """Print the pids of this process and of one that it starts, then never let go of the interpreter lock."""
    grandchild = subprocess.Popen(["sleep", "60"])
    say_pids(os.getpid(), grandchild.pid)
    sys.setswitchinterval(1000)
    while True:
        pass


def sleep_long(index: int) -> None:
    say_pids(os.getpid())
    time.sleep(60)


def print_unflushed(index: int) -> None:
    sys.stdout.write(f"pids {os.getpid()}\n")


def tenfold_in_a_pool(index: int) -> object:
    with WorkerPool(doing(tenfold), workers=1, start_method="fork") as pool:
        pool.submit(index, "inner")
        (outcome,) = pool.wait()
        return outcome


def sleep_long_in_a_pool(index: int) -> object:
    with WorkerPool(doing(sleep_long), workers=1, start_method="fork") as pool:
        pool.submit(index, "inner")
        return pool.wait()


# --------------------------------------------------------------------------- in the tests' own process


def outcomes(pool: WorkerPool, count: int) -> list[Outcome]:
    """Submit tasks 0 … count-1 and return all that became of them, by index."""
    found: list[Outcome] = []
    submitted = 0
    while len(found) < count:
        while pool.idle and submitted < count:
            pool.submit(submitted, f"task {submitted}")
            submitted += 1
        found += pool.wait(30)
    return sorted(found, key=lambda each: each.index)


def one(function: Callable[[int], object], method: str, index: int = 0) -> Outcome:
    """Run one task in a pool of its own and return what became of it."""
    with WorkerPool(doing(function), workers=1, start_method=method) as pool:
        pool.submit(index, "the task")
        (outcome,) = pool.wait(30)
        return outcome


def is_running(pid: int) -> bool:
    """Tell whether there is such a process, other than one that waits to be reaped.

    The first thread of a process may have ended before others, which libraries start in forks too: what the process
    has open is closed by the last one.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    state, threads = fields[0], int(fields[17])
    return state not in "ZX" or threads > 1


def survivors(pids: list[int], seconds: float = 1.0) -> list[int]:
    """Return those processes that are still running after this time."""
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if is_running(pid)]) and time.monotonic() < deadline:
        time.sleep(0.01)
    return left


def children() -> set[int]:
    """Return the child processes of this one, those included that wait to be reaped."""
    found: set[int] = set()
    for path in Path("/proc/self/task").glob("*/children"):
        found |= {int(pid) for pid in path.read_text(encoding="utf-8").split()}
    return found


def descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@contextlib.contextmanager
def parent_process(code: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Run Python code that uses a pool in a process of its own, and yield it with the pids that its workers print."""
    program = f"from tests.support.pool import *\n{code}"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        pids: list[int] = []
        try:
            for line in process.stdout:
                if line.startswith("pids"):
                    pids += [int(each) for each in line.split()[1:]]
                    break
            yield process, pids
        finally:
            process.kill()
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
