"""Pictures inside a page: data URIs, the colours of probability, thumbnails."""

from __future__ import annotations

import base64

import cv2
import numpy as np

from cvgl_core.types import BoolArray, Float32Array, UInt8Array

DataUri = str

_RAMP = np.array(
    [[255, 236, 120], [255, 196, 60], [255, 132, 40], [236, 60, 60], [176, 16, 110]], np.float64
)
MAX_ALPHA = 0.88


def jpeg_bytes(rgb: UInt8Array, quality: int = 85) -> bytes:
    """Return a picture ``[H, W, 3]`` as a JPEG file."""
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(data.tobytes())


def jpeg_uri(rgb: UInt8Array, quality: int = 85) -> DataUri:
    """Return a picture ``[H, W, 3]`` as a JPEG data URI."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg_bytes(rgb, quality)).decode()


def png_uri(rgba: UInt8Array) -> DataUri:
    """Return a picture with alpha ``[H, W, 4]`` as a PNG data URI."""
    bgra = np.ascontiguousarray(rgba[..., [2, 1, 0, 3]])
    _, data = cv2.imencode(".png", bgra, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode()


def fitted(rgb: UInt8Array, max_width_px: int, max_height_px: int) -> UInt8Array:
    """Return a picture reduced (never enlarged) to fit, by area."""
    height, width = rgb.shape[:2]
    scale = min(1.0, max_width_px / width, max_height_px / height)
    if scale == 1.0:
        return rgb
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def heat_rgba(probability: Float32Array, peak: float) -> UInt8Array:
    """Return probability ``[H, W]`` as colours ``[H, W, 4]`` from clear yellow to purple.

    Opacity starts at zero and grows with the fourth root of probability over ``peak``, so that a
    weak second place stays visible beside a sharp first one.
    """
    share = np.clip(probability / max(peak, 1e-30), 0.0, 1.0).astype(np.float64)
    strength = share**0.25
    strength[share < 1e-4] = 0.0
    place = strength * (len(_RAMP) - 1)
    low = np.minimum(place.astype(int), len(_RAMP) - 2)
    part = (place - low)[..., None]
    rgb = _RAMP[low] * (1.0 - part) + _RAMP[low + 1] * part
    alpha = np.clip((strength - 0.1) / 0.6, 0.0, 1.0) * MAX_ALPHA * 255.0
    return np.dstack([rgb, alpha]).round().astype(np.uint8)


def pooled(probability: Float32Array, times: int) -> Float32Array:
    """Return the largest value of each ``times`` x ``times`` block: no peak is lost."""
    if times <= 1:
        return probability
    height, width = (-(-side // times) * times for side in probability.shape)
    padded = np.zeros((height, width), np.float32)
    padded[: probability.shape[0], : probability.shape[1]] = probability
    blocks = padded.reshape(height // times, times, width // times, times)
    return np.asarray(blocks.max(axis=(1, 3)), np.float32)


def hatched(rgb: UInt8Array, visible: BoolArray) -> UInt8Array:
    """Return a strip ``[H, W, 3]`` whose unseen columns ``[W]`` are hatched."""
    rows, columns = np.indices(rgb.shape[:2])
    stripe = (rows + columns) // 6 % 2 == 0
    grey = np.where(stripe, 150, 172).astype(np.uint8)
    return np.where(visible[None, :, None], rgb, grey[..., None])


def polar(
    rgb: UInt8Array,
    centre_uv: tuple[float, float],
    reach_px: float,
    azimuths_deg: tuple[float, float],
    size: tuple[int, int],
) -> UInt8Array:
    """Return a picture unrolled around a point: azimuth across, distance upwards.

    Args:
        rgb: north up ``[H, W, 3]``; beyond its edges the nearest pixel counts.
        centre_uv: the point, in continuous pixel coordinates.
        reach_px: distance at the upper edge; 0 at the lower.
        azimuths_deg: of the left and the right edge, clockwise from up.
        size: height and width of the result.
    """
    height, width = size
    left_deg, right_deg = azimuths_deg
    angle = np.radians(left_deg + (np.arange(width) + 0.5) / width * (right_deg - left_deg))
    away_px = reach_px * (1.0 - (np.arange(height)[:, None] + 0.5) / height)
    u = centre_uv[0] + away_px * np.sin(angle) - 0.5
    v = centre_uv[1] - away_px * np.cos(angle) - 0.5
    out = cv2.remap(
        rgb,
        u.astype(np.float32),
        v.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(out, np.uint8)
