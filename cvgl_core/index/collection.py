"""Several indexes of one place, searched as one: neighbours, overlaps, tiles of several sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cvgl_core.errors import WeightsMismatchError
from cvgl_core.geo import TileGrid
from cvgl_core.index.descriptors import Descriptors
from cvgl_core.index.manifest import Manifest, digest_of
from cvgl_core.index.maps import ReducedMaps
from cvgl_core.index.reader import Index
from cvgl_core.index.search import SearchResult
from cvgl_core.types import BoolArray, Bounds, Float32Array, UInt8Array


class Collection:
    """Indexes whose tiles are numbered one index after the other; read like one ``Index``.

    Where indexes overlap, a place has a tile of each. Members of one CRS whose tile sizes are whole
    multiples of the smallest go together: the pixels of all lie on the lattice of the smallest.

    Attributes:
        members: the indexes, those of the smallest tiles first.
        path: the folder that holds all, or the first member's.
        manifest: facts of the first; what a search relies on is the same in all.
        grid: that of the smallest tiles.
        rows: tile rows ``[N]``, int32, each in the grid of its member.
        cols: tile columns ``[N]``, int32.
        sizes: how many grids there are.
    """

    def __init__(self, members: Sequence[Index], path: Path | None = None) -> None:
        """Line up indexes that ``go_together``, made by the same network.

        Raises:
            WeightsMismatchError: they were described differently.
        """
        check_alike(members)
        self.members = tuple(sorted(members, key=lambda member: member.grid.tile_size_m))
        first = self.members[0]
        assert all(go_together(first.grid, member.grid) for member in members)
        self.sizes = len({member.grid for member in members})
        self.path = first.path if path is None else path
        self.grid: TileGrid = first.grid
        self.manifest: Manifest = first.manifest
        if path is not None:
            ids = [member.manifest.index_id for member in self.members]
            version = 1 + sum(member.manifest.version - 1 for member in self.members)
            facts = {"index_id": digest_of(["sizes", ids])[:32], "version": version}
            self.manifest = first.manifest.model_copy(update=facts)
        self.rows = np.concatenate([member.rows for member in self.members])
        self.cols = np.concatenate([member.cols for member in self.members])
        self._offsets = np.cumsum([0, *(len(member) for member in self.members)])

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def descriptors(self) -> Descriptors:
        """Descriptors of all tiles ``[N, D]``."""
        return Descriptors(
            [len(member) for member in self.members],
            self.manifest.descriptor_dim,
            lambda number: self.members[number].descriptors,
        )

    @property
    def has_maps(self) -> bool:
        """Whether detailed maps of all tiles are stored."""
        return all(member.has_maps for member in self.members)

    def member_of(self, tile: int) -> tuple[Index, int]:
        """Return the index that a tile is from, and its number there."""
        number = int(np.searchsorted(self._offsets, tile, side="right")) - 1
        return self.members[number], tile - int(self._offsets[number])

    def tile_id(self, index: int) -> str:
        """Return the name of a tile; those of overlapping indexes share it with the place.

        Among several sizes it ends in the tile's, such as ``-72m``.
        """
        member, tile = self.member_of(index)
        name = member.tile_id(tile)
        return name if self.sizes == 1 else f"{name}-{member.grid.tile_size_m:g}m"

    def search(
        self, descriptors: Float32Array, k: int, where: BoolArray | None = None
    ) -> SearchResult:
        """Return the ``k`` best of all indexes, as ``Index.search`` does of one."""
        found = []
        for member, start in zip(self.members, self._offsets.tolist(), strict=False):
            part = None if where is None else where[start : start + len(member)]
            best = member.search(descriptors, k, part)
            found.append(SearchResult(best.indices + start, best.scores))
        return best_of(found, k)

    def tile_pixels(self, indices: ArrayLike) -> UInt8Array:
        """Return the pixels of tiles ``[K, p, p, 3]`` as they were described."""
        wanted = np.atleast_1d(np.asarray(indices, np.int64))
        side = self.manifest.aerial_px
        pixels = np.empty((len(wanted), side, side, 3), np.uint8)
        for places, member, tiles in self._by_member(wanted):
            pixels[places] = member.tile_pixels(tiles)
        return pixels

    def tile_maps(self, indices: ArrayLike) -> Iterator[tuple[NDArray[np.intp], ReducedMaps]]:
        """Yield the detailed maps of tiles in groups: positions in ``indices``, and maps."""
        wanted = np.atleast_1d(np.asarray(indices, np.int64))
        for places, member, tiles in self._by_member(wanted):
            for inside, maps in member.tile_maps(tiles):
                yield places[inside], maps

    def bounds(self) -> Bounds:
        """Return the rectangle that holds all tiles, in grid metres."""
        each = [member.bounds() for member in self.members]
        return Bounds(
            min(one.left_m for one in each),
            min(one.bottom_m for one in each),
            max(one.right_m for one in each),
            max(one.top_m for one in each),
        )

    def snapped(self, bounds: Bounds) -> Bounds:
        """Return ``bounds`` grown to whole pixels of the stored imagery, in grid metres."""
        return self.members[0].snapped(bounds)

    def mosaic(self, bounds: Bounds, step: int = 1) -> tuple[UInt8Array, BoolArray]:
        """Return the imagery of a rectangle like ``Index.mosaic``; the first index wins.

        It is that under the smallest tiles, the finest.
        """
        finest = [member for member in self.members if member.grid == self.grid]
        rgb, valid = finest[0].mosaic(bounds, step)
        for member in finest[1:]:
            other_rgb, other_valid = member.mosaic(bounds, step)
            new = other_valid & ~valid
            rgb[new] = other_rgb[new]
            valid |= new
        return rgb, valid

    def _by_member(
        self, tiles: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.intp], Index, NDArray[np.int64]]]:
        """Yield positions in ``tiles``, the index that those are from, and their numbers there."""
        if len(tiles) and not (0 <= tiles.min() and tiles.max() < len(self)):
            raise IndexError(f"tiles are numbered 0 to {len(self) - 1}")
        number_of = np.searchsorted(self._offsets, tiles, side="right") - 1
        for number in np.unique(number_of):
            places = np.flatnonzero(number_of == number)
            yield places, self.members[number], tiles[places] - self._offsets[number]


def best_of(found: Sequence[SearchResult], k: int) -> SearchResult:
    """Return the ``k`` best of several searches of the same queries; ties in order of tiles."""
    indices = np.concatenate([each.indices for each in found], axis=1)
    scores = np.concatenate([each.scores for each in found], axis=1)
    order = np.lexsort((indices, -scores), axis=1)[:, :k]
    return SearchResult(
        np.take_along_axis(indices, order, axis=1), np.take_along_axis(scores, order, axis=1)
    )


def nested(small_m: float, large_m: float) -> bool:
    """Tell whether a length is a whole multiple of another, but for rounding."""
    times = large_m / small_m
    return round(times) >= 1 and abs(times - round(times)) < 1e-9 * times


def go_together(one: TileGrid, other: TileGrid) -> bool:
    """Tell whether tiles of ``other`` lie on the lattice of the smaller or equal ones of ``one``.

    That is so for whole multiples of the size; tiles of one size must be of one grid.
    """
    if one.crs != other.crs or not nested(one.tile_size_m, other.tile_size_m):
        return False
    return one.tile_size_m != other.tile_size_m or one == other


def galleries(indexes: Sequence[Index]) -> list[Index | Collection]:
    """Return indexes in groups that can each be searched as one."""
    groups: list[list[Index]] = []
    for index in sorted(indexes, key=lambda index: index.grid.tile_size_m):
        for group in groups:
            if go_together(group[0].grid, index.grid):
                group.append(index)
                break
        else:
            groups.append([index])
    return [group[0] if len(group) == 1 else Collection(group) for group in groups]


def check_alike(members: Sequence[Index]) -> None:
    """Refuse to compare descriptors that mean different things.

    Another runtime is no reason: the same weights differ by it in the fourth digit at most.

    Raises:
        WeightsMismatchError: other weights made one of the indexes, or another precision.
    """
    first = members[0]
    for other in members[1:]:
        for name in ("weights_sha256", "precision", "shared_trunk"):
            one, another = getattr(first.manifest, name), getattr(other.manifest, name)
            if one != another:
                raise WeightsMismatchError(
                    f"{first.path} and {other.path} cannot be searched together: their {name} "
                    f"differ ({one!s:.12} and {another!s:.12}); build one of them again like the "
                    "other"
                )
