"""What a run was asked to do."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from pellucid._util.values import values
from pellucid.utils import KEDRO_API_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def frozen(names: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return names as a tuple; a single text is one name, and None stays None."""
    if names is None:
        return None
    return (names,) if isinstance(names, str) else tuple(names)


@values(frozen=True)
class RunRequest:
    """What a run was asked to do; nothing of it changes any more.

    Args:
        session_id: of the session.
        run_id: of the run; what versioned datasets save is called so.
        pipeline_names: those that are run together; None is ``__default__``.
        runtime_params: parameters that win over the configured ones.
        load_versions: of versioned datasets, by name; None is the latest of each.
        only_missing_outputs: run only what is needed for outputs that do not exist.
        tags: select nodes, as do the next six; None selects all.
    """

    session_id: str
    run_id: str
    pipeline_names: tuple[str, ...] | None = None
    runtime_params: Mapping[str, Any] = field(default_factory=dict)
    load_versions: Mapping[str, str] | None = None
    only_missing_outputs: bool = False
    tags: tuple[str, ...] | None = None
    node_names: tuple[str, ...] | None = None
    from_nodes: tuple[str, ...] | None = None
    to_nodes: tuple[str, ...] | None = None
    from_inputs: tuple[str, ...] | None = None
    to_outputs: tuple[str, ...] | None = None
    namespaces: tuple[str, ...] | None = None

    def selectors(self) -> dict[str, list[str] | None]:
        """Return the arguments of ``Pipeline.filter``."""
        return {
            "tags": _listed(self.tags) or None,
            "from_nodes": _listed(self.from_nodes) or None,
            "to_nodes": _listed(self.to_nodes) or None,
            "node_names": _listed(self.node_names) or None,
            "from_inputs": _listed(self.from_inputs) or None,
            "to_outputs": _listed(self.to_outputs) or None,
            "node_namespaces": _listed(self.namespaces) or None,
        }

    def run_params(self, project_path: Path, env: str | None, runner: str) -> dict[str, Any]:
        """Return what hooks are told of the run, in a mapping of their own.

        Args:
            project_path: the root of the project.
            env: the environment of the context.
            runner: the name of the runner's class.
        """
        names = _listed(self.pipeline_names)
        return {
            "session_id": self.session_id,
            "run_id": self.run_id,
            "project_path": project_path.as_posix(),
            "env": env,
            "kedro_version": KEDRO_API_VERSION,
            "tags": _listed(self.tags),
            "from_nodes": _listed(self.from_nodes),
            "to_nodes": _listed(self.to_nodes),
            "node_names": _listed(self.node_names),
            "from_inputs": _listed(self.from_inputs),
            "to_outputs": _listed(self.to_outputs),
            "load_versions": dict(self.load_versions) if self.load_versions is not None else None,
            "runtime_params": dict(self.runtime_params),
            "pipeline_name": names[0] if names is not None and len(names) == 1 else None,
            "pipeline_names": names,
            "namespaces": _listed(self.namespaces),
            "runner": runner,
            "only_missing_outputs": self.only_missing_outputs,
        }


def _listed(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)
