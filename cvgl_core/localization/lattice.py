"""The lattice of cells that all tiles of an index share, whatever their sizes.

Its cells are the pixels of the smallest tiles. A pixel of a tile ``n`` times as large covers
``n x n`` cells, and its mass is spread evenly over them: votes of all sizes add up where they lie.

Sizes compete fairly: a place has as many tiles of a size as their stride allows, so each tile's say
is weighted by the ground that it stands for, and all sizes together say as much as one alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cvgl_core.geo import TileGrid, convergence_deg, to_lonlat
from cvgl_core.localization.estimate import Place
from cvgl_core.localization.ports import TileIndex
from cvgl_core.localization.posterior import Vote
from cvgl_core.localization.rerank import RankedTile
from cvgl_core.localization.retrieve import Query, Retrieved, retrieve
from cvgl_core.types import BoolArray, Float32Array, IntArray, ModelCard


class Lattice:
    """The cells of one index.

    Attributes:
        cell_m: side of a cell.
        sizes: how many tile grids there are.
    """

    def __init__(self, index: TileIndex, card: ModelCard) -> None:
        self._index = index
        self._card = card
        self.cell_m = index.grid.tile_size_m / card.aerial_px
        self.sizes = len({member.grid for member in index.members})

    def convergence_deg(self) -> float:
        """Return the azimuth of grid north from true north in the middle of the area."""
        grid = self._index.grid
        alike = [member for member in self._index.members if member.grid == grid]
        row = np.median(np.concatenate([member.rows for member in alike]))
        col = np.median(np.concatenate([member.cols for member in alike]))
        x_m, y_m = grid.centre(row, col)
        lon, lat = to_lonlat(grid.crs, [float(x_m)], [float(y_m)])
        return convergence_deg(grid.crs, float(lon[0]), float(lat[0]))

    def area_m2(self, where: BoolArray | None) -> float:
        """Return the ground that the tiles of ``where [N]`` stand for, or that of all."""
        members, total_m2, start = self._index.members, 0.0, 0
        for member in members:
            stop = start + len(member.rows)
            count = stop - start if where is None else int(where[start:stop].sum())
            total_m2 += count * member.grid.stride_m**2 / self.sizes
            start = stop
        return total_m2

    def grid_of(self, tile: int) -> TileGrid:
        """Return the grid that a tile belongs to."""
        return self._index.member_of(tile)[0].grid

    def retrieve(self, query: Query, depth: int, where: BoolArray | None) -> Retrieved:
        """Return the ``depth`` nearest tiles of each size, best first; see ``retrieve``.

        There are more small tiles than large ones, which is no reason to look closer at them.
        """
        if self.sizes == 1:
            return retrieve(self._index, query, depth, where)
        allowed = np.ones(len(self._index.rows), np.bool_) if where is None else where
        parts = [allowed & alike for alike in self._by_size()]
        found = [retrieve(self._index, query, depth, part) for part in parts if part.any()]
        tiles = np.concatenate([each.tiles for each in found])
        scores = np.concatenate([each.scores for each in found])
        order = np.lexsort((tiles, -scores.max(axis=1)))
        return Retrieved(tiles[order], scores[order])

    def vote(self, tile: int, probability: float, log_heatmap: Float32Array) -> Vote:
        """Return a tile's say on the cells, from its heatmap ``[p, p]``."""
        grid, index = self.grid_of(tile), self._index
        stride = grid.stride_m / self.cell_m
        row, col = round(int(index.rows[tile]) * stride), round(int(index.cols[tile]) * stride)
        times = round(grid.tile_size_m / self._index.grid.tile_size_m)
        if times > 1:
            log_heatmap = log_heatmap.repeat(times, axis=0).repeat(times, axis=1)
        return Vote(row, col, probability, log_heatmap)

    def in_the_middle(self, place: Place, like: int) -> IntArray:
        """Return the tiles whose middle is nearest to a place, of the grid of the tile ``like``."""
        grid, index = self.grid_of(like), self._index
        row, col = grid.nearest(place.x_m, place.y_m)
        found = np.flatnonzero((index.rows == row) & (index.cols == col))
        return found[[self.grid_of(int(tile)) == grid for tile in found]]

    def _by_size(self) -> Iterator[BoolArray]:
        """Yield which tiles ``[N]`` each grid has."""
        members = self._index.members
        number = np.repeat(np.arange(len(members)), [len(member.rows) for member in members])
        for grid in dict.fromkeys(member.grid for member in members):
            yield np.array([member.grid == grid for member in members])[number]

    def weighed(self, ranked: Sequence[RankedTile], temperature: float) -> list[RankedTile]:
        """Return candidates of several sizes with scores that can be compared, best first.

        A weight of probability is ``temperature`` times its logarithm in scores.
        """
        if self.sizes == 1:
            return list(ranked)
        usual_m = self._card.tile_size_m / 2.0
        weighed = []
        for tile in ranked:
            share = (self.grid_of(tile.tile).stride_m / usual_m) ** 2 / self.sizes
            scores = tile.roll_scores + np.float32(temperature * np.log(share))
            weighed.append(replace(tile, roll_scores=scores))
        return sorted(weighed, key=lambda tile: (-tile.score, tile.retrieval_rank))
