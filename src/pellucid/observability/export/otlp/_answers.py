"""What a backend answers to a request, reduced to what the sender does next."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Accepted:
    """The backend has it; it is never sent again.

    Attributes:
        rejected: records that the backend dropped all the same (OTLP's partial success).
        message: what the backend said about them.
    """

    rejected: int = 0
    message: str = ""


@dataclass(frozen=True)
class Refused:
    """The backend will never take this request, as it is.

    Attributes:
        reason: for people, without secrets.
    """

    reason: str


@dataclass(frozen=True)
class TooLarge:
    """The backend will not take this request, but may take it in smaller parts.

    Attributes:
        reason: for people, without secrets.
    """

    reason: str


@dataclass(frozen=True)
class Barred:
    """The backend takes no request of ours until somebody changes the configuration, here or there.

    Attributes:
        reason: for people, without secrets.
    """

    reason: str


@dataclass(frozen=True)
class Retry:
    """The same request may be accepted later.

    Attributes:
        reason: for people, without secrets.
        after_seconds: how long the backend asks to be left alone; None if it does not say.
        is_unreachable: no connection came about, so that trying again at once is of no use.
    """

    reason: str
    after_seconds: float | None = None
    is_unreachable: bool = False


Answer = Accepted | Refused | TooLarge | Barred | Retry
