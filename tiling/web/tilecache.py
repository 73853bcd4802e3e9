"""Tiles of map services, each fetched once: a folder keeps them."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

from cvgl_core.errors import RasterOpenError
from cvgl_core.fsio import output_errors
from tiling.raster.formats import picture_driver
from tiling.web.client import get
from tiling.web.services import TileLevel

_MAX_TILE_BYTES = 32 << 20


def default_cache() -> Path:
    """Return the folder that keeps tiles unless told otherwise."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "cvgl" / "tiles"


def tile_bytes(level: TileLevel, col: int, row: int) -> bytes | None:
    """Return a tile as the server sent it, None if it has no such tile.

    Raises:
        SourceUnreachableError: the server cannot be reached, or fails.
        RasterOpenError: it refuses, or sends something else than a picture.
        OutputError: the cache cannot be written.
    """
    url = level.tile_url(col, row)
    key = hashlib.sha256(url.encode()).hexdigest()
    path = level.cache / key[:2] / key
    try:
        kept = path.read_bytes()
        return kept or None
    except FileNotFoundError:
        pass
    answer = get(url, _MAX_TILE_BYTES)
    data = answer.body if answer else b""
    if answer and not picture_driver(data):
        start = data[:300].decode("ascii", "replace")
        raise RasterOpenError(f"{level}: sends no picture for a tile but {' '.join(start.split())}")
    _keep(path, data)
    return data or None


def _keep(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; it can be fetched again, so a power loss may take it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(path)
