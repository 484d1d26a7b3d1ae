"""A session for many runs."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from pellucid.framework.project import pipelines, validate_settings
from pellucid.framework.project.configuration import current_package
from pellucid.framework.session._closing import tell_of_closing, tell_of_creation
from pellucid.framework.session._engine import RunEngine
from pellucid.framework.session._opening import (
    ConfigSource,
    build_context,
    chosen_env,
    conf_source_of,
    hooks_of_project,
    project_root,
)
from pellucid.framework.session._request import RunRequest, frozen
from pellucid.framework.session._unclosed import unclosed_sessions
from pellucid.framework.session.abstract_session import AbstractSession
from pellucid.io.core import generate_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pellucid.framework.context import KedroContext
    from pellucid.runner import AbstractRunner

__all__ = ["KedroServiceSession"]

_logger = logging.getLogger(__name__)


class KedroServiceSession(AbstractSession):
    """A session that runs pipelines as often as it is asked to, also at once in several threads.

    Each run has an id, parameters, a context and a catalog of its own; configuration files are parsed once.

    Args:
        session_id: of the session.
        package_name: the project's Python package; the default is that of the process.
        project_path: the root of the project; the default is that of the process, else the working directory's.
        conf_source: where the configuration is; the default is what the settings say.
        env: the environment.
    """

    def __init__(
        self,
        session_id: str,
        package_name: str | None = None,
        project_path: Path | str | None = None,
        conf_source: Path | str | None = None,
        env: str | None = None,
    ) -> None:
        self._project_path = project_root(project_path)
        self.session_id = str(session_id)
        self._package_name = package_name if package_name is not None else current_package()
        self._hook_manager = hooks_of_project()
        self.env = env
        self._conf_source = conf_source_of(conf_source, self._project_path)
        self._config = ConfigSource(self._conf_source, env)
        self._is_closed = False

    @classmethod
    def create(
        cls,
        session_id: str | None = None,
        project_path: Path | str | None = None,
        env: str | None = None,
        conf_source: Path | str | None = None,
        serving_mode: bool = False,
    ) -> KedroServiceSession:
        """Make a session.

        Args:
            session_id: the default is a random one.
            project_path: the root of the project; see the class.
            env: the environment; the default is PELLUCID_ENV, KEDRO_ENV or what the configuration loader has.
            conf_source: where the configuration is.
            serving_mode: load pipelines and configuration now, rather than when the first run needs them.

        Raises:
            SettingsError: no project was configured, or its settings cannot be used.
            ProjectError: the project's package cannot be imported.
            HookError: a plugin cannot be loaded.
            BaseException: whatever a hook raised; the session is closed.
        """
        started = time.perf_counter()
        validate_settings()
        session = cls(
            session_id=session_id or _random_id(),
            project_path=project_path,
            conf_source=conf_source,
            env=chosen_env(env),
        )
        session._left_open = unclosed_sessions().watch(session)
        prepare = partial(session._preload, is_wanted=serving_mode)
        tell_of_creation(session._hook_manager, session, started, prepare)
        return session

    def _preload(self, *, is_wanted: bool) -> None:
        if is_wanted:
            len(pipelines)
            self._config.loader(None)

    @property
    def _logger(self) -> logging.Logger:
        return _logger

    def load_context(self, runtime_params: dict[str, Any] | None = None) -> KedroContext:
        """Make a context of the project.

        Args:
            runtime_params: parameters that win over the configured ones.

        Raises:
            ConfigError: the configuration cannot be used.
        """
        return self._load_context(self.session_id, runtime_params)

    def _load_context(self, run_id: str, runtime_params: dict[str, Any] | None) -> KedroContext:
        return build_context(
            self,
            self._hook_manager,
            run_id,
            config=self._config,
            runtime_params=runtime_params,
            package_name=self._package_name,
            project_path=self._project_path,
            env=self.env,
        )

    def run(
        self,
        run_id: str | None = None,
        pipeline_names: list[str] | None = None,
        tags: Iterable[str] | None = None,
        runner: AbstractRunner | None = None,
        node_names: Iterable[str] | None = None,
        from_nodes: Iterable[str] | None = None,
        to_nodes: Iterable[str] | None = None,
        from_inputs: Iterable[str] | None = None,
        to_outputs: Iterable[str] | None = None,
        load_versions: dict[str, str] | None = None,
        namespaces: Iterable[str] | None = None,
        only_missing_outputs: bool = False,
        runtime_params: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Run a pipeline.

        Args:
            run_id: also what versioned datasets save; the default is a new timestamp.
            pipeline_names: several run as one; the default is ``__default__``.
            tags: run nodes with any of these tags.
            runner: an instance; the default is a ``SequentialRunner``.
            node_names: run these nodes.
            from_nodes: run these nodes and what depends on them.
            to_nodes: run these nodes and what they depend on.
            from_inputs: run what depends on these datasets.
            to_outputs: run what these datasets depend on.
            load_versions: the version to load of a dataset, by name; the default is the latest.
            namespaces: run the nodes in these namespaces.
            only_missing_outputs: run only what is needed for outputs that do not exist.
            runtime_params: parameters of this run, which win over the configured ones.

        Returns:
            the datasets (not the data) of the outputs that no node reads, by name.

        Raises:
            KedroSessionError: the runner is not an instance of one.
            UnknownNameError: there is no such pipeline, node, tag, dataset or namespace.
            VersionAlreadyExistsError: this version is there already, or another run is about to save it.
            RunTerminated: SIGTERM or SIGHUP arrived, and the program had not decided what that does.
            BaseException: whatever else ended the run.
        """
        request = RunRequest(
            session_id=self.session_id,
            run_id=str(run_id or generate_timestamp()),
            pipeline_names=frozen(pipeline_names) or ("__default__",),
            runtime_params=runtime_params or {},
            load_versions=load_versions,
            only_missing_outputs=only_missing_outputs,
            tags=frozen(tags),
            node_names=frozen(node_names),
            from_nodes=frozen(from_nodes),
            to_nodes=frozen(to_nodes),
            from_inputs=frozen(from_inputs),
            to_outputs=frozen(to_outputs),
            namespaces=frozen(namespaces),
        )
        engine = RunEngine(self._hook_manager, self._project_path)
        return engine.run(request, runner, lambda: self._load_context(request.run_id, runtime_params))

    def close(self) -> None:
        """End the session, and tell the hooks; once."""
        if not self._is_closed:
            self._is_closed = True
            self._let_go()
            tell_of_closing(self._hook_manager, self, self._handled)


def _random_id() -> str:
    import uuid

    return str(uuid.uuid4())
