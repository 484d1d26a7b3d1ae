"""What is a secret in a text or under a key, and what is shown instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

REDACTED = "<redacted>"
SHORTEST_SECRET = 3
"""Characters; what is shorter stands everywhere, and cannot be hidden."""

SECRET_KEY = re.compile(
    r"passw(?:or)?d|(?<!by|om|ow|gh|nd)pass$|passphrase|passcode|secret(?!ar)|token(?!i[sz])|credential|authorization"
    r"|cookie|(?:api|access|account|private|sas|shared|signing|storage|encryption|licen[cs]e|master|deploy|auth|session"
    r"|ssh|subscription|hmac|webhook|fernet)[_.-]?key|connection[_-]?string|pin[_-]?code|(?:amz|goog)[_-]signature"
    r"|^(?:con|key|pat|sig)$|(?:access|ado|azure|devops|databricks|gh|git(?:hub|lab)?|snowflake)[_.-]pat$"
    r"|(?:^|[_.-])(?:auth|bearer|jwt|otp|pin|pwd?|salt|sas|totp)$",
    re.IGNORECASE,
)
"""Found in a key whose value is not shown."""

# A scheme has few letters; without a bound, a long word would be looked at from each of its letters to the end.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)([^\s'\"<>]*)")


def redact_urls(text: str) -> str:
    """Replace what is before the ``@`` of a URL's host, and its query, by a placeholder."""
    return _URL.sub(_without_secrets, text) if "://" in text else text


hiding: ContextVar[Callable[[str], str]] = ContextVar("pellucid_hiding", default=redact_urls)
"""What hides secrets in a text of several lines shown to people; telemetry sets one that knows the session's."""


def _without_secrets(match: re.Match[str]) -> str:
    scheme, rest = match.groups()
    return f"{scheme}{redact_path(scheme, rest)}"


def redact_path(protocol: str, path: str) -> str:
    """Return what stands behind the ``://`` of a URL with its user information and its query replaced.

    Args:
        protocol: what stands before.
        path: the rest of the URL.
    """
    authority, slash, rest = path.partition("/")
    user, at, host = authority.rpartition("@")
    # A container of Azure is written as a user name, and is none.
    hidden = bool(at) and not (protocol.startswith(("abfs", "adl", "oci")) and ":" not in user)
    shown, question, query = f"{host if hidden else authority}{slash}{rest}".partition("?")
    return f"{REDACTED + '@' if hidden else ''}{shown}{question}{REDACTED if query else ''}"


def texts_in(value: Any) -> set[str]:
    """Return the texts in a value that are long enough to be hidden; numbers where their keys say that they are secret.

    Args:
        value: mappings, lists and tuples of anything, such as the credentials of a project.
    """
    if isinstance(value, str):
        return {value} if len(value) >= SHORTEST_SECRET else set()
    if isinstance(value, Mapping):
        numbers = {str(each) for key, each in value.items() if type(each) is int and SECRET_KEY.search(str(key))}
        return set().union(*map(texts_in, value.values()), *map(texts_in, numbers))
    if isinstance(value, (list, tuple)):
        return set().union(*map(texts_in, value))
    return set()


def forms_of(text: str) -> set[str]:
    """Return a text as it is, as its repr has it, and as URLs have it."""
    from urllib.parse import quote, quote_plus

    encoded = text.encode("utf-8", "surrogatepass")
    return {text, repr(text)[1:-1], quote(encoded, safe=""), quote_plus(encoded)}
