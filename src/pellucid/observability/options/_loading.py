"""The settings of a project as they are in force, and where each came from."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pellucid._util.rows import Row
from pellucid.observability.options._files import read_files
from pellucid.observability.options._settings import Settings
from pellucid.observability.options._variables import check_together, take_variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pellucid.observability.options._model import Options
    from pellucid.observability.options._problem import Problem


class LoadedOptions(Row):
    """Settings, and how they came to be.

    Attributes:
        options: as they are in force.
        origins: of each setting by its name with dots: ``default``, a file, or a variable.
        problems: what could not be used, in order.
    """

    options: Options
    origins: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


def load_options(
    project_path: Path,
    conf_source: str,
    env: str | None,
    package: str,
    environ: Mapping[str, str],
    *,
    base_env: str = "base",
    default_run_env: str = "local",
    loader_args: Mapping[str, Any] | None = None,
) -> LoadedOptions:
    """Read ``observability*.yml`` of the base and the run's environment, and the standard variables over it.

    What cannot be used is a problem, and never an exception: that setting stays as it was.

    Args:
        project_path: the root of the project.
        conf_source: the folder, archive or URL with the configuration; a path is relative to the project.
        env: the environment; ``default_run_env`` if None.
        package: the project's package, which a service without a name is called by.
        environ: the variables of the environment.
        base_env: the environment below all.
        default_run_env: see ``env``.
        loader_args: the project's setting ``CONFIG_LOADER_ARGS``; what it says of the two goes before.
    """
    settings = Settings()
    given = {"base_env": base_env, "default_run_env": default_run_env, **(loader_args or {})}
    found = read_files(Path(project_path), conf_source, env, given)
    settings.problems.extend(found.problems)
    settings.take_files(found.values, found.origins)
    take_variables(settings, environ)
    check_together(settings)
    if settings.values["service_name"] is None:
        settings.values["service_name"] = package or None
    return LoadedOptions(settings.options(), MappingProxyType(settings.origins), tuple(settings.problems))
