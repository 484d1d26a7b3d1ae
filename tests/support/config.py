"""Folders of configuration for the tests of the loader."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from pellucid.config import OmegaConfigLoader

if TYPE_CHECKING:
    from pathlib import Path


def write_conf(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write files, named relative to ``root``; the environments "base" and "local" are always there."""
    for folder in ("base", "local"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())
    return root


def make_loader(root: Path | str, **arguments: Any) -> OmegaConfigLoader:
    """Return a loader as a project has it."""
    return OmegaConfigLoader(root, **{"base_env": "base", "default_run_env": "local", **arguments})


def load(root: Path, files: dict[str, str | bytes], key: str = "parameters", **arguments: Any) -> dict[str, Any]:
    """Write files, and return what a new loader has under ``key``."""
    loaded: dict[str, Any] = make_loader(write_conf(root, files), **arguments)[key]
    return loaded
