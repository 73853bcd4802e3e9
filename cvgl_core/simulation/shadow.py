"""Where the sun does not reach, from a height raster."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from cvgl_core.types import Float32Array, UInt8Array


@dataclass(frozen=True)
class Sun:
    """Where the sun stands: clockwise from north, and above the horizon."""

    azimuth_deg: float
    elevation_deg: float

    def vector(self) -> tuple[float, float, float]:
        """Return the unit vector towards the sun: east, south, up."""
        a, e = np.radians(self.azimuth_deg), np.radians(self.elevation_deg)
        return (
            float(np.sin(a) * np.cos(e)),
            float(-np.cos(a) * np.cos(e)),
            float(np.sin(e)),
        )


def cast_shadow(
    occluder_m: Float32Array, receiver_m: Float32Array, gsd_m_per_px: float, sun: Sun
) -> UInt8Array:
    """Return the light on ``receiver_m``: 0 in full shadow .. 255 lit, ``[H, W]``.

    Works at half the resolution, marching away from the sun up to 110 m in growing steps.
    """
    low = np.ascontiguousarray(occluder_m[::2, ::2])
    reach = low.copy()
    cell = 2 * gsd_m_per_px
    east, south, up = sun.vector()
    flat = float(np.hypot(east, south))
    slope = up / flat
    dx, dy = east / flat, south / flat
    top = float(low.max())
    buffer = np.empty_like(low)
    distance = cell
    while distance < min(110.0, top / slope + cell):
        shift_x, shift_y = round(dx * distance / cell), round(dy * distance / cell)
        _raise_reach(reach, low, buffer, (shift_y, shift_x), distance * slope)
        distance += cell if distance < 30 else 2 * cell
    receiver = receiver_m[::2, ::2]
    light = np.where(reach > receiver + 0.15, np.uint8(0), np.uint8(255))
    light = cv2.GaussianBlur(light, (0, 0), 0.8)
    rows, cols = occluder_m.shape
    size = (2 * light.shape[1], 2 * light.shape[0])
    wide = cv2.resize(light, size, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(wide[:rows, :cols])


def _raise_reach(
    reach: Float32Array,
    low: Float32Array,
    buffer: Float32Array,
    shift: tuple[int, int],
    drop_m: float,
) -> None:
    """Set ``reach(p) = max(reach(p), low(p + shift) - drop)`` in place."""
    rows, cols = reach.shape
    dy, dx = shift
    if abs(dy) >= rows or abs(dx) >= cols:
        return
    source = (slice(max(dy, 0), rows + min(dy, 0)), slice(max(dx, 0), cols + min(dx, 0)))
    target = (slice(max(-dy, 0), rows + min(-dy, 0)), slice(max(-dx, 0), cols + min(-dx, 0)))
    part = buffer[: rows - abs(dy), : cols - abs(dx)]
    np.subtract(low[source], drop_m, out=part)
    np.maximum(reach[target], part, out=reach[target])
