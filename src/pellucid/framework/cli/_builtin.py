"""The commands that are built in: where each is, and what the list of commands says of it."""

from __future__ import annotations

__all__ = ["GLOBAL_COMMANDS", "PROJECT_COMMANDS"]

_HERE = "pellucid.framework.cli"

GLOBAL_COMMANDS = {
    "info": (f"{_HERE}._info.info", "Show the versions of pellucid, Python and the installed plugins."),
    "new": (f"{_HERE}.starters.new", "Make a new project."),
    "starter": (f"{_HERE}.starters.starter", "Show what new projects can be made from."),
}
PROJECT_COMMANDS = {
    "catalog": (f"{_HERE}.catalog.catalog", "Show the catalog."),
    "ipython": (
        f"{_HERE}.project.ipython",
        "Open IPython with the project's catalog, context, session and pipelines.",
    ),
    "package": (
        f"{_HERE}.project.package",
        "Build a wheel of the project, and an archive of its configuration, in 'dist'.",
    ),
    "pipeline": (f"{_HERE}.pipeline.pipeline", "Make and delete pipelines of the project."),
    "registry": (f"{_HERE}.registry.registry", "Show the registered pipelines."),
    "run": (f"{_HERE}.project.run", "Run a pipeline of the project."),
}
