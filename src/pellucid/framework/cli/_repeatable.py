"""Options that may be given several times, what they list being taken together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable


_Decorated = TypeVar("_Decorated", bound="Callable[..., Any] | click.Command")


def repeatable(*names: str, text: str, callback: Callable[[Any, Any, str], Any]) -> Callable[[_Decorated], _Decorated]:
    """Add an option whose texts are joined with commas before they are split.

    Args:
        names: as for ``click.option``.
        text: the option's help.
        callback: what splits the joined text.
    """

    def joined(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> Any:
        return callback(ctx, param, ",".join(values))

    return click.option(*names, type=str, multiple=True, callback=joined, help=text)
