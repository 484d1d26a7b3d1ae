"""The plugin that records: it hears the runtime's hooks, and tells others of every span that starts and ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pellucid.framework.hooks.markers import hook_impl
from pellucid.observability.current import current_span
from pellucid.observability.guard import Guard
from pellucid.observability.hooks._attempts import Attempts
from pellucid.observability.hooks._datasets import DatasetFacts
from pellucid.observability.hooks._describing import result_of, run_attributes, run_name
from pellucid.observability.hooks._guarding import RECORDER, guarded
from pellucid.observability.hooks._listeners import Listeners
from pellucid.observability.hooks._opening import open_recording, open_spool, scope_of_run
from pellucid.observability.hooks._ordinary import ordinary_nodes
from pellucid.observability.hooks._table import OpenRun, SpanTable
from pellucid.observability.recording import Outcome
from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    from pellucid.observability.flow import Flow
    from pellucid.observability.recording import Recording
    from pellucid.observability.records import Result, SpanRecord

__all__ = ["Recorder", "recorder"]

_logger = logging.getLogger("pellucid.telemetry")

_PART = RECORDER
_SERIES = (
    "before_node_attempt",
    "before_dataset_loaded",
    "after_dataset_loaded",
    "before_dataset_saved",
    "after_dataset_saved",
    "after_node_attempt",
)
"""Hooks between which records are held back."""
_FLUSHING = ("before_node_run", "on_dataset_error", "on_node_error")
"""Hooks at the beginning of which what is held back is kept."""


def recorder() -> Recorder:
    """Return the plugin that records, for one session."""
    return Recorder()


class Recorder:
    """Keeps the table of open spans for one session.

    The tree: a session has its creation, its context, its catalog and its run; a run has nodes; a node has loads and
    saves. In a session for many runs each run has a trace of its own, with the same tree.
    """

    def __init__(self) -> None:
        self._guard = Guard()
        self._recording: Recording | None = None
        self._relay: Any = None
        self._listeners: Listeners | None = None
        self._table: SpanTable | None = None
        self._attempts: Attempts | None = None
        self._session: OpenRun | None = None
        self._runs: dict[str, OpenRun] = {}
        self._flow: Flow | None = None

    def __getstate__(self) -> dict[str, Any]:
        kept = {"_recording": self._recording, "_relay": self._relay, "_runs": self._runs}
        return {**vars(Recorder()), **kept}

    # ------------------------------------------------------------------------- session

    @hook_impl(tryfirst=True)
    def after_session_created(self, session: Any, seconds: float) -> None:
        """Begin to record."""
        recording = self._guard.call(_PART, open_recording, session, self._guard)
        if recording is None:
            if not self._guard.faults:
                # It has nothing to do: so that nobody listens to nodes and datasets.
                session._hook_manager.unregister(self)  # noqa: SLF001 - as below
            return
        self._recording = recording
        self._guard.call(_PART, self._begin, session, seconds)

    def _begin(self, session: Any, seconds: float) -> None:
        recording = self._recording
        assert recording is not None
        from pellucid.observability.flow import Flow

        self._relay = session._hook_manager.hook  # noqa: SLF001 - Kedro's name, which plugins use
        writer = open_spool(recording, self._rolled)
        self._flow = Flow(recording, writer, active=self._active)
        table = self._start_telling(recording)
        for problem in recording.problems:
            _logger.warning("%s", problem)
        scope, parent_id = scope_of_run(recording, recording.session_id, "", is_first=True)
        run = self._session = OpenRun(scope, None, parent_id)
        self._runs[recording.session_id] = run
        started_ns = recording.clock.ago_ns(seconds)
        run.root = self._start_root(run, started_ns)
        created = table.start(run, "session.create", "session.create", {}, run.root.span_id, started_ns=started_ns)
        table.end(run, created)

    def _rolled(self) -> None:
        if self._flow is not None:
            self._flow.wake()

    def _active(self) -> dict[str, int]:
        """Return how many runs are going on, by pipeline."""
        found: dict[str, int] = {}
        for run in list(self._runs.values()):
            if run.span is not None:
                found[run.scope.pipeline] = found.get(run.scope.pipeline, 0) + 1
        return found

    def _start_telling(self, recording: Recording) -> SpanTable:
        listeners = self._listeners = Listeners(self._relay, self._guard)
        table = self._table = SpanTable(recording, listeners)
        listeners.tell("on_recording_started", recording=recording)
        ordinary = ordinary_nodes(recording, listeners, table)
        self._attempts = Attempts(table, self._guard, ordinary)
        return table

    def _start_root(self, run: OpenRun, started_ns: int | None) -> SpanRecord:
        recording, table = self._recording, self._table
        assert recording is not None
        assert table is not None
        attributes = {Attr.KIND: "session", Attr.SESSION_ID: recording.session_id, **recording.provenance}
        if run.scope.run_id != recording.session_id:
            attributes[Attr.PIPELINE_RUN_ID] = run.scope.run_id
        return table.start(
            run,
            "session",
            f"session {recording.package}",
            attributes,
            run.parent_id,
            started_ns=started_ns,
        )

    @hook_impl(trylast=True)
    def before_session_closed(self, session: Any) -> None:
        """End what is open, and deliver or keep it: each step whatever became of those before it."""
        recording, flow, listeners = self._recording, self._flow, self._listeners
        if recording is None:
            return
        last = self._guard.call_last
        try:
            last(_PART, self._end_everything, getattr(session, "_handled", None))
            outcome = last("delivery", flow.finish) if flow is not None else None
            if listeners is not None:
                last(_PART, listeners.tell, "on_recording_ended", recording=recording, outcome=outcome or Outcome())
        finally:
            self._recording = None

    def _end_everything(self, error: BaseException | None) -> None:
        result = result_of(error)
        for run in [*self._runs.values()]:
            self._end_all(run, result, error)
        self._runs.clear()

    def _end_all(self, run: OpenRun, result: Result, error: BaseException | None) -> None:
        table = self._table
        assert table is not None
        table.end_rest(run, result=result, error=error)
        for span in (run.span, run.root):
            if span is not None:
                table.end(run, span, result, error)

    # ------------------------------------------------------------------------- context and catalog

    @hook_impl(tryfirst=True)
    @guarded
    def before_context_created(self, run_id: str) -> None:
        """Open ``context.load``."""
        run = self._run(run_id)
        assert self._table is not None
        self._table.start(run, "context.load", "context.load", {}, run.root_id)

    @hook_impl(trylast=True)
    @guarded
    def after_context_created(self, context: Any) -> None:
        """Close ``context.load``; note the environment."""
        span = current_span.get()
        if span is not None:
            loader = getattr(context, "config_loader", None)
            env = getattr(context, "env", None) or getattr(loader, "default_run_env", None)
            self._run(span.scope.run_id).env = str(env or "")
        self._end_current("context.load", None)

    @hook_impl(tryfirst=True)
    @guarded
    def after_credentials_loaded(self, credentials: dict[str, Any]) -> None:
        """Note what must not be shown."""
        if self._recording is not None:
            self._recording.hide(credentials)

    @hook_impl
    @guarded
    def on_context_error(self, error: BaseException) -> None:
        """Close ``context.load``."""
        self._end_current("context.load", error)

    @hook_impl(tryfirst=True)
    @guarded
    def before_catalog_created(self, run_id: str) -> None:
        """Open ``catalog.create``."""
        run = self._run(run_id)
        assert self._table is not None
        self._table.start(run, "catalog.create", "catalog.create", {}, run.root_id)

    @hook_impl(trylast=True)
    @guarded
    def after_catalog_created(self, catalog: Any, conf_creds: Any, parameters: Any) -> None:
        """Close ``catalog.create``; note what must not be shown, and the parameters."""
        recording, span = self._recording, current_span.get()
        assert recording is not None
        if span is None or span.kind != "catalog.create":
            return
        recording.hide(conf_creds)
        run = self._run(span.scope.run_id)
        run.facts = DatasetFacts(catalog)
        dataset: Any = parameters.get("parameters") if isinstance(parameters, dict) else None
        load = getattr(dataset, "load", None)
        found = self._guard.call(_PART, load) if load is not None else dataset
        run.parameters = found if isinstance(found, dict) else {}
        self._end_current("catalog.create", None)

    @hook_impl
    @guarded
    def on_catalog_error(self, error: BaseException) -> None:
        """Close ``catalog.create``."""
        self._end_current("catalog.create", error)

    @hook_impl
    @guarded
    def on_run_refused(self, error: BaseException, run_id: str, pipeline_name: str) -> None:
        """Close the trace of a run that comes to nothing."""
        run = self._runs.get(run_id)
        if run is not None and run.root is not None and pipeline_name:
            run.root.end_attributes[Attr.PIPELINE_NAME] = pipeline_name
        if run is not None and run is not self._session:
            del self._runs[run_id]
            self._end_all(run, result_of(error), error)

    def _end_current(self, kind: str, error: BaseException | None) -> None:
        span, table = current_span.get(), self._table
        if span is not None and span.kind == kind and table is not None:
            table.end(self._run(span.scope.run_id), span, result_of(error), error)

    # ------------------------------------------------------------------------- run

    def _run(self, run_id: str) -> OpenRun:
        """Return the run of an id; a run of a session for many begins a trace of its own."""
        run = self._runs.get(run_id)
        if run is None:
            recording, session = self._recording, self._session
            assert recording is not None
            scope, parent_id = scope_of_run(recording, run_id, "", is_first=False)
            run = self._runs[run_id] = OpenRun(scope, None, parent_id)
            if session is not None:
                run.root = self._start_root(run, None)
                if session.root is not None:
                    run.root.links.append((session.scope.trace_id, session.root.span_id, {}))
        return run

    @hook_impl(tryfirst=True)
    @guarded
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Any) -> None:
        """Open the run."""
        recording, table = self._recording, self._table
        assert recording is not None
        assert table is not None
        run = self._run(run_params["run_id"])
        name = run_name(run_params)
        run.rename(name)
        attributes = run_attributes(recording, run_params, name, pipeline, run)
        run.nodes_done = 0
        run.span = table.start(run, "run", f"RUN {name}", attributes, run.root_id)
        if self._attempts is not None:
            self._attempts.is_alone = self._is_alone()
        if recording.bundles is not None:
            recording.bundles.expect(pipeline.nodes)
        if self._flow is not None:
            self._flow.start_background()

    @hook_impl(trylast=True)
    @guarded
    def after_pipeline_run(self, run_params: dict[str, Any]) -> None:
        """Close the run."""
        self._end_run(run_params["run_id"], None)

    @hook_impl(trylast=True)
    @guarded
    def on_pipeline_error(self, error: BaseException, run_params: dict[str, Any]) -> None:
        """Close the run, and what was open in it."""
        self._end_run(run_params["run_id"], error)

    def _end_run(self, run_id: str, error: BaseException | None) -> None:
        run, table = self._runs.get(run_id), self._table
        if run is None or run.span is None or table is None:
            return
        result = result_of(error)
        if result in ("failure", "cancellation") and self._flow is not None:
            self._flow.cut_off(run.scope.trace_id)
        table.end_rest(run, result=result, error=error)
        run.span.end_attributes[Attr.NODE_DONE_COUNT] = run.nodes_done
        run.span.end_attributes[Attr.PIPELINE_RESULT] = result
        table.end(run, run.span, result, error)
        run.span = None
        if run is not self._session:
            del self._runs[run_id]
            self._end_all(run, result, error)

    @hook_impl
    def after_worker_started(self) -> None:
        """Begin to record in a worker process."""
        self._guard.call(_PART, self._begin_in_worker)

    def _begin_in_worker(self) -> None:
        recording = self._recording
        if recording is None:
            return
        recording.guard = self._guard
        recording.is_worker = True
        self._flow = None
        open_spool(recording)
        self._start_telling(recording)
        if self._attempts is not None:
            self._attempts.is_alone = self._is_alone()

    def _is_alone(self) -> bool:
        """Tell whether nobody else hears of attempts at nodes, and of datasets, or of what is held back before us."""
        others = [(name, each) for name in (*_SERIES, *_FLUSHING) for each in self._implementations(name)]
        return not any(name in _SERIES or each.wrapper or each.hookwrapper or each.tryfirst for name, each in others)

    def _implementations(self, name: str) -> list[Any]:
        """Return those of other plugins."""
        caller = getattr(self._relay, name, None)
        return [each for each in caller.get_hookimpls() if each.plugin is not self] if caller is not None else []

    # ------------------------------------------------------------------------- nodes and datasets

    @hook_impl(tryfirst=True)
    @guarded
    def before_node_attempt(self, node: Any, catalog: Any, run_id: str, is_async: bool, waited_seconds: float) -> None:
        """Open a node."""
        run = self._runs.get(run_id)
        if run is not None and self._attempts is not None:
            self._attempts.open_node(run, node, catalog, is_async=is_async, waited_seconds=waited_seconds)

    @hook_impl(trylast=True)
    @guarded
    def after_node_attempt(self, node: Any, run_id: str, error: BaseException | None) -> None:
        """Close a node."""
        run = self._runs.get(run_id)
        if run is not None and self._attempts is not None:
            self._attempts.close_node(run, node.name, error)

    @hook_impl
    @guarded
    def after_node_settled(self, run_id: str, error: BaseException | None) -> None:
        """Count a node that is done."""
        run = self._runs.get(run_id)
        if run is not None and error is None:
            run.nodes_done += 1

    @hook_impl(tryfirst=True)
    @guarded
    def before_node_run(self, node: Any, run_id: str) -> None:
        """Have kept what was held back until now."""
        run = self._runs.get(run_id)
        if run is not None and self._attempts is not None:
            self._attempts.begin_work(run, node.name)

    @hook_impl(tryfirst=True)
    @guarded
    def before_dataset_loaded(self, dataset_name: str) -> None:
        """Open a load."""
        if self._attempts is not None:
            self._attempts.open_dataset(dataset_name, "load")

    @hook_impl(trylast=True)
    @guarded
    def after_dataset_loaded(self, dataset_name: str, data: Any) -> None:
        """Close a load."""
        if self._attempts is not None:
            self._attempts.close_dataset(dataset_name, "load", data, None)

    @hook_impl(tryfirst=True)
    @guarded
    def before_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Open a save."""
        if self._attempts is not None:
            self._attempts.open_dataset(dataset_name, "save", data)

    @hook_impl(trylast=True)
    @guarded
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Close a save."""
        if self._attempts is not None:
            self._attempts.close_dataset(dataset_name, "save", data, None)

    @hook_impl(tryfirst=True)
    @guarded
    def on_node_error(self, node: Any, run_id: str) -> None:
        """Have kept what was held back until now."""
        run = self._runs.get(run_id)
        if run is not None and self._attempts is not None:
            self._attempts.begin_work(run, node.name)

    @hook_impl(tryfirst=True)
    @guarded
    def on_dataset_error(self, error: BaseException, dataset_name: str, operation: str) -> None:
        """Close a load or save that failed."""
        if self._attempts is not None:
            self._attempts.close_dataset(dataset_name, operation, None, error)

    # ------------------------------------------------------------------------- asked by others

    @hook_impl
    @guarded
    def expect_node_seconds(self, pipeline: Any) -> dict[str, float] | None:
        """Return how long nodes took in earlier runs."""
        from pellucid.observability.history import HistoryStore, expected_node_seconds

        recording = self._recording
        assert recording is not None
        path = recording.path(recording.options.history.path)
        if not (recording.options.history.enabled and path.exists()):
            return None
        names = [node.name for node in pipeline.nodes]
        pipeline_name = next((each.scope.pipeline for each in self._runs.values() if each.span is not None), "")
        return expected_node_seconds(HistoryStore(path), pipeline_name, names)
