"""Makes objects of classes that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid._util.lazily import LazyPattern
from pellucid._util.suggest import did_you_mean
from pellucid._util.texts import text_of
from pellucid.exceptions import PellucidError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_UNEXPECTED = LazyPattern(r"unexpected keyword argument '(\w+)'")


def made_of_settings(
    kind: type[Any], setting: str, given: Mapping[str, Any], known: Iterable[str] = (), **own: Any
) -> Any:
    """Make an object of a class, with the arguments of the settings and our own.

    Args:
        kind: the class.
        setting: the name of the setting that is at fault if the arguments do not fit.
        given: the arguments that the settings give.
        known: names that may be given beside the parameters of the class.
        **own: those that every object of the kind is given.

    Raises:
        SettingsError: the class cannot be called so; names what is wrong, and what comes near to it. Other errors of
            a class of the project are raised as they are.
    """
    for name in given:
        if name in own:
            raise SettingsError(f"{setting} has '{name}', which is not for the settings to say.")
    try:
        return kind(**own, **given)
    except PellucidError:
        raise
    except Exception as error:
        problem = _misfit(kind, error, {**own, **given}, known) if isinstance(error, TypeError) else None
        if problem is None and kind.__module__.partition(".")[0] == __package__.partition(".")[0]:
            problem = text_of(error)
        if problem is None:
            raise
        fault = f"{setting} do not fit" if setting.endswith("_ARGS") else f"{setting} cannot be used:"
        raise SettingsError(f"{fault} {kind.__qualname__}: {problem}") from error


def _misfit(kind: type[Any], error: TypeError, arguments: dict[str, Any], known: Iterable[str]) -> str | None:
    """Return what does not fit, or None where the error has another reason."""
    found = _UNEXPECTED.compiled.search(text_of(error))
    if found is not None and found[1] in arguments:
        hint = did_you_mean(found[1], {*_names_of(kind), *known} - {found[1]})
        return f"it takes no argument '{found[1]}'.{hint}"
    import inspect

    try:
        inspect.signature(kind).bind(**arguments)
    except TypeError as misfit:
        return f"{misfit}; it is called with {', '.join(arguments)}."
    return None


def _names_of(kind: type[Any]) -> list[str]:
    """Return the names of the arguments that a class and its bases can be made with."""
    import inspect

    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    makers = (vars(each).get("__init__") for each in kind.__mro__)
    names = (
        each.name
        for maker in makers
        if inspect.isfunction(maker)
        for each in inspect.signature(maker).parameters.values()
        if each.kind in named
    )
    return [name for name in dict.fromkeys(names) if name != "self"]
