"""The runner that was asked for by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pellucid._util.suggest import did_you_mean
from pellucid.exceptions import StartMethodError

from ._hints import nearest_or_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pellucid.runner import AbstractRunner

_PACKAGE = "pellucid.runner"


def make_runner(name: str | None, *, is_async: bool, arguments: Mapping[str, Any]) -> AbstractRunner:
    """Make a runner.

    Args:
        name: a class of ``pellucid.runner``, or ``module.Class``; the sequential one if not given.
        is_async: load and save in threads.
        arguments: of its constructor.

    Raises:
        click.UsageError: there is no such runner, or it does not take these arguments.
    """
    from pellucid.runner import AbstractRunner

    # Configuration files of projects for Kedro name its runners in full.
    kind = _runner_class((name or "SequentialRunner").removeprefix("kedro.runner."))
    if not (isinstance(kind, type) and issubclass(kind, AbstractRunner)):
        raise click.UsageError(f"--runner: '{name}' is no runner; it should be a class derived from AbstractRunner.")
    given = {**({"is_async": True} if is_async else {}), **arguments}
    _refuse_unknown(kind, given)
    try:
        return kind(**given)
    except StartMethodError:  # it comes from the environment
        raise
    except (TypeError, ValueError) as error:
        with_these = f" with {', '.join(f'{key}={value!r}' for key, value in given.items())}" if given else ""
        raise click.UsageError(f"--runner-params: {kind.__name__} cannot be made{with_these}: {error}") from error


def _runner_class(name: str) -> Any:
    from pellucid.utils import load_obj

    module = name.rpartition(".")[0]
    try:
        return load_obj(name, _PACKAGE)
    except AttributeError as error:
        reason = str(error) if module else f"There is no runner '{name}'.{nearest_or_all(name, _known())}"
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # the runner's own module is there, and needs one that is not
        reason = f"There is no module '{error.name}' for the runner '{name}'.{nearest_or_all(name, _known())}"
    except ValueError as error:
        reason = str(error)
    raise click.UsageError(f"--runner: {reason}")


def _known() -> list[str]:
    from pellucid import runner

    return [name for name in runner.__all__ if name.endswith("Runner") and not name.startswith("Abstract")]


def _refuse_unknown(kind: type[Any], given: Mapping[str, Any]) -> None:
    import inspect

    parameters = inspect.signature(kind).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return
    for name in given:
        if name not in parameters:
            option = "--async" if name == "is_async" else "--runner-params"
            hint = did_you_mean(name, parameters) or f" It takes: {', '.join(parameters) or 'nothing'}."
            raise click.UsageError(f"{option}: {kind.__name__} has no argument '{name}'.{hint}")
