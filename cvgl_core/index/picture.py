"""The imagery of a shard as JPEG: a tenth of the bytes, for a loss that locating hardly feels.

And a copy of a quarter of the resolution, of which tiles are thumbnails.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from cvgl_core.errors import IndexCorruptError
from cvgl_core.types import UInt8Array

MOST_PIXELS = 1 << 26
"""Of a shard: what is larger could exhaust memory when a stranger's file is decoded."""

THUMBNAIL_STEP = 4
"""Pixels along each axis that are averaged to one of a thumbnail."""

_QUALITY = 90


def jpeg_of(rgb: UInt8Array) -> bytes:
    """Return imagery ``[H, W, 3]`` as JPEG; the same pixels give the same bytes."""
    whole = np.ascontiguousarray(rgb)
    data: bytes = simplejpeg.encode_jpeg(whole, quality=_QUALITY, colorsubsampling="420")
    return data


def reduced(rgb: UInt8Array) -> UInt8Array:
    """Return imagery ``[H, W, 3]`` at a quarter of the resolution; its last pixels count on."""
    height, width = reduced_size(*rgb.shape[:2])
    down, across = THUMBNAIL_STEP * height - rgb.shape[0], THUMBNAIL_STEP * width - rgb.shape[1]
    whole = cv2.copyMakeBorder(rgb, 0, down, 0, across, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def reduced_size(height_px: int, width_px: int) -> tuple[int, int]:
    """Return height and width of imagery at a quarter of the resolution."""
    return -(-height_px // THUMBNAIL_STEP), -(-width_px // THUMBNAIL_STEP)


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
