"""Options, and what turns their text into values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

import click

from ._params import parse_params

if TYPE_CHECKING:
    from collections.abc import Callable

ENV_HELP = "The environment of the configuration to use: a folder beside 'base'. 'local' if not set."
_OPENING, _CLOSING = "[(", "])"
_Decorated = TypeVar("_Decorated", bound="Callable[..., Any] | click.Command")


@overload
def env_option(func_: _Decorated, **kwargs: Any) -> _Decorated: ...
@overload
def env_option(func_: None = None, **kwargs: Any) -> Callable[[_Decorated], _Decorated]: ...


def env_option(func_: Callable[..., Any] | None = None, **kwargs: Any) -> Any:
    """Add ``--env/-e`` to a command; usable with and without parentheses."""
    option = click.option("--env", "-e", **{"type": str, "default": None, "help": ENV_HELP, **kwargs})
    return cast("Any", option(func_) if func_ is not None else option)


def split_string(ctx: click.Context, param: Any, value: str) -> list[str]:
    """Split at commas; blanks around a name, and empty names, are dropped."""
    del ctx, param
    return [name for name in (part.strip() for part in value.split(",")) if name] if value else []


def split_node_names(ctx: click.Context, param: Any, to_split: str) -> list[str]:
    """Split at those commas that are not within brackets, as default names of nodes have some: ``f([a,b]) -> [c]``."""
    del ctx, param
    names, current, depth = [], "", 0
    for letter in to_split or "":
        depth += (letter in _OPENING) - (letter in _CLOSING)
        if letter == "," and depth <= 0:
            names.append(current)
            current, depth = "", 0
        else:
            current += letter
    return [name for name in (each.strip() for each in (*names, current)) if name]


def validate_conf_source(ctx: click.Context, param: Any, value: str) -> str | None:
    """Return the source of the configuration if it is a path that exists or a URL; else refuse it."""
    if not value or "://" in value:
        return value
    from pathlib import Path

    if not Path(value).exists():
        raise click.BadParameter(f"The path '{value}' does not exist.", ctx=ctx, param=param)
    return value


def _split_params(ctx: click.Context, param: Any, value: Any) -> Any:
    """Turn ``a=1,b.c=x`` into nested, typed values; a mapping is left as it is."""
    return value if isinstance(value, dict) else _parsed(ctx, param, value)


def _split_load_versions(ctx: click.Context, param: Any, value: str) -> dict[str, str]:
    """Turn ``dataset:version,other:version`` into a mapping; a version may contain colons."""
    versions: dict[str, str] = {}
    for item in split_string(ctx, param, value):
        name, colon, version = item.partition(":")
        if not (colon and name.strip() and version.strip()):
            raise click.BadParameter(
                f"'{item}' is not of the form 'dataset:version', for example 'cars:2026-11-22T03.00.00.000Z'.",
                ctx=ctx,
                param=param,
            )
        versions[name.strip()] = version.strip()
    return versions


def _parsed(ctx: click.Context, param: Any, value: str | None) -> dict[str, Any]:
    try:
        return parse_params(value or "")
    except ValueError as error:
        raise click.BadParameter(str(error), ctx=ctx, param=param) from None
