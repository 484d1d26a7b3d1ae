"""A process that runs a pipeline whose nodes take for ever; to be sent signals.

Arguments: the kind of runner, a folder. A file ``started<n>`` in it says that node n is at work.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.support.runner import Record, Recorder, hooks, touch_and_sleep

from pellucid.exceptions import RunTerminated
from pellucid.io import DataCatalog, MemoryDataset, SharedMemoryDataCatalog
from pellucid.pipeline import node, pipeline
from pellucid.runner import ParallelRunner, SequentialRunner, ThreadRunner


def main(kind: str, folder: str) -> None:
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
    catalog = (SharedMemoryDataCatalog if isinstance(runner, ParallelRunner) else DataCatalog)(flags)
    runner.run(pipeline(nodes), catalog, hooks(Recorder(Record(Path(folder) / "hooks.log"))), "r")


def _terminate(number: int, _frame: object) -> None:
    raise RunTerminated(number)


if __name__ == "__main__":
    main(*sys.argv[1:])
