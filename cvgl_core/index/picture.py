"""The imagery of a shard as JPEG: a tenth of the bytes, for a loss that locating hardly feels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import simplejpeg

from cvgl_core.errors import IndexCorruptError
from cvgl_core.types import UInt8Array

MOST_PIXELS = 1 << 26
"""Of a shard: what is larger could exhaust memory when a stranger's file is decoded."""

_QUALITY = 90


def jpeg_of(rgb: UInt8Array) -> bytes:
    """Return imagery ``[H, W, 3]`` as JPEG; the same pixels give the same bytes."""
    whole = np.ascontiguousarray(rgb)
    data: bytes = simplejpeg.encode_jpeg(whole, quality=_QUALITY, colorsubsampling="420")
    return data


def pixels_of(path: Path, height_px: int, width_px: int) -> UInt8Array:
    """Return the imagery ``[H, W, 3]`` of a file that its checksum covers.

    Raises:
        IndexCorruptError: it is not a JPEG of that size.
    """
    try:
        data = path.read_bytes()
        found = simplejpeg.decode_jpeg_header(data)
        if found[:3] == (height_px, width_px, "YCbCr"):
            pixels: UInt8Array = simplejpeg.decode_jpeg(data, "RGB")
            return pixels
    except (OSError, ValueError) as error:
        raise IndexCorruptError(f"{path}: cannot be read ({error})") from error
    raise IndexCorruptError(f"{path}: is not the imagery that the manifest promises")
