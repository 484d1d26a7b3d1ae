"""What every session is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import KedroSessionError

if TYPE_CHECKING:
    import weakref
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["AbstractSession", "KedroSessionError"]


class AbstractSession(ABC):
    """Runs pipelines of a project; a context manager that closes itself."""

    _handled: BaseException | None = None
    """The error that leaves the ``with`` block, or ``create``, while the session is closed because of it."""

    _left_open: weakref.finalize[..., Any] | None = None
    """What has the session closed if nobody else does."""

    @classmethod
    @abstractmethod
    def create(cls) -> AbstractSession:
        """Make a session for the project of this process."""

    @abstractmethod
    def run(self) -> dict[str, Any]:
        """Run a pipeline, and return the datasets of its outputs by name."""

    @abstractmethod
    def close(self) -> None:
        """End the session."""

    def _let_go(self) -> None:
        """Note that somebody closes the session."""
        if self._left_open is not None:
            self._left_open.detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb_: TracebackType | None,
    ) -> None:
        self._handled = exc_value
        try:
            self.close()
        finally:
            self._handled = None
