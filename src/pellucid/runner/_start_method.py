"""How worker processes are started: what the environment asks for."""

from __future__ import annotations

import os

from pellucid._util.suggest import did_you_mean

__all__ = ["VARIABLES", "chosen_start_method"]

VARIABLES = ("PELLUCID_MP_CONTEXT", "KEDRO_MP_CONTEXT")


def chosen_start_method() -> str:
    """Return the start method that the first of ``VARIABLES`` with a value names, or else Python's own.

    Raises:
        ValueError: the value is no start method of this system.
    """
    import multiprocessing

    for variable in VARIABLES:
        value = os.environ.get(variable, "").strip()
        if value:
            known = multiprocessing.get_all_start_methods()
            if value not in known:
                raise ValueError(
                    f"{variable}={value!r} is no start method of this system; it has: {', '.join(known)}."
                    f"{did_you_mean(value, known)}"
                )
            return value
    # Asked in any other way, Python would take this as the choice for the whole process. The default comes first.
    return multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0]
