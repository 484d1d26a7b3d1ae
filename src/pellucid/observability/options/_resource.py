"""The attributes of the resource: which process of which service on which machine."""

from __future__ import annotations

import os
import platform
import sys
from typing import TYPE_CHECKING, Any

from pellucid._version import __version__
from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    from pellucid.observability.options._model import Options


def resource_of(
    options: Options, package: str, session_id: str, *, project_version: str | None = None
) -> dict[str, Any]:
    """Return the attributes of the resource, by their standard names; configured ones go over what is found out.

    Args:
        options: give the service's name and further attributes.
        package: the project's package: the name of a service that has none.
        session_id: tells this instance of the service from others.
        project_version: of the package, where it is known; it is not looked for, as that takes longer than a session.
    """
    found: dict[str, Any] = {
        Attr.SERVICE_INSTANCE_ID: session_id,
        Attr.HOST_NAME: platform.node(),
        Attr.PROCESS_PID: os.getpid(),
        Attr.PROCESS_RUNTIME_NAME: sys.implementation.name,
        Attr.PROCESS_RUNTIME_VERSION: platform.python_version(),
        Attr.TELEMETRY_SDK_NAME: "pellucid",
        Attr.TELEMETRY_SDK_LANGUAGE: "python",
        Attr.TELEMETRY_SDK_VERSION: __version__,
    }
    version = project_version or _version_of(package)
    if version:
        found[Attr.SERVICE_VERSION] = version
    found.update({name: value for name, value in options.resource.items() if name != Attr.SERVICE_NAME})
    found[Attr.SERVICE_NAME] = options.service_name or options.resource.get(Attr.SERVICE_NAME) or package
    return found


def _version_of(package: str) -> str | None:
    """Return what a package that is already imported says of itself."""
    version = getattr(sys.modules.get(package), "__version__", None)
    return version[:100] if isinstance(version, str) else None
