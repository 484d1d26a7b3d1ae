"""How worker processes are started: what the environment asks for."""

from __future__ import annotations

import os

from pellucid._util.suggest import did_you_mean
from pellucid.exceptions import StartMethodError

__all__ = ["VARIABLES", "chosen_start_method", "requested_start_method"]

VARIABLES = ("PELLUCID_MP_CONTEXT", "KEDRO_MP_CONTEXT")


def requested_start_method() -> str | None:
    """Return the start method that the first of ``VARIABLES`` with a value names, or None if there is none.

    Raises:
        StartMethodError: the value is no start method of this system.
    """
    for variable in VARIABLES:
        value = os.environ.get(variable, "").strip()
        if value:
            import multiprocessing

            known = multiprocessing.get_all_start_methods()
            if value not in known:
                raise StartMethodError(
                    f"{variable}={value!r} is no start method of this system; it has: {', '.join(known)}."
                    f"{did_you_mean(value, known)}"
                )
            return value
    return None


def chosen_start_method() -> str:
    """Return the start method that the environment asks for, or else Python's own.

    Raises:
        StartMethodError: what the environment asks for is no start method of this system.
    """
    requested = requested_start_method()
    if requested is not None:
        return requested
    import multiprocessing

    # Asked in any other way, Python would take this as the choice for the whole process. The default comes first.
    return multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0]
