"""The grid of ground squares: pure arithmetic on the metres of a CRS.

Row and column count from the origin of the CRS, so a tile's name depends on the place and the
grid's settings only, never on the raster or on the order of reading.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cvgl_core.errors import SettingsError
from cvgl_core.types import Bounds, FloatArray, IntArray


@dataclass(frozen=True)
class TileRange:
    """A rectangle of tiles, ends excluded."""

    row_start: int
    row_stop: int
    col_start: int
    col_stop: int

    @property
    def count(self) -> int:
        """Number of tiles."""
        return max(0, self.row_stop - self.row_start) * max(0, self.col_stop - self.col_start)

    def tiles(self) -> tuple[IntArray, IntArray]:
        """Return rows and columns ``[N]`` of all its tiles, row by row from the north-west."""
        rows, cols = np.meshgrid(
            np.arange(self.row_start, self.row_stop, dtype=np.int64),
            np.arange(self.col_start, self.col_stop, dtype=np.int64),
            indexing="ij",
        )
        return rows.ravel(), cols.ravel()


@dataclass(frozen=True)
class TileGrid:
    """Squares of ``tile_size_m``, one every ``stride_m``, anchored at the origin of ``crs``.

    Tile (row, col) has its left edge at ``col * stride_m`` and its top edge at
    ``-row * stride_m``: rows grow southwards, columns eastwards.
    """

    crs: str
    tile_size_m: float
    stride_m: float

    def __post_init__(self) -> None:
        if not 0.0 < self.stride_m <= self.tile_size_m < 1e6:
            raise SettingsError(
                f"tiles of {self.tile_size_m} m every {self.stride_m} m do not cover the ground; "
                "the stride must be positive and at most the tile's side"
            )

    def bounds(self, row: int, col: int) -> Bounds:
        """Return a tile's rectangle in grid metres."""
        left_m, top_m = col * self.stride_m, -row * self.stride_m
        return Bounds(left_m, top_m - self.tile_size_m, left_m + self.tile_size_m, top_m)

    def centre(self, row: ArrayLike, col: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return ``x_m, y_m`` of the centres of tiles, of the shape of ``row`` and ``col``."""
        half_m = self.tile_size_m / 2.0
        x_m = np.asarray(col, np.float64) * self.stride_m + half_m
        y_m = -np.asarray(row, np.float64) * self.stride_m - half_m
        return x_m, y_m

    def corners(self, row: ArrayLike, col: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return ``x_m, y_m`` ``[N, 4]`` of tiles' corners, counter-clockwise from south-west."""
        x_m, y_m = self.centre(np.atleast_1d(row), np.atleast_1d(col))
        half_m = self.tile_size_m / 2.0
        return (
            x_m[:, None] + half_m * np.array([-1.0, 1.0, 1.0, -1.0]),
            y_m[:, None] + half_m * np.array([-1.0, -1.0, 1.0, 1.0]),
        )

    def covering(self, bounds: Bounds) -> TileRange:
        """Return the range of all tiles that share some area with ``bounds``."""
        size, stride = self.tile_size_m, self.stride_m
        return TileRange(
            row_start=int(np.floor((-bounds.top_m - size) / stride)) + 1,
            row_stop=int(np.ceil(-bounds.bottom_m / stride)),
            col_start=int(np.floor((bounds.left_m - size) / stride)) + 1,
            col_stop=int(np.ceil(bounds.right_m / stride)),
        )

    def nearest(self, x_m: ArrayLike, y_m: ArrayLike) -> tuple[IntArray, IntArray]:
        """Return row and column of the tile whose centre is nearest in the maximum norm.

        With an overlap of one half, the point lies in that tile's central quarter. A point just
        between two tiles belongs to the one in the south or in the east.
        """
        half_m = self.tile_size_m / 2.0
        col = np.floor((np.asarray(x_m, np.float64) - half_m) / self.stride_m + 0.5)
        row = np.floor((-np.asarray(y_m, np.float64) - half_m) / self.stride_m + 0.5)
        return row.astype(np.int64), col.astype(np.int64)

    def tile_id(self, row: int, col: int) -> str:
        """Return a tile's name, such as ``32633-r-152300c013877``."""
        return f"{self.crs.rsplit(':', 1)[-1]}-r{int(row):07d}c{int(col):06d}"
