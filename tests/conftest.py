"""Every test leaves the process as it found it."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from pellucid.framework.project import _state

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLES = ("PELLUCID_ENV", "KEDRO_ENV", "PELLUCID_LOGGING_CONFIG", "KEDRO_LOGGING_CONFIG", "NO_COLOR")
TELEMETRY_VARIABLES = ("OTEL_", "TRACEPARENT", "TRACESTATE", "BAGGAGE", "PELLUCID_TELEMETRY")
# How fast a machine is that others use, too, says nothing about what is tested.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

PROJECTS = ("project_", "demo_project", "plugin_", "own_")


def levels_of_loggers() -> dict[str, int]:
    loggers = logging.Logger.manager.loggerDict
    return {name: each.level for name, each in list(loggers.items()) if isinstance(each, logging.Logger)}


@pytest.fixture(autouse=True)
def process_as_found(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undo what configuring a project does to the process.

    Telemetry is tested by its own tests; elsewhere it is switched off, unless PELLUCID_TEST_TELEMETRY asks for it.
    """
    for name in [*VARIABLES, *(each for each in os.environ if each.startswith(TELEMETRY_VARIABLES))]:
        monkeypatch.delenv(name, raising=False)
    if "observability" not in request.path.parts and os.environ.get("PELLUCID_TEST_TELEMETRY") != "1":
        monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    path, modules, variables = sys.path[:], set(sys.modules), dict(os.environ)
    root, process = logging.getLogger(), _state.process
    handlers, level, levels = root.handlers[:], root.level, levels_of_loggers()
    before = (process.project, process.logging_config, process.root_handlers)
    process.logging_config, process.root_handlers = {}, ()
    on_sigterm = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_sigterm)
    process.project, process.logging_config, process.root_handlers = before
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in levels_of_loggers():
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))
    sys.path[:] = path
    for name in [each for each in sys.modules if each not in modules and each.startswith(PROJECTS)]:
        del sys.modules[name]
    if os.environ != variables:
        os.environ.clear()
        os.environ.update(variables)


@pytest.fixture
def quiet_datasets() -> Iterator[None]:
    """Nothing is logged of loads and saves, as where nobody but us listens; pytest does."""
    logger = logging.getLogger("pellucid.io")
    level = logger.level
    logger.setLevel(logging.WARNING)
    yield
    logger.setLevel(level)
