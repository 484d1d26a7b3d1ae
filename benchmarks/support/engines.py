"""The same small work for every engine: all that is particular to one of them is here, or in the project."""

from __future__ import annotations

import importlib
import importlib.util
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

Work = dict[str, tuple[str, ...]]
"""The name of each value, and of those that it is made from: by the first of them, increased by one."""

MODULES = {"pellucid": "pellucid", "kedro": "kedro", "hamilton": "hamilton", "dask": "dask", "luigi": "luigi"}
SESSIONS = ("pellucid", "kedro")
"""Engines that have projects and sessions."""


def installed() -> list[str]:
    """Return the engines that are here, pellucid first."""
    return [name for name, module in MODULES.items() if importlib.util.find_spec(module)]


def chain(count: int) -> Work:
    return {f"d{i + 1}": (f"d{i}",) for i in range(count)}


def fan_out(count: int) -> Work:
    return {f"d{i + 1}": ("d0",) for i in range(count)}


def seconds(engine: str, work: Work) -> float:
    """Make a graph of the work, with ``d0`` given; return how long it took to run, without making it."""
    run = _PREPARE[engine if engine not in SESSIONS else "session"](engine, work)
    start = time.perf_counter()
    result = run()
    took = time.perf_counter() - start
    assert result is not False
    return took


def increase(value: int) -> int:
    return value + 1


def _free(work: Work) -> list[str]:
    used = {each for made_from in work.values() for each in made_from}
    return [name for name in work if name not in used]


def _session(engine: str, work: Work) -> Callable[[], Any]:
    pipelines, io, runner = (importlib.import_module(f"{engine}.{name}") for name in ("pipeline", "io", "runner"))
    nodes = [pipelines.node(increase, list(of), name, name=f"n_{name}") for name, of in work.items()]
    pipeline = pipelines.pipeline(nodes)
    catalog = io.DataCatalog({"d0": io.MemoryDataset(0)})
    return lambda: runner.SequentialRunner().run(pipeline, catalog)


_OF_HAMILTON = ("ad_hoc_utils", "base", "driver")


def _hamilton(_: str, work: Work) -> Callable[[], Any]:
    ad_hoc_utils, base, driver = (importlib.import_module(f"hamilton.{each}") for each in _OF_HAMILTON)
    text = "".join(f"def {name}({of[0]}: int) -> int:\n    return {of[0]} + 1\n\n\n" for name, of in work.items())
    module: ModuleType = ad_hoc_utils.module_from_source(text)
    graph = driver.Driver({}, module, adapter=base.DefaultAdapter())
    return lambda: graph.execute(_free(work), inputs={"d0": 0})


def _dask(_: str, work: Work) -> Callable[[], Any]:
    get_sync = importlib.import_module("dask.local").get_sync
    graph: dict[str, Any] = {"d0": 0, **{name: (increase, *of) for name, of in work.items()}}
    return lambda: get_sync(graph, _free(work))


def _luigi(_: str, work: Work) -> Callable[[], Any]:
    luigi = importlib.import_module("luigi")
    mock = importlib.import_module("luigi.mock").MockTarget

    task: Any = luigi.Task

    class Step(task):  # type: ignore[misc]
        name = luigi.Parameter()

        def requires(self) -> list[Any]:
            return [Step(name=each) for each in work[self.name] if each in work]

        def output(self) -> Any:
            return mock(self.name)

        def run(self) -> None:
            value = 0
            for each in self.input():
                with each.open() as file:
                    value = int(file.read())
            with self.output().open("w") as file:
                file.write(str(increase(value)))

    mock.fs.clear()
    last = [Step(name=name) for name in _free(work)]
    return lambda: luigi.build(last, local_scheduler=True, log_level="CRITICAL")


_PREPARE = {"session": _session, "hamilton": _hamilton, "dask": _dask, "luigi": _luigi}

ONE_NODE = {
    "hamilton": "from hamilton import ad_hoc_utils, base, driver\n"
    "module = ad_hoc_utils.module_from_source('def b(a: int) -> int:\\n    return a\\n')\n"
    "driver.Driver({}, module, adapter=base.DefaultAdapter()).execute(['b'], inputs={'a': 1})\n",
    "dask": "from dask.local import get_sync\nget_sync({'a': 1, 'b': (abs, 'a')}, 'b')\n",
    "luigi": "import luigi\n"
    "class Step(luigi.Task):\n"
    "    def run(self):\n        pass\n"
    "luigi.build([Step()], local_scheduler=True, log_level='CRITICAL')\n",
}
"""Programs that run one node, for engines that have no command of their own for it."""
