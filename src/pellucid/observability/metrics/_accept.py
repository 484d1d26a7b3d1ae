"""Which of the two formats of a page a client would rather have."""

from __future__ import annotations

_LONGEST = 2000
_MOST = 32


def is_openmetrics_wanted(accept: str) -> bool:
    """Tell whether OpenMetrics 1.0 fits an ``Accept`` header at least as well as Prometheus text does.

    Anything that cannot be understood asks for nothing; who asks for nothing gets text. RFC 9110, section 12.5.1.
    """
    openmetrics = text = 0.0
    for part in accept[:_LONGEST].split(",")[:_MOST]:
        kind, parameters = _parsed(part)
        quality = _quality(parameters.get("q", "1"))
        if kind == "application/openmetrics-text" and parameters.get("version", "1.0.0") == "1.0.0":
            openmetrics = max(openmetrics, quality)
        elif kind in {"text/plain", "text/*"}:
            text = max(text, quality)
    return openmetrics > 0 and openmetrics >= text


def _parsed(part: str) -> tuple[str, dict[str, str]]:
    kind, *parameters = (each.strip() for each in part.split(";"))
    pairs = (each.partition("=") for each in parameters)
    return kind.lower(), {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
