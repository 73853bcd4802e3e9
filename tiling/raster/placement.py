"""Where the pixels of a metric lattice lie in a raster."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pyproj import CRS

from cvgl_core.geo.crs import transformer
from cvgl_core.types import FloatArray
from tiling.raster.info import RasterInfo

_STEPS_PX = (32, 8, 1)
_TOLERANCE_PX = 0.05
_SNAP_PX = 0.02

Box = tuple[int, int, int, int]
"""Top, left, height and width, in pixels."""


@dataclass(frozen=True)
class Nodes:
    """Where the middles of the squares of a window of the lattice lie in a raster.

    The squares have ``step`` pixels of the lattice; there is one more on each side of the window.

    Attributes:
        window: of the lattice.
        step: side of a square, in pixels of the lattice.
        u: columns of the raster, from its left edge, ``[n, m]``.
        v: rows of the raster, from its top edge, ``[n, m]``.
    """

    window: Box
    step: int
    u: FloatArray
    v: FloatArray

    def scaled(self, across: float, down: float) -> Nodes:
        """Return the same nodes in a copy of the raster with so many times the pixels."""
        return Nodes(self.window, self.step, self.u * across, self.v * down)

    def moved(self, left: float, top: float) -> Nodes:
        """Return the same nodes in the part of the raster that begins there."""
        return Nodes(self.window, self.step, self.u - left, self.v - top)

    def part(self, part: Box) -> Nodes:
        """Return the nodes of a part of the window, which begins between squares."""
        first_row, first_col = part[0] - self.window[0], part[1] - self.window[1]
        rows, cols = (
            slice(first // self.step, -(-(first + side) // self.step) + 2)
            for first, side in ((first_row, part[2]), (first_col, part[3]))
        )
        return Nodes(part, self.step, self.u[rows, cols], self.v[rows, cols])

    def covered_px(self) -> int:
        """Return how many pixels of the raster a pixel of the lattice covers along an axis."""
        steps = [
            np.hypot(np.diff(self.u, axis=axis), np.diff(self.v, axis=axis)) for axis in (0, 1)
        ]
        widest = max(float(np.median(step[np.isfinite(step)])) for step in steps)
        return max(1, math.ceil(widest / self.step - _TOLERANCE_PX))

    def box(self) -> tuple[float, float, float, float] | None:
        """Return top, left, bottom and right of what the window shows; None if not on the map."""
        if not (np.isfinite(self.u) & np.isfinite(self.v)).any():
            return None
        u, v = (_edges(_edges(values).T) for values in (self.u, self.v))
        return float(np.nanmin(v)), float(np.nanmin(u)), float(np.nanmax(v)), float(np.nanmax(u))

    def alike(self) -> tuple[float, float, float, float] | None:
        """Return top, left, bottom and right if the lattice lies like the raster, else None.

        That is: north up, every pixel of the lattice the same whole pixels of the raster or more,
        and the window's edges on edges of pixels.
        """
        rows, cols = np.arange(len(self.u))[:, None], np.arange(self.u.shape[1])
        across = (self.u[0, -1] - self.u[0, 0]) / cols[-1]
        down = (self.v[-1, 0] - self.v[0, 0]) / float(rows[-1, 0])
        off_u = np.abs(self.u[0, 0] + across * cols - self.u).max()
        off_v = np.abs(self.v[0, 0] + down * rows - self.v).max()
        if not (min(across, down) > (1.0 - 1e-6) * self.step and max(off_u, off_v) < _SNAP_PX):
            return None
        left, top = float(self.u[0, 0] + across / 2.0), float(self.v[0, 0] + down / 2.0)
        bottom = top + float(down) / self.step * self.window[2]
        right = left + float(across) / self.step * self.window[3]
        edges = top, left, bottom, right
        return edges if max(abs(edge - round(edge)) for edge in edges) < _SNAP_PX else None

    def seen(self, box: Box) -> Box:
        """Return about which part of the lattice shows a part of the raster."""
        (row, row_u, row_v), (col, col_u, col_v) = self._back
        ends = [(u, v) for u in (box[1], box[1] + box[3]) for v in (box[0], box[0] + box[2])]
        rows = [row + row_u * u + row_v * v for u, v in ends]
        cols = [col + col_u * u + col_v * v for u, v in ends]
        top, left = math.floor(min(rows)), math.floor(min(cols))
        return top, left, math.ceil(max(rows)) - top, math.ceil(max(cols)) - left

    @cached_property
    def _back(self) -> list[list[float]]:
        """Rows and columns of the lattice as 1, u and v give them, near the middle."""
        i, j = len(self.u) // 2, self.u.shape[1] // 2
        row = self.window[0] + (i - 0.5) * self.step
        col = self.window[1] + (j - 0.5) * self.step
        along_row = [(x[i + 1, j] - x[i, j]) / self.step for x in (self.u, self.v)]
        along_col = [(x[i, j + 1] - x[i, j]) / self.step for x in (self.u, self.v)]
        inverse = np.linalg.pinv(np.nan_to_num(np.array([along_row, along_col]).T))
        here = np.array([row, col]) - inverse @ np.nan_to_num([self.u[i, j], self.v[i, j]])
        found: list[list[float]] = np.column_stack([here, inverse]).tolist()
        return found


class Placement:
    """A raster and the lattice of a metric grid.

    Args:
        info: the raster.
        crs: of the grid.
        gsd_m_per_px: side of a pixel of the lattice; pixel (row, col) has its north-west corner at
            ``(col * gsd, -row * gsd)`` metres.
    """

    def __init__(self, info: RasterInfo, crs: str, gsd_m_per_px: float) -> None:
        a, b, c, d, e, f = info.transform
        self._matrix = np.linalg.inv(np.array([[a, b], [d, e]]))
        self._corner = c, f
        half_width, half_height = info.width_px / 2.0, info.height_px / 2.0
        self._centre = c + a * half_width + b * half_height, f + d * half_width + e * half_height
        self._gsd = gsd_m_per_px
        self._crs = crs, info.crs
        self._degrees = bool(CRS.from_user_input(info.crs).is_geographic)

    def nodes(self, window: Box) -> Nodes:
        """Return where a window lies, so densely that lines between nodes are true to 0.05 pixel.

        The projections are asked only at the nodes.
        """
        nodes = self._nodes(window, _STEPS_PX[0])
        for step in _STEPS_PX[1:]:
            if _is_smooth(nodes.u) and _is_smooth(nodes.v):
                break
            nodes = self._nodes(window, step)
        return nodes

    def scale_px(self) -> tuple[float, float]:
        """Return width and height of a pixel of the lattice in the raster's, mid-raster."""
        x_m, y_m = transformer(*self._crs[::-1]).transform(*self._centre)
        corner = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
        u, v = self._raster(corner[0] - y_m / self._gsd, corner[1] + x_m / self._gsd)
        return float(np.hypot(*(u[1:] - u[0]))), float(np.hypot(*(v[1:] - v[0])))

    def _raster(self, row: FloatArray, col: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return columns and rows of the raster at points of the lattice."""
        x, y = transformer(*self._crs).transform(col * self._gsd, -row * self._gsd)
        if self._degrees:
            x = x + 360.0 * np.rint((self._centre[0] - x) / 360.0)
        known = np.isfinite(x) & np.isfinite(y)
        x, y = (np.where(known, values, np.nan) for values in (x, y))
        offset = np.stack([x - self._corner[0], y - self._corner[1]])
        u, v = np.einsum("ij,j...->i...", self._matrix, offset)
        return u, v

    def _nodes(self, window: Box, step: int) -> Nodes:
        """Return nodes at a given distance."""
        top, left, height, width = window
        row = top + step * (np.arange(-(-height // step) + 2) - 0.5)
        col = left + step * (np.arange(-(-width // step) + 2) - 0.5)
        return Nodes(window, step, *self._raster(*np.meshgrid(row, col, indexing="ij")))


def _edges(values: FloatArray) -> FloatArray:
    """Return values with the first and last row moved in by half a step."""
    ends = (values[[0, -1]] + values[[1, -2]]) / 2.0
    return np.concatenate([ends[:1], values[1:-1], ends[1:]])


def _is_smooth(values: FloatArray) -> bool:
    """Tell whether straight lines between nodes are as good as the truth."""
    bends = sum(np.abs(np.diff(values, 2, axis)).max() for axis in (0, 1))
    return bool(bends / 8.0 < _TOLERANCE_PX)  # not so where the projection has no answer
