import os
from pathlib import Path

from kedro.framework.hooks import hook_impl


def note(*words):
    line = " ".join(str(word) for word in words) + "\n"
    descriptor = os.open(Path.cwd() / "hooks.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


DIFFERENT = {"run_id", "session_id", "project_path", "kedro_version", "runner", "pipeline_name"}


def listed(value):
    # Kedro gives the pipelines that were asked for in no particular order.
    return sorted(value) if isinstance(value, (tuple, list, set)) else value


class Recorder:
    @hook_impl
    def after_context_created(self, context):
        note("after_context_created", context.env, sorted(context.params))

    @hook_impl
    def after_catalog_created(self, catalog, conf_catalog, conf_creds, parameters, save_version, load_versions):
        note("after_catalog_created", sorted(conf_catalog), sorted(conf_creds), sorted(parameters))

    @hook_impl
    def before_pipeline_run(self, run_params, pipeline, catalog):
        told = {key: listed(value) for key, value in sorted(run_params.items()) if key not in DIFFERENT}
        note("before_pipeline_run", len(pipeline.nodes), told)

    @hook_impl
    def after_pipeline_run(self, run_params, run_result, pipeline, catalog):
        note("after_pipeline_run", sorted(run_result))

    @hook_impl
    def on_pipeline_error(self, error, run_params, pipeline, catalog):
        note("on_pipeline_error", type(error).__name__)

    @hook_impl
    def before_node_run(self, node, catalog, inputs, is_async, run_id):
        note("before_node_run", node.name, sorted(inputs), is_async)

    @hook_impl
    def after_node_run(self, node, catalog, inputs, outputs, is_async, run_id):
        note("after_node_run", node.name, sorted(outputs))

    @hook_impl
    def before_dataset_loaded(self, dataset_name, node):
        note("before_dataset_loaded", dataset_name, node.name)

    @hook_impl
    def after_dataset_loaded(self, dataset_name, data, node):
        note("after_dataset_loaded", dataset_name, type(data).__name__, node.name)

    @hook_impl
    def before_dataset_saved(self, dataset_name, data, node):
        note("before_dataset_saved", dataset_name, type(data).__name__, node.name)

    @hook_impl
    def after_dataset_saved(self, dataset_name, data, node):
        note("after_dataset_saved", dataset_name, node.name)
