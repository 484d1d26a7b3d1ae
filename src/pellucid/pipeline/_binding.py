"""What a node may read and write, and whether its function can be called with that."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeAlias

from pellucid.exceptions import NodeSignatureError, PipelineError
from pellucid.pipeline._naming import function_name
from pellucid.pipeline._transcoding import base_name

if TYPE_CHECKING:
    from collections.abc import Callable

Names: TypeAlias = str | list[str] | dict[str, str] | None
"""Names of datasets as a node takes them: one, several in order, or by argument or key of the result."""


def names_in(names: Names) -> list[str]:
    """Return the dataset names, in order."""
    if not names:
        return []
    if isinstance(names, str):
        return [names]
    return list(names.values()) if isinstance(names, dict) else list(names)


def check_names(names: object, what: str) -> None:
    """Refuse what is not a dataset name, a list of them, or a dictionary with them as values.

    Raises:
        PipelineError: naming what was given instead.
    """
    if names is None or isinstance(names, str):
        return
    if not isinstance(names, list | dict):
        raise PipelineError(
            f"A node's {what} are a dataset name, a list or a dictionary of them, or None; "
            f"{names!r} is of type {type(names).__name__}."
        )
    for name in names.values() if isinstance(names, dict) else names:
        if not isinstance(name, str):
            raise PipelineError(
                f"Among the {what} of a node is {name!r} of type {type(name).__name__}; a dataset's name is text."
            )


def check_distinct(inputs: list[str], outputs: list[str], described: str) -> None:
    """Refuse a dataset that is written twice, or both read and written, by one node.

    Raises:
        PipelineError: naming the datasets.
    """
    if len(set(outputs)) != len(outputs):
        twice = sorted({name for name in outputs if outputs.count(name) > 1})
        raise PipelineError(f"The node {described} has the output {_quoted(twice)} more than once.")
    both = {base_name(name) for name in inputs} & {base_name(name) for name in outputs}
    if both:
        raise PipelineError(
            f"The node {described} has {_quoted(sorted(both))} as input and as output; "
            "it cannot write what it reads, transcoded or not."
        )


def check_call(func: Callable[..., Any], inputs: Names) -> None:
    """Refuse inputs that the function cannot be called with.

    A callable that does not tell its signature (some built-in ones) is taken as it is.

    Raises:
        NodeSignatureError: naming the function, its arguments and the inputs.
    """
    if _plainly_fits(func, inputs):
        return
    try:
        # What a decorator returned is what is called, whatever it wraps.
        signature = inspect.signature(func, follow_wrapped=False)
    except (ValueError, TypeError):
        return
    try:
        if isinstance(inputs, dict):
            signature.bind(**inputs)
        else:
            signature.bind(*names_in(inputs))
    except TypeError as error:
        given = f"the inputs {inputs!r}" if inputs else "no inputs"
        raise NodeSignatureError(
            f"The function '{function_name(func)}{_arguments(signature)}' cannot be called with {given}: {error}."
        ) from None


def _arguments(signature: inspect.Signature) -> str:
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def _plainly_fits(func: Callable[..., Any], inputs: Names) -> bool:
    """Tell whether a plain function surely takes the inputs; ten times cheaper than ``inspect.signature``."""
    if not isinstance(func, FunctionType) or "__signature__" in func.__dict__:
        return False
    code = func.__code__
    required = code.co_argcount - len(func.__defaults__ or ())
    if not isinstance(inputs, dict):
        count = len(names_in(inputs))
        varargs = bool(code.co_flags & inspect.CO_VARARGS)
        keywords_optional = len(func.__kwdefaults__ or ()) == code.co_kwonlyargcount
        return keywords_optional and required <= count and (varargs or count <= code.co_argcount)
    if code.co_posonlyargcount or not all(isinstance(key, str) for key in inputs):
        return False
    accepted = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    optional = func.__kwdefaults__ or {}
    needed = (*accepted[:required], *(name for name in accepted[code.co_argcount :] if name not in optional))
    takes_any = bool(code.co_flags & inspect.CO_VARKEYWORDS)
    return all(name in inputs for name in needed) and (takes_any or all(key in accepted for key in inputs))


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
