"""Pixels of a block of tiles: rasters laid over one another, tiles as windows of the result."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cvgl_core.types import BoolArray, Float32Array, IntArray, ModelCard, UInt8Array
from tiling.plan import Block, Plan
from tiling.reader import RasterReader
from tiling.webreader import WebReader, reader_of


@dataclass(frozen=True)
class CutBlock:
    """A block's pixels and which of its tiles show enough picture.

    Attributes:
        block: the block.
        rgb: imagery ``[H, W, 3]``, filled where there is no picture.
        valid: where there is picture, ``[H, W]``.
        kept: positions in the block of the tiles that are kept, ``[K]``.
        valid_fraction: share of each kept tile that shows picture, ``[K]``.
    """

    block: Block
    rgb: UInt8Array
    valid: BoolArray
    kept: IntArray
    valid_fraction: Float32Array


class Cutter:
    """Reads blocks of a plan; a context manager, to be used by one thread.

    Rasters are opened when a block first needs them.

    Args:
        plan: what to cut.
        min_valid: share of a tile that must show picture.
        fill_rgb: colour where there is none.
    """

    def __init__(self, plan: Plan, min_valid: float, fill_rgb: tuple[int, int, int]) -> None:
        self._plan = plan
        self._min_valid = min_valid
        self._fill = np.array(fill_rgb, np.uint8)
        self._stack = ExitStack()
        self._readers: dict[int, RasterReader | WebReader] = {}

    def __enter__(self) -> Cutter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._readers.clear()
        self._stack.close()

    def cut(self, block: Block) -> CutBlock:
        """Return the pixels of a block: of overlapping rasters the first listed wins.

        Raises:
            RasterOpenError: a raster is damaged.
        """
        rgb, valid = np.zeros((0, 0, 3), np.uint8), np.zeros((0, 0), np.bool_)
        for number in block.sources:
            colours, shown = self._reader(number).read(block.window_px)
            if not valid.size:
                rgb, valid = colours, shown
            else:
                holes = shown & ~valid
                rgb[holes] = colours[holes]
                valid |= shown
            if valid.all():
                break
        rgb[~valid] = self._fill
        share = self._shares(block, valid)
        kept = np.flatnonzero(share >= self._min_valid - 1e-9)
        return CutBlock(block, rgb, valid, kept, share[kept].astype(np.float32))

    def _reader(self, number: int) -> RasterReader | WebReader:
        """Return the open reader of a raster."""
        if number not in self._readers:
            plan = self._plan
            reader = reader_of(
                plan.rasters[number], plan.grid.crs, plan.gsd_m_per_px, plan.windows_px[number]
            )
            self._stack.enter_context(reader)
            self._readers[number] = reader
        return self._readers[number]

    def _shares(self, block: Block, valid: BoolArray) -> Float32Array:
        """Return the share of valid pixels of every tile of a block ``[N]``."""
        sums = np.zeros((valid.shape[0] + 1, valid.shape[1] + 1), np.int64)
        sums[1:, 1:] = valid.cumsum(0, dtype=np.int64).cumsum(1)
        side = self._plan.aerial_px
        top, left = _corners(block, self._plan.stride_px)
        bottom, right = top + side, left + side
        count = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        return (count / side**2).astype(np.float32)


def fill_colour(card: ModelCard) -> tuple[int, int, int]:
    """Return the colour of pixels without picture: the mean of what the model was trained on."""
    red, green, blue = (round(min(max(value, 0.0), 1.0) * 255.0) for value in card.mean_rgb)
    return red, green, blue


def tile_windows(cut: CutBlock, plan: Plan, positions: Sequence[int] | IntArray) -> UInt8Array:
    """Return the pixels ``[K, p, p, 3]`` of the tiles at ``positions`` of a block."""
    top, left = _corners(cut.block, plan.stride_px)
    windows = sliding_window_view(cut.rgb, (plan.aerial_px, plan.aerial_px), axis=(0, 1))
    chosen = np.asarray(positions, np.int64)
    return np.ascontiguousarray(np.moveaxis(windows[top[chosen], left[chosen]], 1, -1))


def _corners(block: Block, stride_px: int) -> tuple[IntArray, IntArray]:
    """Return top and left of every tile within its block's imagery, in pixels."""
    top = block.rows * stride_px - block.window_px[0]
    return top, block.cols * stride_px - block.window_px[1]
