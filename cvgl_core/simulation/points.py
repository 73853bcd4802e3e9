"""Points of a simulated city's surface, as a survey of it would measure them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvgl_core.simulation.scene import City
from cvgl_core.types import Float32Array, FloatArray, UInt8Array

_WALL_M = 1.0
"""A rise between neighbouring points that is higher than this is a wall, with points on it."""


@dataclass(frozen=True)
class SurfacePoints:
    """A coloured point cloud.

    Attributes:
        xyz_m: east, north and up of the centre on the street, float32 ``[N, 3]``.
        rgb: uint8 ``[N, 3]``.
    """

    xyz_m: Float32Array
    rgb: UInt8Array

    def ply(self) -> bytes:
        """Return the points as a binary PLY file."""
        kinds = [(name, "<f4") for name in "xyz"] + [
            (name, "u1") for name in ("red", "green", "blue")
        ]
        rows = np.empty(len(self.xyz_m), kinds)
        for column, name in enumerate("xyz"):
            rows[name] = self.xyz_m[:, column]
        for column, name in enumerate(("red", "green", "blue")):
            rows[name] = self.rgb[:, column]
        words = {"<f4": "float", "u1": "uchar"}
        header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(rows)}"]
        header += [f"property {words[kind]} {name}" for name, kind in kinds]
        return "\n".join([*header, "end_header", ""]).encode() + rows.tobytes()


def surface_points(
    city: City, x_m: float, y_m: float, side_m: float = 72.0, step_m: float = 1.0
) -> SurfacePoints:
    """Return points of the surface in a square: roofs, ground, crowns, and walls between them.

    Heights are those of the aircraft's day above the lowest point of the square; colours are the
    orthophoto's, also on walls (their upper edge's).

    Args:
        city: the city.
        x_m: centre of the square, east in the city frame.
        y_m: centre of the square, south in the city frame.
        side_m: of the square; what lies outside the city is left out.
        step_m: between points of the grid, and between points on walls.
    """
    steps = np.arange(-side_m / 2 + step_m / 2, side_m / 2, step_m)
    gsd = city.gsd_m_per_px
    rows, cols = city.dsm_m.shape
    col, row = (np.floor((centre + steps) / gsd).astype(int) for centre in (x_m, y_m))
    east, south = steps[(col >= 0) & (col < cols)], steps[(row >= 0) & (row < rows)]
    col, row = col[(col >= 0) & (col < cols)], row[(row >= 0) & (row < rows)]
    surface = city.dsm_m[np.ix_(row, col)].astype(np.float64)
    if not surface.size:
        return SurfacePoints(np.empty((0, 3), np.float32), np.empty((0, 3), np.uint8))
    surface -= surface.min()
    colour = city.ortho[np.ix_(row, col)]
    grid = np.stack([*np.meshgrid(east, -south), surface], axis=2)
    found = [(grid.reshape(-1, 3), colour.reshape(-1, 3))]
    for axis in (0, 1):
        lower = np.delete(grid, -1, axis), np.delete(colour, -1, axis)
        upper = np.delete(grid, 0, axis), np.delete(colour, 0, axis)
        found += [_wall(*lower, *upper, step_m), _wall(*upper, *lower, step_m)]
    xyz, rgb = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return SurfacePoints(xyz.astype(np.float32), rgb.astype(np.uint8))


def _wall(
    low: FloatArray, low_rgb: UInt8Array, high: FloatArray, high_rgb: UInt8Array, step_m: float
) -> tuple[FloatArray, UInt8Array]:
    """Return points between neighbours where the second rises above the first ``[n, 3]``."""
    rise = (high - low)[..., 2]
    which = np.nonzero(rise > _WALL_M)
    count = np.floor(rise[which] / step_m).astype(int)
    owner = np.repeat(np.arange(len(count)), count)
    rank = np.arange(len(owner)) - np.repeat(count.cumsum() - count, count)
    foot, top = low[which][owner], high[which][owner]
    xyz = (foot + top) / 2
    xyz[:, 2] = foot[:, 2] + (rank + 0.5) * step_m
    return xyz, high_rgb[which][owner]
