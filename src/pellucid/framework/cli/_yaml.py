"""Output for people and programs alike."""

from __future__ import annotations

from typing import Any

import click


def echo_yaml(data: Any) -> None:
    """Print data as YAML, keys in alphabetical order, followed by an empty line."""
    import yaml

    click.echo(yaml.safe_dump(data, allow_unicode=True, width=10_000))
