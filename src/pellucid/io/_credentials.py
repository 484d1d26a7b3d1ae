"""Credentials of datasets: put into their configurations by name, and taken out again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pellucid._util.suggest import did_you_mean
from pellucid.exceptions import CredentialsNotFoundError
from pellucid.io._definition import copy_containers

CREDENTIALS_KEY = "credentials"


class CredentialsTable:
    """The credentials of a project by name; its repr and its errors show names alone.

    Args:
        credentials: each name's value, usually a mapping.
    """

    def __init__(self, credentials: Mapping[str, Any] | None = None) -> None:
        self._values: Mapping[str, Any] = credentials if credentials is not None else {}

    def resolve(self, dataset: str, config: Any) -> Any:
        """Return a copy of ``config`` in which each text under a key ``credentials``, at any depth, is its value.

        Args:
            dataset: the name of the dataset or pattern, for messages.
            config: the configuration, or a part of it.

        Raises:
            CredentialsNotFoundError: there are no credentials of that name.
        """
        if isinstance(config, Mapping):
            return {key: self._resolve_item(dataset, key, value) for key, value in config.items()}
        if isinstance(config, (list, tuple)):
            return type(config)([self.resolve(dataset, each) for each in config])
        return config

    def _resolve_item(self, dataset: str, key: Any, value: Any) -> Any:
        if isinstance(value, str):
            return self._look_up(dataset, value) if key == CREDENTIALS_KEY else value
        return self.resolve(dataset, value)

    def _look_up(self, dataset: str, name: str) -> Any:
        try:
            return copy_containers(self._values[name])
        except KeyError:
            pass
        known = list(map(str, self._values))
        problem = "which the credentials do not have." if known else "and there are no credentials at all."
        raise CredentialsNotFoundError(
            f"The dataset '{dataset}' asks for the credentials '{name}', {problem}{did_you_mean(name, known)}"
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({sorted(map(str, self._values))})"


def take_out(dataset: str, config: Any, into: dict[str, Any]) -> Any:
    """Return a copy of ``config`` with names in place of credentials, which go to ``into`` under these names.

    Args:
        dataset: the name of the dataset; its credentials come to be called ``<dataset>_credentials``.
        config: the configuration, or a part of it.
        into: what the credentials are added to.
    """
    if isinstance(config, Mapping):
        return {
            key: _put_away(dataset, value, into)
            if key == CREDENTIALS_KEY and value not in (None, {})
            else take_out(dataset, value, into)
            for key, value in config.items()
        }
    if isinstance(config, (list, tuple)):
        return type(config)([take_out(dataset, each, into) for each in config])
    return config


def _put_away(dataset: str, value: Any, into: dict[str, Any]) -> str:
    """Add credentials under a name that is free, or that has the same value; return the name."""
    name = first = f"{dataset}_credentials"
    number = 2
    while name in into and into[name] != value:
        name = f"{first}_{number}"
        number += 1
    into[name] = copy_containers(value)
    return name
