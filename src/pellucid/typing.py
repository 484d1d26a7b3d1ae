"""The Protocols by which the rooms of pellucid know each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Catalog", "Dataset", "HookRelay", "WorkerBootstrap"]


@runtime_checkable
class Dataset(Protocol):
    """What can be in a catalog: anything that loads and saves, whatever its base class.

    Optional members that are used where they are there: ``exists() -> bool``, ``release() -> None``,
    ``confirm() -> None``, ``_EPHEMERAL`` (its data is gone with the process) and
    ``_SINGLE_PROCESS`` (it must not be handed to another process).
    """

    def load(self) -> Any:
        """Return the data."""
        ...

    def save(self, data: Any) -> None:
        """Keep the data."""
        ...


class Catalog(Protocol):
    """What a runner needs of a catalog. Kedro calls the larger form ``CatalogProtocol``."""

    def __contains__(self, ds_name: str) -> bool: ...
    def __getitem__(self, ds_name: str) -> Any: ...
    def __setitem__(self, key: str, value: Any) -> None: ...
    def __iter__(self) -> Iterator[str]: ...

    def get(self, key: str, fallback_to_runtime_pattern: bool = False) -> Any:
        """Return the dataset, made from its configuration or pattern if need be, or None."""
        ...

    def load(self, name: str, version: str | None = None) -> Any:
        """Load a dataset's data."""
        ...

    def save(self, name: str, data: Any) -> None:
        """Save a dataset's data."""
        ...

    def exists(self, name: str) -> bool:
        """Tell whether the dataset's data is there."""
        ...

    def release(self, name: str) -> None:
        """Let go of what the dataset holds in memory."""
        ...

    def confirm(self, name: str) -> None:
        """Confirm a dataset, if it can be confirmed."""
        ...


class HookRelay(Protocol):
    """What a runner needs of a hook manager: pluggy's ``PluginManager`` has it.

    A manager may also carry ``worker_bootstrap``, a callable without arguments that returns a ``WorkerBootstrap``,
    by which worker processes come to have the same hooks.
    """

    @property
    def hook(self) -> Any:
        """Calls every implementation of a hook: ``relay.hook.before_node_run(node=…, …)``."""
        ...


class WorkerBootstrap(Protocol):
    """Makes a worker process ready; pickled to it and called there once, before any node is unpickled."""

    def __call__(self) -> HookRelay:
        """Configure project and logging of this process, and return its hooks."""
        ...
