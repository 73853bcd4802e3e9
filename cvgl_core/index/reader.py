"""Reading an index: tables, descriptors, pixels, search; nothing is believed unchecked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cvgl_core.errors import (
    IndexCorruptError,
    NoIndexError,
    WeightsMismatchError,
)
from cvgl_core.geo import TileGrid
from cvgl_core.index import shard as shards
from cvgl_core.index.codes import Shortlister, can_code, coded_search, is_large
from cvgl_core.index.codes_file import open_codes
from cvgl_core.index.descriptors import Descriptors
from cvgl_core.index.manifest import SHARDS_NAME, Manifest, ShardRecord, read_manifest
from cvgl_core.index.maps import ReducedMaps
from cvgl_core.index.picture import THUMBNAIL_STEP
from cvgl_core.index.pictures import Pictures
from cvgl_core.index.search import SearchResult, exact_search
from cvgl_core.index.table import check_table
from cvgl_core.index.threads import threaded
from cvgl_core.types import (
    DEFAULT_DEPTH,
    BoolArray,
    Bounds,
    Float32Array,
    FloatArray,
    Progress,
    UInt8Array,
    no_progress,
)

_EAGER_BYTES = 256 << 20
_MAX_MOSAIC_PX = 400_000_000


class Index:
    """One version of an index, opened for reading; use ``Index.open``.

    Attributes:
        path: the index folder.
        manifest: its facts.
        grid: where its tiles lie.
        rows: tile rows ``[N]``, int32.
        cols: tile columns ``[N]``, int32.
        lons: longitudes of tile centres ``[N]``, degrees.
        lats: latitudes of tile centres ``[N]``, degrees.
        valid_fraction: share of each tile that shows picture ``[N]``.
        shortlister: finds the best of very many tiles; codes, unless another is set.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self.grid: TileGrid = manifest.tile_grid()
        self._folder = path / SHARDS_NAME
        self._checked: set[tuple[str, str]] = set()
        self._pictures = Pictures(self._folder, manifest.fill_rgb, self._array, self._check)
        self._offsets = np.cumsum([0, *(record.tile_count for record in manifest.shards)])
        dim, maps = manifest.descriptor_dim, manifest.maps
        size = sum(shards.stored_bytes(self._folder, r, dim, maps) for r in manifest.shards)
        table = np.concatenate(list(self._tables()))
        self.rows: NDArray[np.int32] = np.ascontiguousarray(table["row"])
        self.cols: NDArray[np.int32] = np.ascontiguousarray(table["col"])
        self.lons: FloatArray = np.ascontiguousarray(table["lon"])
        self.lats: FloatArray = np.ascontiguousarray(table["lat"])
        self.valid_fraction: Float32Array = np.ascontiguousarray(table["valid_fraction"])
        self.shortlister: Shortlister | None = None
        self._check_table()
        if size <= _EAGER_BYTES:
            self._check_all()

    @classmethod
    def open(cls, path: Path | str) -> Index:
        """Open an index folder.

        Manifest and tables are compared with their checksums now, and all else if it is small.
        In a large index descriptors, imagery and maps are, when they are first used.

        Raises:
            NoIndexError: the folder does not exist or holds no finished index.
            IndexCorruptError: a file is missing or not as it was written.
            IndexVersionError: it was written in another format.
        """
        folder = Path(path)
        manifest = read_manifest(folder)
        while True:
            if not manifest.shards:
                raise NoIndexError(
                    f"{folder}: is a part without tiles; cvgl-tile merge joins parts"
                )
            try:
                return cls(folder, manifest)
            except IndexCorruptError:
                newer = read_manifest(folder)
                if newer == manifest:
                    raise
                manifest = newer  # it was replaced, and its shards cleared away, under our feet

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def descriptors(self) -> Descriptors:
        """Descriptors of all tiles ``[N, D]``, compared with their checksums when first read."""
        records = self.manifest.shards
        return Descriptors(
            [record.tile_count for record in records],
            self.manifest.descriptor_dim,
            lambda number: np.asarray(self._array(records[number], "descriptors")),
        )

    @property
    def has_maps(self) -> bool:
        """Whether detailed maps of the tiles are stored."""
        return self.manifest.maps is not None

    @property
    def members(self) -> tuple[Index, ...]:
        """Itself alone; a ``Collection`` has several."""
        return (self,)

    def member_of(self, tile: int) -> tuple[Index, int]:
        """Return itself and the tile; see ``Collection``."""
        return self, tile

    @cached_property
    def acquired(self) -> NDArray[np.str_]:
        """Days on which the imagery of tiles was taken, ISO 8601 ``[N]``; empty if not known."""
        days = [
            record.acquired if len(record.acquired) > 1 else (record.acquired or ("",)) * count
            for record, count in zip(self.manifest.shards, np.diff(self._offsets), strict=True)
        ]
        return np.array([day for shard in days for day in shard], "<U10")

    def tile_id(self, index: int) -> str:
        """Return the name of a tile."""
        return self.grid.tile_id(int(self.rows[index]), int(self.cols[index]))

    def search(
        self, descriptors: Float32Array, k: int, where: BoolArray | None = None
    ) -> SearchResult:
        """Return the ``k`` tiles whose descriptors have the largest cosine to each query.

        Args:
            descriptors: queries ``[Q, D]``.
            k: how many; fewer come back when fewer tiles are allowed.
            where: tiles that may be found ``[N]``; all if None.

        Up to ``EXACT_TILES`` tiles every one is compared, in more only those that the codes name.

        Raises:
            WeightsMismatchError: the queries are not of this index's length.
            IndexCorruptError: descriptors are not as they were written.
        """
        queries = np.atleast_2d(descriptors)
        if queries.shape[1] != self.manifest.descriptor_dim:
            raise WeightsMismatchError(
                f"{self.path}: holds descriptors of {self.manifest.descriptor_dim} numbers, the "
                f"photo's has {queries.shape[1]}; use the model {self.manifest.model}"
            )
        allowed = len(self) if where is None else int(np.count_nonzero(where))
        if is_large(allowed, k):
            shortlister = self.prepare_search()
            if shortlister is not None:
                return coded_search(shortlister, self.descriptors, queries, k, where)
        return exact_search(self.descriptors, queries, k, where)

    def prepare_search(self, progress: Progress = no_progress) -> Shortlister | None:
        """Return what finds the best of very many tiles, made if need be; None where nothing can.

        Raises:
            IndexCorruptError: descriptors are not as they were written.
        """
        if self.shortlister is None and can_code():
            self.shortlister = open_codes(self.path, self.manifest, self.descriptors, progress)
        return self.shortlister

    def tile_pixels(self, indices: ArrayLike) -> UInt8Array:
        """Return the pixels of tiles ``[K, p, p, 3]`` as they were described.

        Raises:
            IndexCorruptError: the imagery is not as it was written.
        """
        return self._windows(indices, self._pictures.whole, 1)

    @property
    def has_thumbnails(self) -> bool:
        """Whether small pictures of the tiles are stored."""
        return all(record.thumbnails is not None for record in self.manifest.shards)

    def thumbnails(self, indices: ArrayLike) -> UInt8Array:
        """Return small pictures of tiles ``[K, p / 4, p / 4, 3]``, if it ``has_thumbnails``.

        Raises:
            IndexCorruptError: they are not as they were written.
        """
        return self._windows(indices, self._pictures.small, THUMBNAIL_STEP)

    def tile_maps(self, indices: ArrayLike) -> Iterator[tuple[NDArray[np.intp], ReducedMaps]]:
        """Yield the detailed maps of tiles shard by shard: positions in ``indices``, and maps.

        Only for an index that ``has_maps``.

        Raises:
            IndexCorruptError: the maps are not as they were written.
        """
        wanted = np.atleast_1d(np.asarray(indices, np.int64))
        shard_of = self._shard_of(wanted)
        for number in np.unique(shard_of):
            record = self.manifest.shards[number]
            places = np.flatnonzero(shard_of == number)
            basis = self._array(record, "map_basis")
            if not (np.abs(basis) <= 1.0).all():  # a NaN is not
                raise IndexCorruptError(
                    f"{self._folder / record.name}: its map basis holds impossible numbers"
                )
            codes = self._array(record, "maps")[wanted[places] - self._offsets[number]]
            yield places, ReducedMaps(codes, basis)

    def snapped(self, bounds: Bounds) -> Bounds:
        """Return ``bounds`` grown to whole pixels of the stored imagery, in grid metres."""
        top, left, height, width = self._window(bounds)
        gsd = self.manifest.gsd_m_per_px
        return Bounds(left * gsd, -(top + height) * gsd, (left + width) * gsd, -top * gsd)

    def mosaic(self, bounds: Bounds, step: int = 1) -> tuple[UInt8Array, BoolArray]:
        """Return the stored imagery of a rectangle in grid metres, grown to whole pixels.

        Args:
            bounds: the rectangle; ``snapped`` tells what it grows to.
            step: take every n-th pixel of every n-th row only.

        Returns:
            Pixels ``[H, W, 3]``, north up, and where they show picture ``[H, W]``.

        Raises:
            ValueError: the rectangle is empty or has too many pixels; use a larger ``step``.
            IndexCorruptError: the imagery is not as it was written.
        """
        top, left, height, width = self._window(bounds)
        rows, cols = len(range(0, height, step)), len(range(0, width, step))
        if not 0 < rows * cols <= _MAX_MOSAIC_PX:
            raise ValueError(f"a mosaic of {cols} x {rows} px is not possible")
        rgb = np.empty((rows, cols, 3), np.uint8)
        rgb[:] = np.array(self.manifest.fill_rgb, np.uint8)
        valid = np.zeros((rows, cols), np.bool_)
        for record in self.manifest.shards:
            first_row = _first(record.top_px - top, step)
            first_col = _first(record.left_px - left, step)
            last_row = min(height, record.top_px - top + record.height_px)
            last_col = min(width, record.left_px - left + record.width_px)
            if first_row >= last_row or first_col >= last_col:
                continue
            there = (
                slice(first_row + top - record.top_px, last_row + top - record.top_px, step),
                slice(first_col + left - record.left_px, last_col + left - record.left_px, step),
            )
            shown = np.unpackbits(self._array(record, "valid"), axis=1).view(np.bool_)[there]
            here = (
                slice(first_row // step, first_row // step + shown.shape[0]),
                slice(first_col // step, first_col // step + shown.shape[1]),
            )
            rgb[here][shown] = self._pictures.every(record, *there)[shown]
            valid[here] |= shown
        return rgb, valid

    def bounds(self) -> Bounds:
        """Return the rectangle that holds all tiles, in grid metres."""
        x_m, y_m = self.grid.centre(self.rows, self.cols)
        half_m = self.grid.tile_size_m / 2.0
        return Bounds(
            float(x_m.min()) - half_m,
            float(y_m.min()) - half_m,
            float(x_m.max()) + half_m,
            float(y_m.max()) + half_m,
        )

    def verify(self) -> list[str]:
        """Read every byte again and return what is not as it was written; empty if all is well."""
        from cvgl_core.index.verify import verify_folder

        return verify_folder(self.path)

    def _windows(
        self, indices: ArrayLike, picture: Callable[[ShardRecord], UInt8Array], step: int
    ) -> UInt8Array:
        """Return tiles ``[K, p, p, 3]`` of pictures that have one pixel for ``step``."""
        wanted = np.atleast_1d(np.asarray(indices, np.int64))
        side, stride = self.manifest.aerial_px // step, self.manifest.stride_px
        pixels = np.empty((len(wanted), side, side, 3), np.uint8)
        shard_of = self._shard_of(wanted)
        for number in np.unique(shard_of):
            record = self.manifest.shards[number]
            whole = picture(record)
            for place in np.flatnonzero(shard_of == number):
                top = (int(self.rows[wanted[place]]) * stride - record.top_px) // step
                left = (int(self.cols[wanted[place]]) * stride - record.left_px) // step
                pixels[place] = whole[top : top + side, left : left + side]
        return pixels

    def _window(self, bounds: Bounds) -> tuple[int, int, int, int]:
        """Return top, left, height, width in pixels of the grid's lattice."""
        gsd = self.manifest.gsd_m_per_px
        top, left = _floor(-bounds.top_m / gsd), _floor(bounds.left_m / gsd)
        return (
            top,
            left,
            -_floor(bounds.bottom_m / gsd) - top,
            -_floor(-bounds.right_m / gsd) - left,
        )

    def _shard_of(self, indices: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return the position of the shard that holds each tile."""
        if len(indices) and not (0 <= indices.min() and indices.max() < len(self)):
            raise IndexError(f"tiles are numbered 0 to {len(self) - 1}")
        return np.searchsorted(self._offsets, indices, side="right") - 1

    def _tables(self) -> Iterator[shards.AnyArray]:
        """Yield the table of every shard in order."""

        def load(record: ShardRecord) -> shards.AnyArray:
            return shards.load_array(self._folder, record, "tiles", self.manifest.descriptor_dim)

        return threaded(load, self.manifest.shards)

    def _check_all(self) -> None:
        """Compare every file of the index with its checksum."""
        check_table(self.path, self.manifest)
        dim, maps = self.manifest.descriptor_dim, self.manifest.maps
        for record in self.manifest.shards:
            if shards.read_record(self._folder, record.name) != record:
                raise IndexCorruptError(f"{self._folder / record.name}: belongs to another index")
            for key in shards.file_keys(record):
                self._check(record, key)
            for key in shards.expected_layout(record, dim, maps):
                self._array(record, key)

    def _check(self, record: ShardRecord, key: str) -> None:
        """Compare a file with its checksum once."""
        if (record.name, key) not in self._checked:
            shards.check_file(self._folder, record, key)
            self._checked.add((record.name, key))

    def _array(self, record: ShardRecord, key: str) -> shards.AnyArray:
        """Return an array of a shard whose file is as it was written."""
        self._check(record, key)
        manifest = self.manifest
        return shards.open_array(self._folder, record, key, manifest.descriptor_dim, manifest.maps)

    def _check_table(self) -> None:
        """Refuse tables that no writer of ours makes: other checks rest on them."""
        side, stride = self.manifest.aerial_px, self.manifest.stride_px
        record_of = np.repeat(np.arange(len(self.manifest.shards)), np.diff(self._offsets))
        records: Sequence[ShardRecord] = self.manifest.shards
        top = self.rows.astype(np.int64) * stride - np.array([r.top_px for r in records])[record_of]
        left = (
            self.cols.astype(np.int64) * stride - np.array([r.left_px for r in records])[record_of]
        )
        inside = (
            (top >= 0)
            & (left >= 0)
            & (top + side <= np.array([r.height_px for r in records])[record_of])
            & (left + side <= np.array([r.width_px for r in records])[record_of])
        )
        on_earth = (np.abs(self.lats) <= 90.0) & (np.abs(self.lons) <= 180.0)
        share = (self.valid_fraction >= 0.0) & (self.valid_fraction <= 1.0)
        places = self.rows.astype(np.int64) << 32 | self.cols.astype(np.int64) & 0xFFFFFFFF
        places.sort()
        unique = bool((np.diff(places) != 0).all())
        if not (inside & on_earth & share).all() or not unique:
            raise IndexCorruptError(f"{self.path}: its table of tiles contradicts its manifest")


def make_ready(folder: Path, progress: Progress = no_progress) -> None:
    """Make now what the first search of a large index would have to make.

    Raises:
        IndexFolderError: the index cannot be used.
    """
    if is_large(read_manifest(folder).tile_count, DEFAULT_DEPTH):
        Index.open(folder).prepare_search(progress)


def _floor(value: float) -> int:
    """Return the whole number below, forgiving rounding of metres to pixels."""
    return int(np.floor(value + 1e-6))


def _first(start: int, step: int) -> int:
    """Return the first multiple of ``step`` at or after ``start`` and zero."""
    return max(0, -(-start // step) * step)
