"""Hides secrets in what telemetry keeps and sends, and bounds it: texts, values, exceptions."""

from pellucid.observability.redaction._environment import secrets_of_environment, secrets_of_headers
from pellucid.observability.redaction._known import secrets_in
from pellucid.observability.redaction._letters import INVISIBLE, visible
from pellucid.observability.redaction._redactor import Redactor
from pellucid.observability.redaction._values import HIDDEN_MARK

__all__ = [
    "HIDDEN_MARK",
    "INVISIBLE",
    "Redactor",
    "secrets_in",
    "secrets_of_environment",
    "secrets_of_headers",
    "visible",
]
