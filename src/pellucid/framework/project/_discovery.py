"""Finds the pipelines of a project by its folders."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import BrokenPipelineError, PipelineError, ProjectError
from pellucid.framework.project import _state
from pellucid.framework.project._problems import describe
from pellucid.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType


def find_pipelines(raise_errors: bool = False, pipelines_to_find: list[str] | None = None) -> dict[str, Pipeline]:
    """Return the pipelines of the project's package by name.

    Each folder ``pipelines/<name>`` with a function ``create_pipeline`` gives one; ``__default__`` is the sum of all,
    and of what ``create_pipeline`` in ``pipeline.py`` beside ``pipelines`` gives. It is there if all are wanted, or if
    it is asked for.

    Args:
        raise_errors: stop at the first module that cannot be used; else it is left out, with a warning.
        pipelines_to_find: the names that are wanted; the default is all.

    Raises:
        ProjectError: no project was configured.
        BrokenPipelineError: the project's package cannot be imported, or, with ``raise_errors``, a pipeline's module
            cannot be used; its cause is the original error.
        PipelineError: with ``raise_errors``, the pipelines exclude each other, for example as two of them write one
            dataset. Else ``__default__`` is left out, with a warning, and asking ``pipelines`` for it raises this.
    """
    package_name = _state.process.project.package_name
    if package_name is None:
        raise ProjectError("There is no project yet; call bootstrap_project or configure_project first.")
    search = _Search(package_name, raise_errors)
    hinted = _state.wanted_pipelines.get()
    present: Sequence[str] = search.names()
    wanted: Sequence[str]
    if pipelines_to_find is None:
        wanted = hinted if hinted and set(hinted) <= set(present) else present
    elif "__default__" in pipelines_to_find:
        wanted = present
    else:
        wanted = pipelines_to_find
    found = {name: made for name in wanted if (made := search.load(name)) is not None}
    whole = search.simplified() if wanted is present else None
    for problem in search.problems:
        warnings.warn(f"{problem}; it is left out.", stacklevel=2)
    if wanted is not present:
        return found
    project = _state.process.project
    project.conflict = None
    try:
        default = Pipeline([*([whole] if whole is not None else []), *found.values()])
    except PipelineError as error:
        if raise_errors:
            raise
        # The project may say itself which of them make up __default__; if it does not, whoever needs it is told this.
        project.conflict = error
        warnings.warn(f"The pipelines do not make up a __default__, so there is none: {error}", stacklevel=2)
        return found
    return {"__default__": default, **found}


class _Search:
    """Imports pipeline modules of a package, and says what is wrong with those that cannot be used."""

    def __init__(self, package_name: str, raise_errors: bool) -> None:
        self._package_name = package_name
        self._raise_errors = raise_errors
        self.problems: list[BrokenPipelineError] = []

    def names(self) -> list[str]:
        """Return the names of the folders below ``pipelines``, sorted."""
        try:
            importlib.import_module(self._package_name)
        except (Exception, SystemExit) as error:
            raise BrokenPipelineError(self._package_name, describe(error)) from error
        spec = importlib.util.find_spec(f"{self._package_name}.pipelines")
        roots = [Path(each) for each in (spec.submodule_search_locations or ())] if spec is not None else []
        return sorted({each.name for root in roots if root.is_dir() for each in root.iterdir() if _is_pipeline(each)})

    def simplified(self) -> Pipeline | None:
        """Return the pipeline of ``<package>/pipeline.py``, if there is one."""
        module_name = f"{self._package_name}.pipeline"
        return None if importlib.util.find_spec(module_name) is None else self._made_by(module_name)

    def load(self, name: str) -> Pipeline | None:
        """Return the pipeline of ``pipelines/<name>``, or None where it cannot be used."""
        return self._made_by(f"{self._package_name}.pipelines.{name}")

    def _made_by(self, module_name: str) -> Pipeline | None:
        try:
            module = importlib.import_module(module_name)
            create = _creator(module)
            made = create() if create is not None else None
        except (Exception, SystemExit) as error:
            broken = BrokenPipelineError(module_name, describe(error))
            if self._raise_errors:
                raise broken from error
            self.problems.append(broken)
            return None
        if isinstance(made, Pipeline):
            return made
        if create is None:
            problem = "it has no function 'create_pipeline'"
        else:
            problem = f"its create_pipeline() returned {type(made).__name__}, not a Pipeline"
        self.problems.append(BrokenPipelineError(module_name, problem))
        return None


def _creator(module: ModuleType) -> Any:
    """Return the module's ``create_pipeline``, or that of its submodule ``pipeline``."""
    create = getattr(module, "create_pipeline", None)
    if create is None and hasattr(module, "__path__"):
        name = f"{module.__name__}.pipeline"
        if importlib.util.find_spec(name) is not None:
            create = getattr(importlib.import_module(name), "create_pipeline", None)
    return create


def _is_pipeline(path: Path) -> bool:
    return path.is_dir() and path.name.isidentifier() and path.name != "__pycache__"
