"""The proxy that the environment names: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, in either case."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

if TYPE_CHECKING:
    from urllib.parse import SplitResult


def proxy_for(url: SplitResult) -> SplitResult | None:
    """Return the URL of the proxy for a URL, or None to connect directly."""
    proxies = getproxies_environment()
    given = proxies.get(url.scheme) or proxies.get("all")
    if not given or proxy_bypass(url.netloc.rpartition("@")[2]):
        return None
    proxy = urlsplit(given if "://" in given else f"http://{given}")
    return proxy if proxy.hostname else None
