"""``python -m {{ python_package }}`` runs the project's pipeline; its options are those of ``pellucid run``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pellucid.framework.cli.utils import find_run_command
from pellucid.framework.project import configure_project


def main(*args: Any, **kwargs: Any) -> Any:
    """Run the pipeline; arguments are passed on to the ``run`` command."""
    package_name = Path(__file__).parent.name
    configure_project(package_name)
    run = find_run_command(package_name)
    return run(*args, **kwargs)


if __name__ == "__main__":
    sys.exit(main())
