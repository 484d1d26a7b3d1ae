"""What each hook is called with, and when.

An implementation may take fewer arguments than its specification has. Unless said otherwise, an exception that an
implementation raises stops the run; one that is raised while an error is being reported is logged, and noted on it.
Then all the others are told, too, and so they are of the end of a run. Ctrl-C, SIGTERM or SIGHUP that arrives while an
error is being reported takes its place, when all were told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid.framework.hooks.markers import hook_spec

if TYPE_CHECKING:
    from pellucid.pipeline import Pipeline
    from pellucid.pipeline.node import Node
    from pellucid.typing import Catalog

__all__ = [
    "DataCatalogSpecs",
    "DatasetSpecs",
    "KedroContextSpecs",
    "NodeSpecs",
    "PipelineSpecs",
    "RecordingSpecs",
    "SessionSpecs",
    "WorkerSpecs",
]


class SessionSpecs:
    """Hooks around a session."""

    @hook_spec
    def after_session_created(self, session: Any, seconds: float) -> None:
        """Called once, when ``create()`` is done; also where it fails after the hooks are there.

        Every plugin's is called. Where it fails, or one of them raises, the session is closed at once.

        Args:
            session: the session, its store filled, as far as that went.
            seconds: how long it took to create.
        """

    @hook_spec
    def before_session_closed(self, session: Any) -> None:
        """Called once, when the session is closed, before its store is saved; every plugin's is called.

        A session that nobody closes is closed when its process makes another one, if it was collected by then, and
        else at the end of that process. In a process that was forked meanwhile it is not.

        Args:
            session: the session.
        """


class KedroContextSpecs:
    """Hooks around the project's context."""

    @hook_spec
    def before_context_created(self, session: Any, run_id: str) -> None:
        """Called before the context is built.

        Args:
            session: the session that needs it.
            run_id: of the run it is built for; the session's id if it is for none.
        """

    @hook_spec
    def after_context_created(self, context: Any) -> None:
        """Called when the context was built; may still change its configuration.

        Args:
            context: the context.
        """

    @hook_spec
    def after_credentials_loaded(self, credentials: dict[str, Any]) -> None:
        """Called whenever the context has read the credentials, before anything is made with them.

        Args:
            credentials: the configuration; not to be changed.
        """

    @hook_spec
    def on_context_error(self, error: BaseException, session: Any, run_id: str) -> None:
        """Called when the context cannot be built, or ``before_`` or ``after_context_created`` raised.

        Args:
            error: what was raised.
            session: the session.
            run_id: as for ``before_context_created``.
        """


class DataCatalogSpecs:
    """Hooks around the catalog."""

    @hook_spec
    def before_catalog_created(self, run_id: str) -> None:
        """Called before the catalog of a run is built.

        Args:
            run_id: of the run.
        """

    @hook_spec
    def after_catalog_created(
        self,
        catalog: Catalog,
        conf_catalog: dict[str, Any],
        conf_creds: dict[str, Any],
        parameters: dict[str, Any],
        save_version: str,
        load_versions: dict[str, str],
    ) -> None:
        """Called whenever a catalog was built.

        Args:
            catalog: the catalog; parameters are in it.
            conf_catalog: the configuration it was built from, paths made absolute.
            conf_creds: the credentials.
            parameters: the datasets of the parameters: ``parameters`` and one ``params:…`` each.
            save_version: the version that this run saves.
            load_versions: the versions that were asked for, by name of dataset.
        """

    @hook_spec
    def on_catalog_error(self, error: BaseException, run_id: str) -> None:
        """Called when the catalog of a run cannot be built, or ``before_`` or ``after_catalog_created`` raised.

        Args:
            error: what was raised.
            run_id: of the run.
        """


class PipelineSpecs:
    """Hooks around the run of a pipeline.

    For each call of ``before_pipeline_run``, ``after_pipeline_run`` or ``on_pipeline_error`` is called.
    """

    @hook_spec
    def on_run_refused(self, error: BaseException, run_id: str, pipeline_name: str) -> None:
        """Called when a run comes to nothing before ``before_pipeline_run``; every plugin's is called.

        It is called after ``on_context_error`` and ``on_catalog_error``, and not for a call of ``run()`` that is wrong
        in itself: with a runner that is none, or in a session that has completed its one run.

        Args:
            error: why: the context or the catalog cannot be built, there is no such pipeline or node, or the version
                to be saved is there already; also KeyboardInterrupt and RunTerminated.
            run_id: of the run.
            pipeline_name: what was to run; several names are joined by ``+``.
        """

    @hook_spec
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: Catalog) -> None:
        """Called before the first node.

        Args:
            run_params: what was asked for: run_id, session_id, project_path, env, kedro_version, tags, from_nodes,
                to_nodes, node_names, from_inputs, to_outputs, load_versions, runtime_params, pipeline_name,
                pipeline_names, namespaces, runner (its name), only_missing_outputs.
            pipeline: the part that runs.
            catalog: the catalog of this run.
        """

    @hook_spec
    def after_pipeline_run(
        self, run_params: dict[str, Any], run_result: dict[str, Any], pipeline: Pipeline, catalog: Catalog
    ) -> None:
        """Called after a run that completed; every plugin's is called.

        Args:
            run_params: as for ``before_pipeline_run``.
            run_result: the datasets of the pipeline's outputs, by name.
            pipeline: the part that ran.
            catalog: the catalog of this run.
        """

    @hook_spec
    def on_pipeline_error(
        self, error: BaseException, run_params: dict[str, Any], pipeline: Pipeline, catalog: Catalog
    ) -> None:
        """Called after a run that did not complete, whatever ended it; every plugin's is called.

        Args:
            error: what ended it: also KeyboardInterrupt and, for SIGTERM and SIGHUP, RunTerminated.
            run_params: as for ``before_pipeline_run``.
            pipeline: the part that was to run.
            catalog: the catalog of this run.
        """


class NodeSpecs:
    """Hooks around a node; they run in the process and thread of the node unless said otherwise."""

    @hook_spec
    def before_node_run(
        self, node: Node, catalog: Catalog, inputs: dict[str, Any], is_async: bool, run_id: str
    ) -> dict[str, Any] | None:
        """Called when the inputs are loaded.

        Args:
            node: the node.
            catalog: the catalog of this run.
            inputs: the data by name of dataset; a shallow copy.
            is_async: whether inputs are loaded and outputs saved in threads.
            run_id: of the run.

        Returns:
            None, or data that replaces inputs, by name of dataset.
        """

    @hook_spec
    def after_node_run(
        self,
        node: Node,
        catalog: Catalog,
        inputs: dict[str, Any],
        outputs: dict[str, Any],
        is_async: bool,
        run_id: str,
    ) -> None:
        """Called when the function returned, before its outputs are saved; for a generator, before its first chunk.

        Args:
            node: the node.
            catalog: the catalog of this run.
            inputs: the data by name of dataset.
            outputs: the data by name of dataset; of a generator, what yields its chunks.
            is_async: whether inputs are loaded and outputs saved in threads.
            run_id: of the run.
        """

    @hook_spec
    def on_node_error(
        self,
        error: BaseException,
        node: Node,
        catalog: Catalog,
        inputs: dict[str, Any],
        is_async: bool,
        run_id: str,
    ) -> None:
        """Called when a node failed, and in the parent process when its worker died.

        Its function, a load, a save or a hook of it raised. It is not called for a node that is still at work in a
        thread when its run has ended.

        Args:
            error: what was raised; NodeExitError for ``sys.exit``.
            node: the node.
            catalog: the catalog of this run.
            inputs: the data by name of dataset, as far as it was loaded; empty when the worker died.
            is_async: whether inputs are loaded and outputs saved in threads.
            run_id: of the run.
        """

    @hook_spec
    def before_node_attempt(
        self, node: Node, catalog: Catalog, run_id: str, is_async: bool, waited_seconds: float
    ) -> None:
        """Called before anything else is done for a node: before its first input is loaded.

        Args:
            node: the node.
            catalog: the catalog of this run.
            run_id: of the run.
            is_async: whether inputs are loaded and outputs saved in threads.
            waited_seconds: for how long the node could have run.
        """

    @hook_spec
    def after_node_attempt(self, node: Node, run_id: str, error: BaseException | None) -> None:
        """Called after everything else was done for a node: its last output is saved, or ``on_node_error`` was called.

        It is not called for a node whose worker died, nor for one that is still at work when its run has ended.

        Args:
            node: the node.
            run_id: of the run.
            error: what it failed with, else None.
        """

    @hook_spec
    def after_node_dispatched(self, node: Node, run_id: str) -> None:
        """Called in the parent process: a node was given to a thread or process, or is about to run.

        Args:
            node: the node.
            run_id: of the run.
        """

    @hook_spec
    def after_node_settled(self, node: Node, run_id: str, error: BaseException | None) -> None:
        """Called in the parent process: a node is done or failed.

        Args:
            node: the node.
            run_id: of the run.
            error: what it failed with, else None.
        """


class DatasetSpecs:
    """Hooks around loading and saving a dataset; they run where the node does."""

    @hook_spec
    def before_dataset_loaded(self, dataset_name: str, node: Node) -> None:
        """Called before an input is loaded.

        Args:
            dataset_name: its name.
            node: the node that reads it.
        """

    @hook_spec
    def after_dataset_loaded(self, dataset_name: str, data: Any, node: Node) -> None:
        """Called when an input was loaded.

        Args:
            dataset_name: its name.
            data: what was loaded.
            node: the node that reads it.
        """

    @hook_spec
    def before_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Called before an output is saved; for a generator, before each chunk.

        Args:
            dataset_name: its name.
            data: what is saved.
            node: the node that made it.
        """

    @hook_spec
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Called when an output was saved; for a generator, after each chunk.

        Args:
            dataset_name: its name.
            data: what was saved.
            node: the node that made it.
        """

    @hook_spec
    def on_dataset_error(self, error: BaseException, dataset_name: str, node: Node, operation: str) -> None:
        """Called when an input cannot be loaded or an output cannot be saved.

        Args:
            error: what was raised.
            dataset_name: its name.
            node: the node that reads or made it.
            operation: "load" or "save".
        """


class WorkerSpecs:
    """Hooks around worker processes."""

    @hook_spec
    def after_worker_started(self, run_id: str, pid: int, start_method: str) -> None:
        """Called once in each worker process, before its first node.

        Args:
            run_id: of the run it works for.
            pid: its process id.
            start_method: "fork", "spawn" or "forkserver".
        """

    @hook_spec
    def on_worker_lost(self, error: BaseException, node: Node | None, run_id: str) -> None:
        """Called in the parent process: a worker process died.

        Args:
            error: a WorkerLostError with pid and exit code.
            node: the node it was running, or None.
            run_id: of the run.
        """


class RecordingSpecs:
    """Hooks of the built-in telemetry. They are not called where it is switched off."""

    @hook_spec
    def on_recording_started(self, recording: Any) -> None:
        """Called once in each process of a session, before its first span.

        Args:
            recording: the services that plugins of telemetry share, a ``pellucid.observability.recording.Recording``.
        """

    @hook_spec
    def on_span_started(self, span: Any) -> tuple[int, bytes] | None:
        """Called when an operation of the runtime begins, in its process and thread; should be quick.

        Args:
            span: a ``pellucid.observability.records.SpanRecord``, open.

        Returns:
            the number of a stream and what is to be kept in the spool as its start there, or None. What all plugins
            return is written at once.
        """

    @hook_spec
    def on_span_ended(self, span: Any) -> tuple[int, bytes] | None:
        """Called when an operation of the runtime has ended, in its process and thread; should be quick.

        A plugin that a signal interrupts in here is called once more.

        Args:
            span: the same one, ended.

        Returns:
            the number of a stream and what is to be kept in the spool as its end there, or None.
        """

    @hook_spec
    def on_recording_ended(self, recording: Any, outcome: Any) -> None:
        """Called in the main process when all that was recorded is kept or delivered.

        Args:
            recording: as for ``on_recording_started``.
            outcome: what became of it, a ``pellucid.observability.recording.Outcome``.
        """

    @hook_spec(firstresult=True)
    def expect_node_seconds(self, session: Any, pipeline: Pipeline) -> dict[str, float] | None:
        """Called by a display of progress: how long nodes took in earlier runs.

        Args:
            session: the session that runs.
            pipeline: the part that runs.

        Returns:
            seconds by name of node, of those that ran before; None if nothing is known.
        """
