"""Small projects, written to a folder."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_PYPROJECT = """[tool.pellucid]
package_name = "{package}"
project_name = "{package}"
pellucid_init_version = "{version}"
"""
_REGISTRY = """from pellucid.framework.project import find_pipelines


def register_pipelines():
    return find_pipelines()
"""


def make_project(
    folder: str | Path,
    *,
    pipelines: Mapping[str, str] | None = None,
    catalog: Mapping[str, Any] | str | None = None,
    parameters: Mapping[str, Any] | str | None = None,
    package: str = "project_under_test",
) -> Path:
    """Write a project that can be bootstrapped and run.

    Args:
        folder: where to; made if it is not there.
        pipelines: by name the source of a module with ``create_pipeline``.
        catalog: as in ``catalog.yml``: data, or the text of the file.
        parameters: as in ``parameters.yml``: data, or the text of the file.
        package: the name of the project's package.

    Returns:
        the root of the project.

    Raises:
        ValueError: a name is none that Python can import.
        FileExistsError: there is a project in the folder already.
    """
    for name in (package, *(pipelines or {})):
        if not name.isidentifier():
            raise ValueError(f"{name!r} cannot be the name of a module.")
    root = Path(folder).resolve()
    if (root / "pyproject.toml").exists():
        raise FileExistsError(f"There is a project in {root} already.")
    from pellucid import __version__

    source = root / "src" / package
    files = {
        root / "pyproject.toml": _PYPROJECT.format(package=package, version=__version__),
        root / "conf/base/catalog.yml": _yaml(catalog),
        root / "conf/base/parameters.yml": _yaml(parameters),
        root / "conf/local/.gitkeep": "",
        source / "__init__.py": "",
        source / "settings.py": "",
        source / "pipeline_registry.py": _REGISTRY,
        source / "pipelines/__init__.py": "",
    }
    for name, text in (pipelines or {}).items():
        files[source / "pipelines" / name / "__init__.py"] = textwrap.dedent(text)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def _yaml(content: Mapping[str, Any] | str | None) -> str:
    # JSON is YAML, too.
    return textwrap.dedent(content) if isinstance(content, str) else json.dumps(dict(content or {}), indent=2) + "\n"
