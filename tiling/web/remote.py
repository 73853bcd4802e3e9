"""A raster on a web server, read in pieces: a cloud-optimised GeoTIFF."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from cvgl_core.errors import RasterOpenError
from tiling.raster.formats import driver_of_bytes
from tiling.web.client import USER_AGENT, get, shown

_HEAD_BYTES = 16384

GDAL_OPTIONS: dict[str, Any] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_INGESTED_BYTES_AT_OPEN": 32768,
    "CPL_VSIL_CURL_USE_HEAD": "NO",
    "GDAL_HTTP_USERAGENT": USER_AGENT,
    "GDAL_HTTP_CONNECTTIMEOUT": 10,
    "GDAL_HTTP_LOW_SPEED_LIMIT": 100,
    "GDAL_HTTP_LOW_SPEED_TIME": 60,
    "GDAL_HTTP_MAX_RETRY": 3,
    "GDAL_HTTP_RETRY_DELAY": 0.5,
}
"""No listing of folders, no companion files, a few tries, no endless wait."""


@dataclass(frozen=True)
class RemoteFile:
    """A file on a web server.

    Attributes:
        url: as the user named it; may hold credentials, so it is neither shown nor stored.
        file_bytes: its size.
        version: hash of its size, its first bytes and what the server says tells versions apart.
    """

    url: str = field(repr=False)
    file_bytes: int = 0
    version: str = ""

    @property
    def name(self) -> str:
        """The file's name."""
        return unquote(PurePosixPath(urlsplit(self.url).path).name) or "unnamed"

    @property
    def gdal_name(self) -> str:
        """What GDAL opens."""
        return f"/vsicurl/{self.url}"

    def absolute(self) -> RemoteFile:
        """Return itself, as a path does that holds in any folder."""
        return self

    def __str__(self) -> str:
        return shown(self.url)


def probe(file: RemoteFile) -> RemoteFile:
    """Return a file on a web server with its size and version.

    Raises:
        SourceUnreachableError: the server cannot be reached, or fails.
        RasterOpenError: there is no such file, it is no GeoTIFF, or cannot be read in pieces.
    """
    answer = get(file.url, _HEAD_BYTES, first_bytes=_HEAD_BYTES)
    if answer is None:
        raise RasterOpenError(f"{file}: does not exist on this server")
    size = answer.headers.get("content-range", "").rpartition("/")[2]
    if answer.status != HTTPStatus.PARTIAL_CONTENT or not size.isdecimal():
        raise RasterOpenError(
            f"{file}: the server does not send parts of files (HTTP range requests); download it "
            "and name the local copy"
        )
    head = answer.body[:_HEAD_BYTES]
    if driver_of_bytes(head) != "GTiff":
        raise RasterOpenError(f"{file}: is no GeoTIFF; download it and name the local copy")
    digest = hashlib.sha256(head)
    for key in ("etag", "last-modified"):
        digest.update(f"{key}:{answer.headers.get(key, '')}\n".encode())
    digest.update(size.encode())
    return RemoteFile(file.url, int(size), digest.hexdigest())
