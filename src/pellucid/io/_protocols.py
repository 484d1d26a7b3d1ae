"""What a catalog is, for annotations of those who are given one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator

_C_co = TypeVar("_C_co", covariant=True)
_DS = TypeVar("_DS")


@runtime_checkable
class CatalogProtocol(Protocol[_C_co, _DS]):
    """A catalog of datasets, by name."""

    _datasets: dict[str, _DS]

    def __repr__(self) -> str: ...

    def __contains__(self, ds_name: str) -> bool: ...

    def keys(self) -> list[str]:
        """Return the names."""
        ...

    def values(self) -> list[_DS]:
        """Return the datasets."""
        ...

    def items(self) -> list[tuple[str, _DS]]:
        """Return names and datasets."""
        ...

    def __iter__(self) -> Iterator[str]: ...

    def __getitem__(self, ds_name: str) -> _DS: ...

    def __setitem__(self, key: str, value: Any) -> None: ...

    @classmethod
    def from_config(cls, catalog: dict[str, dict[str, Any]] | None) -> _C_co:
        """Make a catalog from its configuration."""
        ...

    def get(self, key: str, fallback_to_runtime_pattern: bool = False) -> _DS | None:
        """Return a dataset, or None."""
        ...

    def save(self, name: str, data: Any) -> None:
        """Save a dataset's data."""
        ...

    def load(self, name: str, version: str | None = None) -> Any:
        """Load a dataset's data."""
        ...

    def release(self, name: str) -> None:
        """Let go of what a dataset holds in memory."""
        ...

    def confirm(self, name: str) -> None:
        """Confirm a dataset."""
        ...

    def exists(self, name: str) -> bool:
        """Tell whether a dataset's data is there."""
        ...


@runtime_checkable
class SharedMemoryCatalogProtocol(CatalogProtocol[_C_co, _DS], Protocol):
    """A catalog whose intermediate data several processes can reach."""

    def set_manager_datasets(self, manager: Any) -> None:
        """Give every shared-memory dataset its place."""
        ...

    def validate_catalog(self) -> None:
        """Refuse datasets that cannot be used by several processes."""
        ...
