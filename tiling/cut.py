"""Pixels of a block of tiles: rasters laid over one another, tiles as windows of the result."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType

import cv2
import numpy as np

from cvgl_core.index import DamagedRecord
from cvgl_core.types import BoolArray, Float32Array, IntArray, UInt8Array
from tiling.plan import BLOCK_TILES, Block, Plan
from tiling.raster.blocks import BlockCache
from tiling.raster.buffers import Buffers
from tiling.raster.facts import storable_text
from tiling.raster.open_readers import OpenReaders
from tiling.raster.placement import Box
from tiling.raster.reader import CACHE_BYTES, RasterReader
from tiling.raster.webreader import WebReader, reader_of


@dataclass(frozen=True)
class CutBlock:
    """A block's pixels and which of its tiles show enough picture.

    Attributes:
        block: the block.
        rgb: imagery ``[H, W, 3]``, filled where there is no picture.
        valid: where there is picture, ``[H, W]``.
        kept: positions in the block of the tiles that are kept, ``[K]``.
        valid_fraction: share of each kept tile that shows picture, ``[K]``.
        damaged: tiles that lack pixels, kept or not.
        acquired: days on which the imagery of the kept tiles was taken; one for all if they are
            alike, none if none is known.
    """

    block: Block
    rgb: UInt8Array
    valid: BoolArray
    kept: IntArray
    valid_fraction: Float32Array
    damaged: tuple[DamagedRecord, ...] = ()
    acquired: tuple[str, ...] = ()


class Cutter:
    """Reads blocks of a plan; a context manager, to be used by any number of threads.

    Rasters are opened when a block first needs them, and only so many at once.

    Args:
        plan: what to cut.
        min_valid: share of a tile that must show picture.
        fill_rgb: colour where there is none.
        cache_bytes: decoded imagery that is kept for neighbouring blocks, at the most.
    """

    def __init__(
        self,
        plan: Plan,
        min_valid: float,
        fill_rgb: tuple[int, int, int],
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._plan = plan
        self._min_valid = min_valid
        self._fill = np.array([*fill_rgb, 0.0])
        self._cache = BlockCache(cache_bytes)
        self._buffers = Buffers()
        self._readers = OpenReaders(self._reader)
        self._done: set[tuple[int, int]] = set()

    def __enter__(self) -> Cutter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._readers.close()
        self._cache.clear()
        self._buffers.clear()

    def cut(self, block: Block) -> CutBlock:
        """Return the pixels of a block: of overlapping rasters the first listed wins.

        Raises:
            RasterOpenError: a raster is gone.
        """
        place = int(block.rows[0]) // BLOCK_TILES, int(block.cols[0]) // BLOCK_TILES
        self._done.add(place)
        height, width = block.window_px[2:]
        rgb, valid = np.zeros((0, 0, 3), np.uint8), np.zeros((height, width), np.bool_)
        unread: list[tuple[BoolArray, int, str]] = []
        seen: list[tuple[str, Float32Array]] = []
        share, whole = np.zeros(len(block.rows), np.float32), False
        for number in block.sources:
            with self._readers.lent(number) as reader:
                view = reader.read(block.window_px, self._wanted)
            if view.unread is not None:
                unread.append((view.unread, number, view.reason))
            if not rgb.size:
                rgb, valid, whole = view.rgb, view.valid, view.whole
            else:
                holes = view.valid & ~valid
                rgb[holes] = view.rgb[holes]
                valid |= view.valid
                whole = bool(valid.all())
            share = np.ones_like(share) if whole else _shares(block, valid, self._plan)
            seen.append((self._plan.rasters[number].acquired[:10], share))
            if whole:
                kept = np.arange(len(share))
                return CutBlock(block, rgb, valid, kept, share, acquired=_days(seen, kept))
        damaged = tuple(self._damaged(block, unread, valid))
        cv2.add(rgb, self._fill, dst=rgb, mask=(~valid).view(np.uint8))  # it is 0 there
        kept = np.flatnonzero(share >= self._min_valid - 1e-9)
        return CutBlock(block, rgb, valid, kept, share[kept], damaged, _days(seen, kept))

    def _reader(self, number: int) -> RasterReader | WebReader:
        """Return the reader of a raster, not yet open."""
        plan, info = self._plan, self._plan.rasters[number]
        return reader_of(info, plan.grid.crs, plan.gsd_m_per_px, self._cache, self._buffers)

    def _wanted(self, box: Box) -> bool:
        """Tell whether a block that is still to be cut shows a part of the lattice."""
        top, left, height, width = box
        pitch = BLOCK_TILES * self._plan.stride_px
        shared = self._plan.aerial_px - self._plan.stride_px
        rows = range((top - shared) // pitch, -(-(top + height) // pitch))
        cols = range((left - shared) // pitch, -(-(left + width) // pitch))
        return any((row, col) not in self._done for row in rows for col in cols)

    def _damaged(
        self, block: Block, unread: list[tuple[BoolArray, int, str]], valid: BoolArray
    ) -> Iterator[DamagedRecord]:
        """Yield the tiles that lack pixels which could not be read and no raster has."""
        for where, number, reason in unread:
            source = storable_text(self._plan.rasters[number].path.name)
            for tile in np.flatnonzero(_shares(block, where & ~valid, self._plan)):
                row, col = int(block.rows[tile]), int(block.cols[tile])
                yield DamagedRecord(row=row, col=col, source=source, reason=reason)


def _days(seen: Sequence[tuple[str, Float32Array]], kept: IntArray) -> tuple[str, ...]:
    """Return the days on which the imagery of the kept tiles was taken; see ``CutBlock``.

    A tile's day is that of the raster which shows most of it.

    Args:
        seen: of each raster its day, and the share of every tile that it and those before show.
        kept: positions of the tiles.
    """
    if not any(day for day, _ in seen):
        return ()
    added = np.diff([share for _, share in seen], axis=0, prepend=np.float32(0.0))
    days = [seen[most][0] for most in added.argmax(axis=0)[kept].tolist()]
    alike = len(set(days)) == 1
    return tuple(days[:1] if alike else days) if any(days) else ()


def tile_windows(cut: CutBlock, plan: Plan, positions: Sequence[int] | IntArray) -> UInt8Array:
    """Return the pixels ``[K, p, p, 3]`` of the tiles at ``positions`` of a block."""
    chosen, side = np.asarray(positions, np.int64), plan.aerial_px
    top, left = _corners(cut.block, plan.stride_px)
    tiles = np.empty((len(chosen), side, side, 3), np.uint8)
    for tile, y, x in zip(tiles, top[chosen], left[chosen], strict=True):
        tile[:] = cut.rgb[y : y + side, x : x + side]
    return tiles


def _shares(block: Block, shown: BoolArray, plan: Plan) -> Float32Array:
    """Return the share of shown pixels of every tile of a block ``[N]``."""
    side, cell = plan.aerial_px, math.gcd(plan.aerial_px, plan.stride_px)
    rows = np.arange(0, shown.shape[0], cell)
    strips = [
        cv2.reduce(shown[row : row + cell].view(np.uint8), 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)
        for row in rows
    ]
    cells = np.add.reduceat(np.concatenate(strips), np.arange(0, shown.shape[1], cell), axis=1)
    sums = np.pad(cells.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    top, left = (corner // cell for corner in _corners(block, plan.stride_px))
    bottom, right = top + side // cell, left + side // cell
    count = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return np.asarray(count / side**2, np.float32)


def _corners(block: Block, stride_px: int) -> tuple[IntArray, IntArray]:
    """Return top and left of every tile within its block's imagery, in pixels."""
    top = block.rows * stride_px - block.window_px[0]
    return top, block.cols * stride_px - block.window_px[1]
