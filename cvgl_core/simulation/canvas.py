"""Rasters of a city while it is painted, and the fill of polygons in metres."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cvgl_core.simulation.plan import Rgb, Surface
from cvgl_core.types import BoolArray, Float32Array, FloatArray, UInt8Array

SHIFT = 4
"""Sub-pixel bits of all polygon corners."""


@dataclass(frozen=True)
class Canvas:
    """Static layers of a city, ``[H, W]``; ``normal_x`` and ``normal_y`` are roof normals x 127."""

    gsd_m_per_px: float
    surface: UInt8Array
    albedo: UInt8Array
    height_m: Float32Array
    building: NDArray[np.int32]
    wall_azimuth: UInt8Array
    normal_x: NDArray[np.int8]
    normal_y: NDArray[np.int8]

    def corners(self, points_m: FloatArray) -> NDArray[np.int32]:
        """Return fixed-point pixel corners of points in metres, as OpenCV's fills take them."""
        scaled = (np.asarray(points_m) / self.gsd_m_per_px - 0.5) * (1 << SHIFT)
        return np.round(scaled).astype(np.int32)

    def fill(
        self, polygon_m: FloatArray, surface: Surface, rgb: Rgb, holes: tuple[FloatArray, ...] = ()
    ) -> None:
        """Fill a polygon with a surface and its colour."""
        rings = [self.corners(polygon_m), *(self.corners(hole) for hole in holes)]
        cv2.fillPoly(self.surface, rings, int(surface), cv2.LINE_8, SHIFT)
        cv2.fillPoly(self.albedo, rings, rgb, cv2.LINE_8, SHIFT)

    def patch(
        self, rings_m: tuple[FloatArray, ...], margin_m: float = 0.0
    ) -> tuple[tuple[slice, slice], BoolArray] | None:
        """Return the window around a polygon with holes, and its mask; None if off the canvas."""
        gsd = self.gsd_m_per_px
        low = np.floor((rings_m[0].min(axis=0) - margin_m) / gsd).astype(int)
        high = np.ceil((rings_m[0].max(axis=0) + margin_m) / gsd).astype(int) + 1
        rows, cols = self.surface.shape
        x0, y0 = max(int(low[0]), 0), max(int(low[1]), 0)
        x1, y1 = min(int(high[0]), cols), min(int(high[1]), rows)
        if x0 >= x1 or y0 >= y1:
            return None
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        origin = np.array([x0, y0], np.int32) * (1 << SHIFT)
        moved = [self.corners(ring) - origin for ring in rings_m]
        cv2.fillPoly(mask, moved, 1, cv2.LINE_8, SHIFT)
        return (slice(y0, y1), slice(x0, x1)), mask.astype(bool)

    def coordinates(self, window: tuple[slice, slice]) -> tuple[FloatArray, FloatArray]:
        """Return pixel centres of a window in metres: x ``[1, w]`` and y ``[h, 1]``."""
        rows, cols = window
        x = (np.arange(cols.start, cols.stop) + 0.5) * self.gsd_m_per_px
        y = (np.arange(rows.start, rows.stop) + 0.5) * self.gsd_m_per_px
        return x[None, :], y[:, None]


def new_canvas(size_px: int, gsd_m_per_px: float, base: Surface, rgb: Rgb) -> Canvas:
    """Return a square canvas of one surface."""
    shape = (size_px, size_px)
    albedo = np.empty((*shape, 3), np.uint8)
    albedo[:] = np.asarray(rgb).astype(np.uint8)
    return Canvas(
        gsd_m_per_px,
        np.full(shape, int(base), np.uint8),
        albedo,
        np.zeros(shape, np.float32),
        np.zeros(shape, np.int32),
        np.zeros(shape, np.uint8),
        np.zeros(shape, np.int8),
        np.zeros(shape, np.int8),
    )
