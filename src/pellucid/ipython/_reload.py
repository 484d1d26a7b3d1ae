"""Loads a project into the variables of a shell."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import NotAProjectError
from pellucid.utils import find_project

if TYPE_CHECKING:
    from collections.abc import MutableMapping

logger = logging.getLogger(__name__)

_LAST_PROJECT = "_pellucid_project"


def reload_kedro(
    path: str | None = None,
    env: str | None = None,
    runtime_params: dict[str, Any] | None = None,
    local_namespace: dict[str, Any] | None = None,
    conf_source: str | None = None,
) -> None:
    """Load a project as it is now, and set ``catalog``, ``context``, ``pipelines`` and ``session``.

    Args:
        path: a folder in the project; if None, the one loaded last, else that of the working directory.
        env: the environment of the configuration.
        runtime_params: parameters that win over the configuration.
        local_namespace: where the variables are set; those of the running shell if None.
        conf_source: where the configuration is.

    Raises:
        NotAProjectError: there is no project.
    """
    from pellucid.framework.project import pipelines, settings
    from pellucid.framework.startup import bootstrap_project

    namespace = local_namespace if local_namespace is not None else _shell_namespace()
    project_path = _project_path(path, namespace)
    _forget_modules(project_path)
    metadata = bootstrap_project(project_path)
    session = settings.SESSION_CLASS.create(
        project_path=project_path, env=env, runtime_params=runtime_params, conf_source=conf_source
    )
    context = session.load_context()
    namespace.update(
        {"catalog": context.catalog, "context": context, "pipelines": pipelines, "session": session},
    )
    namespace[_LAST_PROJECT] = str(project_path)
    logger.info("The project '%s' is loaded: catalog, context, pipelines, session.", metadata.project_name)


def _project_path(path: str | None, namespace: MutableMapping[str, Any]) -> Path:
    wanted = path or namespace.get(_LAST_PROJECT)
    start = Path(wanted).expanduser().resolve() if wanted else Path.cwd()
    found = find_project(start)
    if found is None:
        raise NotAProjectError(f"There is no project in {start} or above it.")
    return found


def _forget_modules(project_path: Path) -> None:
    """Drop the modules of the project's package, so that they are imported as they are now."""
    from pellucid.framework.startup import _get_project_metadata

    package = _get_project_metadata(project_path).package_name
    for name in [each for each in sys.modules if each == package or each.startswith(f"{package}.")]:
        del sys.modules[name]


def _shell_namespace() -> dict[str, Any]:
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        raise RuntimeError("There is no IPython shell here; pass local_namespace.")
    namespace: dict[str, Any] = shell.user_ns
    return namespace
