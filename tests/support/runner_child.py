"""A process that runs a pipeline whose nodes take for ever; to be sent signals.

Arguments: the kind of runner, a folder, and "elsewhere" to be sent Ctrl-C by a thread to itself. A file ``started<n>``
in the folder says that node n is at work.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.support.runner import Record, Recorder, hooks, touch_and_sleep

from pellucid.exceptions import RunTerminated
from pellucid.io import DataCatalog, MemoryDataset, SharedMemoryDataCatalog
from pellucid.pipeline import node, pipeline
from pellucid.runner import ParallelRunner, SequentialRunner, ThreadRunner


def main(kind: str, folder: str, signalled: str = "") -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _terminate)
    flags = {f"flag{number}": MemoryDataset(f"{folder}/started{number}") for number in (1, 2)}
    nodes = [node(touch_and_sleep, f"flag{number}", f"out{number}", name=f"n{number}") for number in (1, 2)]
    runner: Any
    if kind == "sequential":
        runner = SequentialRunner()
    elif kind == "thread":
        runner = ThreadRunner(max_workers=2)
    else:
        os.environ["PELLUCID_MP_CONTEXT"] = kind
        runner = ParallelRunner(max_workers=2)
    if signalled:
        threading.Thread(target=_interrupt, args=(Path(folder),), daemon=True).start()
    catalog = (SharedMemoryDataCatalog if isinstance(runner, ParallelRunner) else DataCatalog)(flags)
    runner.run(pipeline(nodes), catalog, hooks(Recorder(Record(Path(folder) / "hooks.log"))), "r")


def _interrupt(folder: Path) -> None:
    """Have the signal arrive where it does not wake the main thread, which waits by then."""
    while len(list(folder.glob("started*"))) < 2:
        time.sleep(0.01)
    time.sleep(0.1)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)


def _terminate(number: int, _frame: object) -> None:
    raise RunTerminated(number)


if __name__ == "__main__":
    main(*sys.argv[1:])
