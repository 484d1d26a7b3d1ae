"""Every public name of Kedro 1.x, with its arguments, is where a project that moves over expects it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = os.environ.get("PELLUCID_TEST_KEDRO_PYTHON", "")
pytestmark = [pytest.mark.acceptance, pytest.mark.processes]

MODULES = [
    "",
    "config",
    "config.abstract_config",
    "config.omegaconf_config",
    "framework.cli",
    "framework.cli.hooks",
    "framework.cli.hooks.manager",
    "framework.cli.hooks.markers",
    "framework.cli.hooks.specs",
    "framework.cli.utils",
    "framework.context",
    "framework.hooks",
    "framework.hooks.manager",
    "framework.hooks.markers",
    "framework.hooks.specs",
    "framework.project",
    "framework.session",
    "framework.session.abstract_session",
    "framework.session.service_session",
    "framework.session.session",
    "framework.session.store",
    "framework.startup",
    "io",
    "io.cached_dataset",
    "io.catalog_config_resolver",
    "io.core",
    "io.data_catalog",
    "io.memory_dataset",
    "io.shared_memory_dataset",
    "ipython",
    "logging",
    "pipeline",
    "pipeline.node",
    "pipeline.pipeline",
    "runner",
    "runner.parallel_runner",
    "runner.runner",
    "runner.sequential_runner",
    "runner.task",
    "runner.thread_runner",
    "utils",
]

LEFT_OUT: dict[str, str] = {
    "LLMContext": "language-model helpers, no part of a session runtime",
    "LLMContextNode": "as LLMContext",
    "llm_context_node": "as LLMContext",
    "tool": "as LLMContext",
    "ParallelRunnerManager": "there, but made when it is first asked for, so that no listing shows it",
    "COOKIECUTTER_EXCEPTIONS_PREFIX": "a name of a library that is not used here",
}


def names_of(package: str) -> dict[str, Any]:
    if not PYTHON or not (ROOT / PYTHON).exists():
        message = "no interpreter with Kedro: set PELLUCID_TEST_KEDRO_PYTHON"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    script = Path(__file__).with_name("public_names.py")
    command = [str(ROOT / PYTHON), str(script), package, *MODULES]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])  # Kedro logs to stdout when imported
    return found


def differences(kedro: dict[str, Any], pellucid: dict[str, Any]) -> list[str]:
    lacking = []
    for module, names in kedro.items():
        ours = pellucid[module]
        if isinstance(ours, str):
            lacking.append(f"{module}: {ours}")
            continue
        for name, shape in names.items():
            if name in LEFT_OUT:
                continue
            if name not in ours:
                lacking.append(f"{module}.{name}")
            elif isinstance(shape, dict) and isinstance(ours[name], dict):
                lacking += [
                    f"{module}.{name}.{member}{arguments} is {ours[name].get(member, 'missing')}"
                    for member, arguments in shape.items()
                    if member not in LEFT_OUT
                    and not takes_the_same(arguments, ours[name].get(member, []), member in ours[name])
                ]
            elif not takes_the_same(shape, ours[name], present=True):
                lacking.append(f"{module}.{name}{shape} is {ours[name]}")
    return lacking


def takes_the_same(kedro: list[str] | None, pellucid: list[str] | None, present: bool) -> bool:
    """Tell whether a call written for Kedro's arguments, by position or name, is good for ours."""
    if not present:
        return False
    if kedro is None or pellucid is None or {"args", "kwargs"} <= {name.rstrip("=") for name in kedro}:
        return True
    same = all(ours in (theirs, f"{theirs}=") for theirs, ours in zip(kedro, pellucid, strict=False))
    more = pellucid[len(kedro) :]
    return len(pellucid) >= len(kedro) and same and all(name.endswith("=") or name == "kwargs" for name in more)


def test_public_names_and_arguments_are_those_of_kedro() -> None:
    assert differences(names_of("kedro"), names_of("pellucid")) == []
