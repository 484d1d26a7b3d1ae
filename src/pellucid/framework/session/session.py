"""A session for one run."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from pellucid._util.texts import text_of
from pellucid.exceptions import KedroSessionError
from pellucid.framework.hooks.manager import (
    _create_hook_manager,
    _register_hooks,
    _register_hooks_entry_points,
)
from pellucid.framework.project import pipelines, settings, validate_settings
from pellucid.framework.project.configuration import current_package
from pellucid.framework.session._closing import keep_record, tell_of_closing, tell_of_creation
from pellucid.framework.session._engine import RunEngine
from pellucid.framework.session._making import made_of_settings
from pellucid.framework.session._opening import (
    ConfigSource,
    build_context,
    chosen_env,
    conf_source_of,
    hooks_of_project,
    project_root,
)
from pellucid.framework.session._provenance import (
    GitQuestion,
    _describe_git,
    _jsonify_cli_context,
    cli_context,
    username,
)
from pellucid.framework.session._request import RunRequest, frozen
from pellucid.framework.session._unclosed import unclosed_sessions
from pellucid.framework.session.abstract_session import AbstractSession
from pellucid.framework.session.store import BaseSessionStore, JSONSessionStore
from pellucid.io.core import generate_timestamp
from pellucid.utils import KEDRO_API_VERSION, find_kedro_project

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

    from pellucid.framework.context import KedroContext
    from pellucid.runner import AbstractRunner

__all__ = [
    "KedroSession",
    "KedroSessionError",
    "_create_hook_manager",
    "_describe_git",
    "_jsonify_cli_context",
    "_register_hooks",
    "_register_hooks_entry_points",
    "find_kedro_project",
    "generate_timestamp",
    "kedro_version",
    "pipelines",
    "settings",
    "validate_settings",
]

_logger = logging.getLogger(__name__)

kedro_version = KEDRO_API_VERSION
"""The version of Kedro whose API is followed; what ``run_params`` has under this name."""


class KedroSession(AbstractSession):
    """A session that completes one run; made by ``create``, and used in a ``with`` block.

    Args:
        session_id: also the id of its run, and what versioned datasets save.
        package_name: the project's Python package; the default is that of the process.
        project_path: the root of the project; the default is that of the process, else the working directory's.
        save_on_close: save the store when the session is closed.
        conf_source: where the configuration is; the default is what the settings say.
    """

    def __init__(
        self,
        session_id: str,
        package_name: str | None = None,
        project_path: Path | str | None = None,
        save_on_close: bool = False,
        conf_source: str | None = None,
    ) -> None:
        self._project_path = project_root(project_path)
        self.session_id = session_id
        self.save_on_close = save_on_close
        self._package_name = package_name if package_name is not None else current_package()
        self._store = self._init_store()
        self._git: GitQuestion | None = None
        self._run_called = False
        self._is_closed = False
        self._hook_manager = hooks_of_project()
        self._conf_source = conf_source_of(conf_source, self._project_path)
        self._config: ConfigSource | None = None

    @classmethod
    def create(
        cls,
        project_path: Path | str | None = None,
        save_on_close: bool = True,
        env: str | None = None,
        runtime_params: dict[str, Any] | None = None,
        conf_source: str | None = None,
    ) -> KedroSession:
        """Make a session, and note who makes it, from which commit and by which command.

        Args:
            project_path: the root of the project; see the class.
            save_on_close: save the store when the session is closed.
            env: the environment; the default is PELLUCID_ENV, KEDRO_ENV or what the configuration loader has.
            runtime_params: parameters that win over the configured ones.
            conf_source: where the configuration is.

        Raises:
            SettingsError: no project was configured, or its settings cannot be used.
            ProjectError: the project's package cannot be imported.
            HookError: a plugin cannot be loaded.
            KedroSessionError: the store will not be able to save.
            BaseException: whatever a hook raised; the session is closed.
        """
        started = time.perf_counter()
        validate_settings()
        session = cls(
            session_id=generate_timestamp(),
            project_path=project_path,
            save_on_close=save_on_close,
            conf_source=conf_source,
        )
        session._left_open = unclosed_sessions().watch(session)
        prepare = partial(session._fill_store, env, runtime_params)
        tell_of_creation(session._hook_manager, session, started, prepare)
        return session

    def _fill_store(self, env: str | None, runtime_params: dict[str, Any] | None) -> None:
        record: dict[str, Any] = {"project_path": self._project_path, "session_id": self.session_id}
        record.update(cli_context())
        if chosen := chosen_env(env):
            record["env"] = chosen
        if runtime_params:
            record["runtime_params"] = runtime_params
        record.update(username())
        self._store.update(record)
        if self._keeps_store():
            # Git answers while the run goes on. Where nothing is kept, it is asked when somebody reads the store.
            self._git = GitQuestion(self._project_path)

    @property
    def _logger(self) -> logging.Logger:
        return _logger

    @property
    def store(self) -> dict[str, Any]:
        """A copy of what is known of the session.

        Its keys, where they are known: project_path, session_id, cli, env, runtime_params, username, git, exception.
        """
        self._answer_git()
        return dict(self._store)

    def load_context(self) -> KedroContext:
        """Make the project's context for this session.

        Raises:
            ConfigError: the configuration cannot be used.
        """
        env, runtime_params = self._store.get("env"), self._store.get("runtime_params")
        if self._config is None:
            self._config = ConfigSource(self._conf_source, env)
        return build_context(
            self,
            self._hook_manager,
            self.session_id,
            config=self._config,
            runtime_params=runtime_params,
            package_name=self._package_name,
            project_path=self._project_path,
            env=env,
        )

    def run(
        self,
        pipeline_name: str | None = None,
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
    ) -> dict[str, Any]:
        """Run a pipeline, once in the life of a session; a run that failed does not count.

        Args:
            pipeline_name: the default is ``__default__``.
            pipeline_names: several, which run as one.
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

        Returns:
            the datasets (not the data) of the outputs that no node reads, by name.

        Raises:
            KedroSessionError: the session has completed a run, or the runner is not an instance of one.
            UnknownNameError: there is no such pipeline, node, tag, dataset or namespace.
            VersionAlreadyExistsError: this version is there already, or another run is about to save it.
            RunTerminated: SIGTERM or SIGHUP arrived, and the program had not decided what that does.
            BaseException: whatever else ended the run.
        """
        if self._run_called:
            raise KedroSessionError("This session has completed its run; make another session for another run.")
        _logger.info("Project %s", self._project_path.name)
        names = dict.fromkeys([*([pipeline_name] if pipeline_name else []), *(pipeline_names or ())])
        request = RunRequest(
            session_id=self.session_id,
            run_id=self.session_id,
            pipeline_names=tuple(names) if pipeline_name or pipeline_names is not None else None,
            runtime_params=self._store.get("runtime_params") or {},
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
        result = RunEngine(self._hook_manager, self._project_path).run(request, runner, self.load_context)
        self._run_called = True
        return result

    def close(self) -> None:
        """End the session: tell the hooks, then save the store if the session was made so; once.

        Raises:
            RunnerError: a hook called ``sys.exit``.
            KedroSessionError: the store cannot be saved.
            BaseException: whatever else a hook raised, after the store was saved. Where an error ends the session,
                what hooks and store raise is logged and noted on that error instead.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._let_go()
        try:
            tell_of_closing(self._hook_manager, self, self._handled)
        except BaseException as error:
            keep_record(self._save, error if self._handled is None else self._handled)
            raise
        keep_record(self._save, self._handled)

    def _save(self) -> None:
        if self.save_on_close and self._keeps_store():
            self._answer_git()
            self._store.save()
        elif self._git is not None:
            self._answer_git()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, tb_: TracebackType | None
    ) -> None:
        if exc_value is not None:
            import traceback

            self._store["exception"] = {
                "type": _full_name(type(exc_value)),
                "value": text_of(exc_value) or _full_name(type(exc_value)),
                "traceback": traceback.format_tb(tb_),
            }
        super().__exit__(exc_type, exc_value, tb_)

    def _init_store(self) -> BaseSessionStore:
        arguments = dict(settings.SESSION_STORE_ARGS)
        path = (self._project_path / arguments.pop("path", "sessions")).as_posix()
        store: BaseSessionStore = made_of_settings(
            settings.SESSION_STORE_CLASS,
            "SESSION_STORE_ARGS",
            arguments,
            known=("path",),
            path=path,
            session_id=self.session_id,
        )
        if self.save_on_close and isinstance(store, JSONSessionStore) and type(store).save is JSONSessionStore.save:
            store.prepare()
        return store

    def _keeps_store(self) -> bool:
        return type(self._store).save is not BaseSessionStore.save

    def _answer_git(self) -> None:
        if "git" not in self._store:
            if self._git is None:
                self._git = GitQuestion(self._project_path)
            self._store.update(self._git.answer())


def _full_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
