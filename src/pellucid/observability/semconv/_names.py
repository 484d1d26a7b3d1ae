"""Names of span attributes and of fields in log lines."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Attr:
    """Names of attributes; those without the prefix ``pellucid.`` are OpenTelemetry's semantic conventions."""

    SERVICE_NAME = "service.name"
    SERVICE_VERSION = "service.version"
    SERVICE_INSTANCE_ID = "service.instance.id"
    HOST_NAME = "host.name"
    PROCESS_PID = "process.pid"
    PROCESS_RUNTIME_NAME = "process.runtime.name"
    PROCESS_RUNTIME_VERSION = "process.runtime.version"
    TELEMETRY_SDK_NAME = "telemetry.sdk.name"
    TELEMETRY_SDK_LANGUAGE = "telemetry.sdk.language"
    TELEMETRY_SDK_VERSION = "telemetry.sdk.version"
    VCS_REVISION = "vcs.ref.head.revision"
    VCS_BRANCH = "vcs.ref.head.name"

    SESSION_ID = "session.id"
    PIPELINE_NAME = "cicd.pipeline.name"
    PIPELINE_RUN_ID = "cicd.pipeline.run.id"
    PIPELINE_RESULT = "cicd.pipeline.result"
    TASK_NAME = "cicd.pipeline.task.name"
    TASK_RESULT = "cicd.pipeline.task.run.result"
    ERROR_TYPE = "error.type"
    EXCEPTION_TYPE = "exception.type"
    EXCEPTION_MESSAGE = "exception.message"
    EXCEPTION_STACKTRACE = "exception.stacktrace"
    CODE_FUNCTION = "code.function.name"
    SCOPE_NAME = "otel.scope.name"
    SCOPE_VERSION = "otel.scope.version"

    RESULT = "pellucid.result"
    KIND = "pellucid.kind"
    ENV = "pellucid.env"
    RUNNER = "pellucid.runner"
    PARAMETERS = "pellucid.parameters"
    SELECTION = "pellucid.selection"
    NODE_COUNT = "pellucid.run.nodes"
    PIPELINE_NODE_COUNT = "pellucid.run.pipeline_nodes"
    NODE_DONE_COUNT = "pellucid.run.nodes_done"
    TAGS = "pellucid.node.tags"
    NAMESPACE = "pellucid.node.namespace"
    IS_ASYNC = "pellucid.node.is_async"
    QUEUE_WAIT = "pellucid.node.queue_wait_seconds"
    CPU = "pellucid.node.cpu_seconds"
    MEMORY_PEAK = "pellucid.node.memory_peak_bytes"
    DATASET_NAME = "pellucid.dataset.name"
    DATASET_TYPE = "pellucid.dataset.type"
    DATASET_VERSION = "pellucid.dataset.version"
    DATASET_BYTES = "pellucid.dataset.bytes"
    DATASET_ROWS = "pellucid.dataset.rows"
    OPERATION = "pellucid.dataset.operation"


ATTRIBUTES: Mapping[str, str] = MappingProxyType(
    {
        Attr.SERVICE_NAME: "resource: the project's package, unless configured",
        Attr.SERVICE_VERSION: "resource: the version of the project's package, if it is installed",
        Attr.SERVICE_INSTANCE_ID: "resource: the id of the session",
        Attr.HOST_NAME: "resource: the machine",
        Attr.PROCESS_PID: "resource: the process",
        Attr.PROCESS_RUNTIME_NAME: "resource: the interpreter",
        Attr.PROCESS_RUNTIME_VERSION: "resource: its version",
        Attr.TELEMETRY_SDK_NAME: "resource: pellucid",
        Attr.TELEMETRY_SDK_LANGUAGE: "resource: python",
        Attr.TELEMETRY_SDK_VERSION: "resource: the version of pellucid",
        Attr.VCS_REVISION: "session: the commit of the project",
        Attr.VCS_BRANCH: "session: the branch of the project",
        Attr.SESSION_ID: "every span: the session",
        Attr.PIPELINE_NAME: "run: the pipeline; several are joined by +",
        Attr.PIPELINE_RUN_ID: "run: its id",
        Attr.PIPELINE_RESULT: "run: success, failure, error, timeout, cancellation or skip",
        Attr.TASK_NAME: "node: its name",
        Attr.TASK_RESULT: "node: the same words as for the run",
        Attr.ERROR_TYPE: "every span that did not succeed: the class of the error, or ProcessLost",
        Attr.EXCEPTION_TYPE: "event exception: the class",
        Attr.EXCEPTION_MESSAGE: "event exception: the message, redacted",
        Attr.EXCEPTION_STACKTRACE: "event exception: the traceback, redacted",
        Attr.CODE_FUNCTION: "node: the function",
        Attr.SCOPE_NAME: "spans of others: the library that opened it",
        Attr.SCOPE_VERSION: "spans of others: its version",
        Attr.RESULT: "every span: how it ended",
        Attr.KIND: "every span: session, session.create, context.load, catalog.create, run, node, load or save",
        Attr.ENV: "run: the configuration environment",
        Attr.RUNNER: "run: the runner's class",
        Attr.PARAMETERS: "run: its parameters as JSON, redacted",
        Attr.SELECTION: "run: what was chosen of the pipeline (tags, nodes …), as JSON",
        Attr.NODE_COUNT: "run: how many nodes it has",
        Attr.PIPELINE_NODE_COUNT: "run of a part of a pipeline: how many nodes the whole one has",
        Attr.NODE_DONE_COUNT: "run: how many of them were done",
        Attr.TAGS: "node: its tags",
        Attr.NAMESPACE: "node: its namespace",
        Attr.IS_ASYNC: "node: whether its datasets are loaded and saved in threads",
        Attr.QUEUE_WAIT: "node: seconds from when it could run to when it did",
        Attr.CPU: "node: seconds of processor time that its thread used",
        Attr.MEMORY_PEAK: "node: the most memory that its process had ever used by its end",
        Attr.DATASET_NAME: "load, save: the dataset",
        Attr.DATASET_TYPE: "load, save: its class",
        Attr.DATASET_VERSION: "load, save: the version",
        Attr.DATASET_BYTES: "load, save: the size of the file, where there is one on this machine",
        Attr.DATASET_ROWS: "load, save: the number of rows, where the data is a table",
        Attr.OPERATION: "load, save: which of the two",
    }
)
"""What each attribute says, and on which spans it is."""
