"""Photos with known places and the gallery they are searched in, whatever they come from.

Tiles are addressed by their number ``0 ... N-1`` in the gallery, views by ``0 ... Q-1``. Offsets
are metres east and north of a tile's centre. To fuse heatmaps, all tiles lie on one *lattice* of
tile pixels (row southward, column eastward): overlapping tiles share cells, unrelated areas lie
far apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cvgl_core.data.citypack import CityPack
from cvgl_core.data.pairset import PairImages, offsets_m
from cvgl_core.geo import from_lonlat
from cvgl_core.types import FloatArray, IntArray, ModelCard, UInt8Array

_CITIES_APART_PX = 1 << 24
_BEYOND_EARTH_PX = 1 << 31
_LONE_TILES_APART_PX = 1 << 14
_NONE = -1


class EvalSet(Protocol):
    """What an evaluation needs of a data set.

    Attributes:
        name: of the data set, its protocol and part.
        positive: the right tile of each view ``[Q]``.
        semi_positive: other tiles near the camera ``[Q, 3]``, -1 where there is none.
        tile_side_m: ground side of each tile ``[N]``; NaN where not known.
        corner_px: lattice row and column of each tile's north-west corner ``[N, 2]``.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def positive(self) -> IntArray: ...  # noqa: D102
    @property
    def semi_positive(self) -> IntArray: ...  # noqa: D102
    @property
    def tile_side_m(self) -> FloatArray: ...  # noqa: D102
    @property
    def corner_px(self) -> IntArray: ...  # noqa: D102

    def tiles(self, start: int, stop: int) -> UInt8Array:
        """Return the pixels of tiles ``start ... stop - 1``, ``[n, p, p, 3]``."""

    def views(self, start: int, stop: int) -> UInt8Array:
        """Return the strips of views ``start ... stop - 1``, ``[n, h, w, 3]``."""

    def offset_m(self, views: IntArray, tiles: IntArray) -> FloatArray:
        """Return cameras relative to tiles' centres ``[n, 2]``; infinite in another city."""


def area_m2(data: EvalSet) -> float:
    """Return the ground that half-overlapping tiles stand for; NaN where sizes are not known."""
    return float(np.square(data.tile_side_m / 2).sum())


@dataclass(frozen=True)
class CityGrid:
    """The half-overlapping tiles of one simulated city.

    Attributes:
        pack: the city.
        tile_px: side of a tile.
        origins_px: row and column of the tiles' north-west corners in the orthophoto ``[N, 2]``.
    """

    pack: CityPack
    tile_px: int
    origins_px: IntArray

    @classmethod
    def of(cls, pack: CityPack, tile_px: int) -> CityGrid:
        """Lay the grid over a city; what is left over at its east and south edge is not used."""
        height, width = pack.aerial.shape[:2]
        rows = np.arange(0, height - tile_px + 1, tile_px // 2)
        cols = np.arange(0, width - tile_px + 1, tile_px // 2)
        origins = np.stack(np.meshgrid(rows, cols, indexing="ij"), axis=-1).reshape(-1, 2)
        return cls(pack, tile_px, origins.astype(np.int64))

    def cut(self, tiles: IntArray) -> UInt8Array:
        """Return the pixels of tiles ``[n, p, p, 3]``."""
        side = self.tile_px
        parts = [self.pack.aerial[r : r + side, c : c + side] for r, c in self.origins_px[tiles]]
        return np.stack(parts) if parts else np.empty((0, side, side, 3), np.uint8)

    def centres_m(self) -> FloatArray:
        """Return the tiles' centres in the city's frame, metres east and north ``[N, 2]``."""
        south_east = (self.origins_px + self.tile_px / 2) * self.pack.gsd_m_per_px
        return np.stack([south_east[:, 1], -south_east[:, 0]], axis=1)

    def cameras_m(self) -> FloatArray:
        """Return the cameras in the city's frame, metres east and north ``[V, 2]``."""
        return self.pack.xy_m.astype(np.float64) * (1.0, -1.0)

    def covered(self) -> tuple[IntArray, IntArray, IntArray]:
        """Return the cameras that stand in the central quarter of a tile, and their tiles.

        Returns:
            The views ``[Q]``; the tile whose centre is nearest by the maximum norm ``[Q]``; up to
            three other tiles that show the camera, nearest first ``[Q, 3]``.
        """
        side_m = self.tile_px * self.pack.gsd_m_per_px
        apart_m = np.abs(self.cameras_m()[:, None] - self.centres_m()[None]).max(axis=2)
        views = np.flatnonzero(apart_m.min(axis=1) <= side_m / 4)
        order = np.argsort(apart_m[views], axis=1, kind="stable")[:, :4]
        shown = np.take_along_axis(apart_m[views], order, axis=1) < side_m / 2
        tiles = np.full((len(views), 4), _NONE, dtype=np.int64)
        tiles[:, : order.shape[1]] = np.where(shown, order, _NONE)
        return views, tiles[:, 0], tiles[:, 1:]


class CitySet:
    """Simulated cities searched as one gallery; the cities are infinitely far apart."""

    def __init__(self, name: str, packs: Sequence[CityPack], card: ModelCard) -> None:
        """Number tiles and covered views city after city."""
        self.name = name
        self._grids = [CityGrid.of(pack, card.aerial_px) for pack in packs]
        counts = [len(grid.origins_px) for grid in self._grids]
        firsts = np.cumsum([0, *counts])
        covered = [grid.covered() for grid in self._grids]
        self._tile_city = np.repeat(np.arange(len(packs)), counts)
        self._tile_in_city = np.concatenate([np.arange(count) for count in counts])
        self._view_city = np.repeat(np.arange(len(packs)), [len(part[0]) for part in covered])
        self._view_in_city = np.concatenate([part[0] for part in covered])
        self.positive = np.concatenate(
            [part[1] + first for part, first in zip(covered, firsts[:-1], strict=True)]
        )
        self.semi_positive = np.concatenate(
            [
                np.where(part[2] == _NONE, _NONE, part[2] + first)
                for part, first in zip(covered, firsts[:-1], strict=True)
            ]
        )
        self.tile_side_m = np.repeat([g.tile_px * g.pack.gsd_m_per_px for g in self._grids], counts)
        self.corner_px = np.concatenate([grid.origins_px for grid in self._grids])
        self.corner_px[:, 1] += self._tile_city * _CITIES_APART_PX
        self._centres_m = np.concatenate([grid.centres_m() for grid in self._grids])
        self._cameras_m = np.concatenate(
            [grid.cameras_m()[part[0]] for grid, part in zip(self._grids, covered, strict=True)]
        )

    def tiles(self, start: int, stop: int) -> UInt8Array:
        """Return the pixels of tiles ``start ... stop - 1``, ``[n, p, p, 3]``."""
        cities = self._tile_city[start:stop]
        numbers = self._tile_in_city[start:stop]
        return np.concatenate(
            [self._grids[city].cut(numbers[cities == city]) for city in np.unique(cities)]
        )

    def views(self, start: int, stop: int) -> UInt8Array:
        """Return the strips of views ``start ... stop - 1``, ``[n, h, w, 3]``."""
        cities = self._view_city[start:stop]
        numbers = self._view_in_city[start:stop]
        return np.concatenate(
            [self._grids[city].pack.ground[numbers[cities == city]] for city in np.unique(cities)]
        )

    def offset_m(self, views: IntArray, tiles: IntArray) -> FloatArray:
        """Return cameras relative to tiles' centres ``[n, 2]``; infinite in another city."""
        same = self._view_city[views] == self._tile_city[tiles]
        offset = self._cameras_m[views] - self._centres_m[tiles]
        return np.where(same[:, None], offset, np.inf)


class ListedSet:
    """A listed data set (VIGOR, CVUSA, CVACT) as an ``EvalSet``.

    Where it gives no coordinates, every tile is an area of its own, and a camera lies where its
    label says on its positive tile and infinitely far from the others.
    """

    def __init__(self, images: PairImages, card: ModelCard) -> None:
        """Lay the tiles on a lattice."""
        pairs = images.pairs
        self._images = images
        self._pairs = pairs
        self.name = pairs.name
        self.positive = pairs.positive
        self.semi_positive = pairs.semi_positive
        self.tile_side_m = pairs.tile_side_m
        self.corner_px = lattice_corners(pairs.tile_lonlat_deg, pairs.tile_side_m, card.aerial_px)

    def tiles(self, start: int, stop: int) -> UInt8Array:
        """Return the pixels of tiles ``start ... stop - 1``, ``[n, p, p, 3]``."""
        return np.stack([self._images.tile(index) for index in range(start, stop)])

    def views(self, start: int, stop: int) -> UInt8Array:
        """Return the strips of views ``start ... stop - 1``, ``[n, h, w, 3]``."""
        return np.stack([self._images.view(index) for index in range(start, stop)])

    def offset_m(self, views: IntArray, tiles: IntArray) -> FloatArray:
        """Return cameras relative to tiles' centres ``[n, 2]``."""
        offset = offsets_m(self._pairs, views, tiles)
        unknown = ~np.isfinite(offset).all(axis=1)
        own = self._pairs.positive[views] == tiles
        offset[unknown] = np.inf
        on_own = self._pairs.camera_uv[views] - 0.5
        labelled = on_own * (1.0, -1.0) * self.tile_side_m[tiles][:, None]
        return np.where((unknown & own)[:, None], labelled, offset)


class StrangerSet:
    """Views of one data set asked in the gallery of another, where none of them belongs.

    The right tile of each is given as the first, and lies infinitely far from its camera.
    """

    def __init__(self, gallery: EvalSet, others: EvalSet) -> None:
        self._gallery = gallery
        self._others = others
        self.name = f"{others.name} in {gallery.name}"
        self.positive: IntArray = np.zeros(len(others.positive), dtype=np.int64)
        self.semi_positive: IntArray = np.full((len(others.positive), 3), _NONE, dtype=np.int64)
        self.tile_side_m = gallery.tile_side_m
        self.corner_px = gallery.corner_px

    def tiles(self, start: int, stop: int) -> UInt8Array:
        """Return the pixels of the gallery's tiles ``start ... stop - 1``, ``[n, p, p, 3]``."""
        return self._gallery.tiles(start, stop)

    def views(self, start: int, stop: int) -> UInt8Array:
        """Return the strips of the strangers ``start ... stop - 1``, ``[n, h, w, 3]``."""
        return self._others.views(start, stop)

    def offset_m(self, views: IntArray, tiles: IntArray) -> FloatArray:
        """Return infinite offsets ``[n, 2]``."""
        return np.full((len(views), 2), np.inf)


def lattice_corners(lonlat_deg: FloatArray, side_m: FloatArray, tile_px: int) -> IntArray:
    """Return lattice row and column of north-west corners ``[N, 2]``, to the nearest pixel.

    Tiles of one Web-Mercator zoom have the same side in that projection wherever they lie, and are
    north-up in it, so it is the lattice. A tile without coordinates lies far from all others.

    Args:
        lonlat_deg: centres ``[N, 2]``, WGS 84.
        side_m: sides on the ground ``[N]``.
        tile_px: side in pixels of the model's input.
    """
    known = np.isfinite(lonlat_deg).all(axis=1) & np.isfinite(side_m)
    corners = np.zeros((len(side_m), 2), dtype=np.int64)
    corners[:, 1] = _BEYOND_EARTH_PX + np.arange(len(side_m)) * _LONE_TILES_APART_PX
    if known.any():
        lon, lat = lonlat_deg[known].T
        x, y = from_lonlat("EPSG:3857", lon, lat)
        cell = float(np.median(side_m[known] / np.cos(np.radians(lat)))) / tile_px
        south_east = np.stack([-y, x], axis=1) / cell - tile_px / 2
        corners[known] = np.rint(south_east).astype(np.int64)
    return corners


def tiles_at(data: EvalSet, tiles: IntArray) -> UInt8Array:
    """Return the pixels of scattered tiles ``[n, p, p, 3]``."""
    return np.concatenate([data.tiles(int(tile), int(tile) + 1) for tile in tiles])
