"""The door to the network: polite requests to hosts that the user named.

At most a few connections to a host at once, a few tries with growing pauses, everything bounded in
time and size. Nothing but HTTP and HTTPS is spoken.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout, make_headers, parse_url

from cvgl_core import __version__
from cvgl_core.errors import RasterOpenError, SourceUnreachableError

# Its warnings name URLs whole, credentials included; what goes wrong is told below, without.
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)

PARALLEL = 4
"""Requests to one host at the same time."""

USER_AGENT = f"cvgl/{__version__}"
_CONNECT_S, _READ_S = 10.0, 60.0
_TRIES, _PAUSE_S, _LONGEST_PAUSE_S = 3, 0.5, 30
_GONE = frozenset((HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.NO_CONTENT))
_REFUSED = frozenset((HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN))


@dataclass(frozen=True)
class Answer:
    """What a server sent.

    Attributes:
        status: of HTTP; below 400.
        headers: by lower-case name.
        body: at most as many bytes as were allowed.
    """

    status: int
    headers: dict[str, str]
    body: bytes


def is_url(text: str) -> bool:
    """Tell whether a text names something on the network."""
    return text.lower().startswith(("http://", "https://"))


def host_of(url: str) -> str:
    """Return the host of a URL, without port or credentials."""
    return (urlsplit(url).hostname or "").lower()


def shown(url: str) -> str:
    """Return a URL as it may be shown and kept: without credentials or query."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def get(url: str, limit_bytes: int, first_bytes: int | None = None) -> Answer | None:
    """Return what a server sends for a URL; None if there is nothing there (404, 410, 204).

    Args:
        url: HTTP or HTTPS; a user and password in it are sent to its host alone.
        limit_bytes: no more may come.
        first_bytes: ask for this many bytes from the start, not for all.

    Raises:
        SourceUnreachableError: the server cannot be reached, or fails.
        RasterOpenError: it refuses, or sends too much.
    """
    parts = parse_url(url)
    headers = make_headers(user_agent=USER_AGENT, basic_auth=parts.auth)
    if first_bytes is not None:
        headers["Range"] = f"bytes=0-{first_bytes - 1}"
    try:
        response = _pool(_proxy(url)).request(
            "GET", parts._replace(auth=None).url, headers=headers, preload_content=False
        )
        body = response.read(limit_bytes + 1)
        if len(body) > limit_bytes:
            response.close()
    except HTTPError as error:
        raise SourceUnreachableError(
            f"{shown(url)}: the server does not answer ({_reason(error)}); try again later, a "
            "build goes on where it stopped"
        ) from error
    status = response.status
    if status in _GONE:
        return None
    if status in _REFUSED:
        raise RasterOpenError(f"{shown(url)}: the server refuses access ({status})")
    if status >= HTTPStatus.BAD_REQUEST:
        raise SourceUnreachableError(
            f"{shown(url)}: the server fails ({status}); try again later, a build goes on where "
            "it stopped"
        )
    if len(body) > limit_bytes and first_bytes is None:
        raise RasterOpenError(f"{shown(url)}: the server sends more than {limit_bytes} bytes")
    return Answer(status, {k.lower(): v for k, v in response.headers.items()}, body)


@lru_cache(maxsize=8)
def _pool(proxy: str) -> urllib3.PoolManager:
    """Return the pool of connections, a few to each host."""
    options: dict[str, Any] = {
        "maxsize": PARALLEL,
        "block": True,
        "timeout": Timeout(connect=_CONNECT_S, read=_READ_S),
        "retries": Retry(
            _TRIES,
            redirect=5,
            backoff_factor=_PAUSE_S,
            backoff_max=_LONGEST_PAUSE_S,
            retry_after_max=_LONGEST_PAUSE_S,
            status_forcelist=(429, 500, 502, 503, 504),
            raise_on_status=False,
        ),
    }
    if proxy:
        return urllib3.ProxyManager(proxy, **options)
    return urllib3.PoolManager(**options)


def _proxy(url: str) -> str:
    """Return the proxy that the environment names for a URL, if any."""
    parts = urlsplit(url)
    return "" if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme, "")


def _reason(error: HTTPError) -> str:
    """Return why a request failed, in few words and without the URL."""
    cause = getattr(error, "reason", None) or error
    return type(cause).__name__ if "http" in str(cause) else str(cause).rsplit(": ", 1)[-1][:200]
