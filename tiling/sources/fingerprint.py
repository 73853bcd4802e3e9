"""Telling rasters apart by content, wherever they lie and whatever they are called."""

from __future__ import annotations

import hashlib

from cvgl_core.errors import RasterOpenError
from cvgl_core.types import Progress, no_progress
from tiling.raster.info import RasterInfo
from tiling.web.remote import RemoteFile
from tiling.web.services import TileLevel

_FULL_HASH_BYTES = 1 << 30
_SAMPLES = 64
_SAMPLE_BYTES = 1 << 20


def fingerprint(raster: RasterInfo, progress: Progress = no_progress) -> str:
    """Return a hash of the pixels' files: the same wherever they lie and whatever they are called.

    Up to 1 GiB every byte counts. Of larger files the size and 64 evenly spaced stretches of 1 MiB
    count, first and last included. Times of change do not. Of a file on a server counts what the
    server says tells its versions apart; of a map service only which one it is, and which level.

    Raises:
        RasterOpenError: a file went away.
    """
    if isinstance(raster.path, RemoteFile):
        return raster.path.version
    if isinstance(raster.path, TileLevel):
        return raster.path.fingerprint
    digest = hashlib.sha256()
    for number, part in enumerate(raster.parts):
        progress("reading fingerprints", number, len(raster.parts))
        try:
            size = part.stat().st_size
            digest.update(size.to_bytes(8, "big"))
            with part.open("rb") as stream:
                for start in _stretches(size):
                    stream.seek(start)
                    digest.update(stream.read(_SAMPLE_BYTES))
        except OSError as error:
            raise RasterOpenError(f"{part}: cannot be read ({error.strerror or error})") from error
    progress("reading fingerprints", len(raster.parts), len(raster.parts))
    return digest.hexdigest()


def file_bytes(raster: RasterInfo) -> int:
    """Return the size of the files that hold a raster's pixels."""
    if isinstance(raster.path, RemoteFile):
        return raster.path.file_bytes
    return sum(part.stat().st_size for part in raster.parts)


def _stretches(size: int) -> list[int]:
    """Return where the stretches start that a fingerprint reads."""
    if size <= _FULL_HASH_BYTES:
        return list(range(0, size, _SAMPLE_BYTES))
    last = size - _SAMPLE_BYTES
    return [last * number // (_SAMPLES - 1) for number in range(_SAMPLES)]
