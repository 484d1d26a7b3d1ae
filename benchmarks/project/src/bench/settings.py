"""The settings of the project that is measured, by whichever engine."""

from __future__ import annotations

import importlib
import os
import time
from typing import Any

_hooks = importlib.import_module(f"{os.environ['BENCH_ENGINE']}.framework.hooks")


class Watch:
    """Looks at the clocks at both ends of the run itself: wall, processor, time of day."""

    def __init__(self) -> None:
        self.clocks: list[tuple[float, float, float]] = []

    def _look(self) -> None:
        self.clocks.append((time.perf_counter(), time.process_time(), time.time()))

    @_hooks.hook_impl(trylast=True)  # type: ignore[untyped-decorator]
    def before_pipeline_run(self) -> None:
        self._look()

    @_hooks.hook_impl(tryfirst=True)  # type: ignore[untyped-decorator]
    def after_pipeline_run(self) -> None:
        self._look()


WATCH = Watch()
HOOKS: tuple[Any, ...] = (WATCH,)
