"""The functions of the nodes: they do nothing, or look at the clock."""

from __future__ import annotations

import os
import time
from typing import Any


def same(value: Any) -> Any:
    return value


def stamp(_: Any) -> float:
    return time.time()


def make(_: Any) -> tuple[Any, tuple[float, int]]:
    """Make so many bytes of a kind of data; tell when that was done, and in which process."""
    data = _MAKERS[os.environ["BENCH_DATA"]](int(os.environ["BENCH_BYTES"]) // 8)
    return data, (time.time(), os.getpid())


def use(data: Any) -> tuple[float, int]:
    begun = time.time()
    assert len(data)
    return begun, os.getpid()


def _array(count: int) -> Any:
    import numpy as np

    return np.arange(count, dtype="float64")


def _frame(count: int) -> Any:
    import pandas as pd

    return pd.DataFrame(_array(count).reshape(-1, 10), columns=list("abcdefghij"))


def _table(count: int) -> Any:
    import pyarrow as pa

    return pa.table({"a": _array(count // 2), "b": _array(count // 2)})


_MAKERS = {"numpy": _array, "pandas": _frame, "arrow": _table}
