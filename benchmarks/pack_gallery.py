"""Rendered cities as one gallery in memory, for benchmarks: an index without a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cvgl_core.data.citypack import CityPack, CitySpec, open_pack
from cvgl_core.geo import TileGrid
from cvgl_core.index import ReducedMaps, SearchResult, exact_search, reduce_maps
from cvgl_core.models import Engine
from cvgl_core.types import (
    BoolArray,
    Float32Array,
    FloatArray,
    GroundView,
    IntArray,
    ModelCard,
    UInt8Array,
)

BLOCK_TILES = 16
_CITY_STEP = 1024


def open_city(cache: Path, seed: int, card: ModelCard) -> CityPack:
    """Open the rendered pack of a seed, of 400 or of 1,200 views."""
    for views in (400, 1200):
        spec = CitySpec(seed, views, 1224.0, 0.25, card.gsd_m_per_px, card.ground)
        pack = open_pack(spec, cache)
        if pack is not None:
            return pack
    raise SystemExit(f"{cache}: holds no pack of seed {seed}; render it with cvgl train")


class PackGallery:
    """The half-overlapping tiles of cities, described once; a ``TileIndex`` of localization.

    City ``n`` lies ``1024 n`` tiles east of the first, so their places never mix.

    Attributes:
        maps: exact level-0 maps ``[N, C, h, w]``, in half precision.
        groups: the same, reduced block by block as an index stores them.
        views: ground views, ``views_per_city`` of each city.
        cameras_m: their places in grid metres ``[Q, 2]``, x east and y north.
        truth: the tile nearest to each camera ``[Q]``.
    """

    def __init__(
        self,
        engine: Engine,
        packs: Sequence[CityPack],
        *,
        views_per_city: int,
        with_maps: bool = True,
    ) -> None:
        card = engine.card
        self.grid = TileGrid("EPSG:32633", card.tile_size_m, card.tile_size_m / 2)
        self.manifest = SimpleNamespace(
            index_id="0" * 32, version=1, model=card.name, weights_sha256=card.weights_sha256
        )
        self.has_maps = with_maps
        self._packs = packs
        self._side = card.aerial_px
        parts = [self._lattice(number, pack) for number, pack in enumerate(packs)]
        self.rows = np.concatenate([rows for rows, _ in parts]).astype(np.int32)
        self.cols = np.concatenate([cols for _, cols in parts]).astype(np.int32)
        encoded = [
            engine.encode_tiles(self.tile_pixels(range(start, min(start + 256, len(self.rows)))))
            for start in range(0, len(self.rows), 256)
        ]
        self.descriptors = np.concatenate([part[0] for part in encoded]).astype(np.float16)
        self.maps = np.concatenate([part[1].astype(np.float16) for part in encoded])
        block = np.stack([self.rows // BLOCK_TILES, self.cols // BLOCK_TILES], axis=1)
        self._block = np.unique(block, axis=0, return_inverse=True)[1].ravel()
        self.reduce()
        self._look(packs, views_per_city)

    def reduce(self, kept: int | None = None) -> None:
        """Reduce the maps of every block anew, to ``kept`` channels."""
        options = {} if kept is None else {"kept": kept}
        self.groups = [
            reduce_maps(self.maps[self._block == number].astype(np.float32), **options)
            for number in range(self._block.max() + 1)
        ]
        self._within = np.zeros(len(self.rows), np.int64)
        for number in range(len(self.groups)):
            self._within[self._block == number] = np.arange((self._block == number).sum())

    def search(
        self, descriptors: Float32Array, k: int, where: BoolArray | None = None
    ) -> SearchResult:
        """Search exactly."""
        return exact_search(self.descriptors, descriptors, k, where)

    def tile_pixels(self, indices: ArrayLike) -> UInt8Array:
        """Cut tiles from the orthophotos."""
        tiles, half = np.atleast_1d(np.asarray(indices, np.int64)), self._side // 2
        cut = []
        for tile in tiles:
            city, col = divmod(int(self.cols[tile]), _CITY_STEP)
            top, left = int(self.rows[tile]) * half, col * half
            cut.append(self._packs[city].aerial[top : top + self._side, left : left + self._side])
        return np.stack(cut)

    def tile_maps(self, indices: ArrayLike) -> Iterator[tuple[NDArray[np.intp], ReducedMaps]]:
        """Yield reduced maps, block by block."""
        tiles = np.atleast_1d(np.asarray(indices, np.int64))
        for number in np.unique(self._block[tiles]):
            places = np.flatnonzero(self._block[tiles] == number)
            group = self.groups[number]
            yield places, ReducedMaps(group.codes[self._within[tiles[places]]], group.basis)

    def tile_id(self, index: int) -> str:
        """Name a tile."""
        return self.grid.tile_id(int(self.rows[index]), int(self.cols[index]))

    def _lattice(self, number: int, pack: CityPack) -> tuple[IntArray, IntArray]:
        """Return rows and columns of a city's tiles."""
        counts = [side * 2 // self._side - 1 for side in pack.aerial.shape[:2]]
        rows, cols = np.indices(counts).reshape(2, -1)
        return rows, cols + _CITY_STEP * number

    def _look(self, packs: Sequence[CityPack], limit: int) -> None:
        """Keep the views whose camera lies in the central quarter of a tile."""
        views: list[GroundView] = []
        cameras: list[FloatArray] = []
        for number, pack in enumerate(packs):
            at = pack.xy_m.astype(np.float64) * [1, -1]
            at[:, 0] += number * _CITY_STEP * self.grid.stride_m
            everywhere = np.ones(pack.ground.shape[2], np.bool_)
            for strip, place in zip(pack.ground[:limit], at[:limit], strict=True):
                views.append(GroundView(np.asarray(strip), everywhere, 0.0))
                cameras.append(place)
        places = np.array(cameras)
        row, col = self.grid.nearest(places[:, 0], places[:, 1])
        tile_of = {
            (int(r), int(c)): i for i, (r, c) in enumerate(np.stack([self.rows, self.cols], 1))
        }
        found = np.array([tile_of.get((int(r), int(c)), -1) for r, c in np.stack([row, col], 1)])
        kept = np.flatnonzero(found >= 0)
        self.views = [views[i] for i in kept]
        self.cameras_m = places[kept]
        self.truth = found[kept]
