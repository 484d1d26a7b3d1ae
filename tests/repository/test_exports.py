"""The public packages export exactly what is intended, and importing any module has no effect."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

EXPORTS = {
    "": {"KedroDeprecationWarning", "KedroPythonVersionWarning", "__version__", "load_ipython_extension"},
    "config": {"AbstractConfigLoader", "BadConfigException", "MissingConfigException", "OmegaConfigLoader"},
    "framework.cli": {"command_with_verbosity", "load_entry_points", "main"},
    "framework.cli.hooks": {"CLIHooksManager", "cli_hook_impl", "get_cli_hook_manager"},
    "framework.context": {"CatalogCommandsMixin", "KedroContext", "KedroContextError", "compose_classes"},
    "framework.hooks": {"_create_hook_manager", "hook_impl", "hook_spec"},
    "framework.session": {"AbstractSession", "KedroServiceSession", "KedroSession"},
    "io": {
        "AbstractDataset",
        "AbstractVersionedDataset",
        "CachedDataset",
        "CatalogConfigResolver",
        "CatalogProtocol",
        "DataCatalog",
        "DatasetAlreadyExistsError",
        "DatasetError",
        "DatasetNotFoundError",
        "MemoryDataset",
        "SharedMemoryCatalogProtocol",
        "SharedMemoryDataCatalog",
        "SharedMemoryDataset",
        "Version",
    },
    "pipeline": {"GroupedNodes", "Node", "Pipeline", "node", "pipeline"},
    "runner": {"AbstractRunner", "ParallelRunner", "SequentialRunner", "Task", "ThreadRunner"},
    "testing": {
        "CapturedSpan",
        "FakeClock",
        "NotRecordedError",
        "PipelineOutcome",
        "Telemetry",
        "captured_telemetry",
        "make_project",
        "run_pipeline",
    },
    "typing": {"Catalog", "Dataset", "HookRelay", "WorkerBootstrap"},
}


@pytest.mark.parametrize("package", sorted(EXPORTS))
def test_a_public_package_exports_what_is_intended(package: str) -> None:
    module = importlib.import_module(f"pellucid.{package}".rstrip("."))
    assert set(module.__all__) == EXPORTS[package]
    for name in EXPORTS[package]:
        assert getattr(module, name) is not None


HEAVY = [
    "IPython",
    "fsspec",
    "numpy",
    "omegaconf",
    "opentelemetry",
    "pandas",
    "polars",
    "prometheus_client",
    "pyarrow",
    "rich",
    "structlog",
]

IMPORT_ALL = """
import importlib, logging, os, pkgutil, signal, sys, threading
sys.dont_write_bytecode = True
before = (sys.excepthook, logging.getLogger().handlers[:], logging.getLogger().level,
          {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}, sorted(os.listdir("/proc/self/fd")),
          dict(os.environ), os.getcwd(), list(sys.meta_path), sys.excepthook)
import pellucid
skip = ("template", "__main__")
names = [m.name for m in pkgutil.walk_packages(pellucid.__path__, "pellucid.") if not m.name.endswith(skip)]
for name in names:
    if ".template" not in name:
        importlib.import_module(name)
after = (sys.excepthook, logging.getLogger().handlers[:], logging.getLogger().level,
         {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}, sorted(os.listdir("/proc/self/fd")),
         dict(os.environ), os.getcwd(), list(sys.meta_path), sys.excepthook)
assert before == after, (before, after)
assert threading.active_count() == 1
print(len(names))
"""


@pytest.mark.processes
def test_importing_every_module_has_no_effect() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50


@pytest.mark.processes
@pytest.mark.parametrize("package", ["config", "io", "pipeline", "runner", "framework.session", "framework.cli"])
def test_importing_a_part_loads_nothing_heavy(package: str) -> None:
    code = f"import sys, pellucid.{package}; print(*(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []
