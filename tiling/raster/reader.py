"""The pixels of a raster on the lattice of a metric grid.

Whatever the raster's CRS, the projection is asked at nodes only and pixels are gathered once, from
blocks of the file that are decoded once, strip by strip. Where the lattice lies like the raster,
pixels are taken as they are, or averaged by the area that they share; elsewhere the mean of samples
between pixels is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from cvgl_core.types import BoolArray, UInt8Array
from tiling.raster.blocks import BlockCache, Decoded, SourceBlocks
from tiling.raster.buffers import Buffers
from tiling.raster.info import RasterInfo, raster_errors
from tiling.raster.placement import Box, Nodes, Placement
from tiling.raster.resample import Pixels, shrink, warp

CACHE_BYTES = 16 << 20
_MAX_FACTOR = 64
_STRIP_PX = 256
_MAX_PIXELS = 1 << 25  # of the raster, for a strip
_MAX_SIDE_PX = 32_000  # OpenCV gathers from no more

Wanted = Callable[[Box], bool]


def never(_: Box) -> bool:
    """Want nothing again."""
    return False


@dataclass(frozen=True)
class View:
    """A window of the lattice.

    Attributes:
        rgb: colours ``[h, w, 3]``, 0 where there is no picture.
        valid: where there is picture, ``[h, w]``; read only.
        whole: whether there is picture everywhere.
        unread: where there may be picture but could not be read; None if nowhere.
        reason: why it could not.
    """

    rgb: UInt8Array
    valid: BoolArray
    whole: bool = False
    unread: BoolArray | None = None
    reason: str = ""


@dataclass(frozen=True)
class _Part:
    """What is read at once: where it lies, what it needs of the raster, None for nothing."""

    nodes: Nodes
    box: Box | None
    alike: bool = False


class RasterReader:
    """A raster as seen on the lattice of a grid; a context manager for any number of threads.

    Args:
        info: the raster.
        crs: of the grid.
        gsd_m_per_px: side of a pixel of the lattice; pixel (row, col) has its north-west corner at
            ``(col * gsd, -row * gsd)`` metres.
        cache: of decoded blocks, shared with other readers.
        buffers: lends the memory of what is returned.
    """

    def __init__(
        self,
        info: RasterInfo,
        crs: str,
        gsd_m_per_px: float,
        cache: BlockCache | None = None,
        buffers: Buffers | None = None,
    ) -> None:
        self._info = info
        self._buffers = buffers or Buffers()
        self._placement = Placement(info, crs, gsd_m_per_px)
        scale = min(self._placement.scale_px()) * (1.0 + 1e-6)
        level, reduced = _overview(info, scale)
        factor = 1
        while 4 * factor * reduced <= min(scale, _MAX_FACTOR):  # less would blur
            factor *= 2
        self._blocks = SourceBlocks(info, level, factor, cache or BlockCache(CACHE_BYTES))

    def __enter__(self) -> RasterReader:
        """Open the raster.

        Raises:
            RasterOpenError: it cannot be opened.
        """
        with raster_errors(self._info.path):
            self._blocks.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the raster."""
        self._blocks.__exit__()

    def read(self, window_px: Box, wanted: Wanted = never) -> View:
        """Return a window of the lattice.

        Args:
            window_px: top, left, height and width of the window.
            wanted: tells whether a box of the lattice will be asked for again: what is decoded of
                it is then kept.

        Raises:
            RasterOpenError: the file is gone.
        """
        with raster_errors(self._info.path):
            return self._read(window_px, wanted)

    def _read(self, window_px: Box, wanted: Wanted) -> View:
        """Return a window of the lattice, part by part."""
        top, left, height, width = window_px
        nodes = self._placement.nodes(window_px).scaled(*self._blocks.scale)
        rgb = self._buffers.lend((height, width, 3))
        shown: UInt8Array | None = None
        unread: BoolArray | None = None
        reason = ""
        for part in self._parts(nodes):
            box = part.nodes.window
            bottom, right = box[0] + box[2], box[1] + box[3]

            def again(block: Box) -> bool:
                seen = nodes.seen(block)
                below = bottom < min(seen[0] + seen[2], top + height)  # noqa: B023
                beside = right < min(seen[1] + seen[3], left + width)  # noqa: B023
                return below or beside or wanted(seen)

            here = slice(box[0] - top, bottom - top), slice(box[1] - left, right - left)
            found = self._found(part, again, rgb[here])
            if found.pixels.shown is not None:
                shown = np.full((height, width), 255, np.uint8) if shown is None else shown
                shown[here] = found.pixels.shown
            if found.unread is not None:
                unread = np.zeros((height, width), np.bool_) if unread is None else unread
                unread[here], reason = found.unread > 0, reason or found.reason
        if shown is None:
            everywhere = np.broadcast_to(np.True_, (height, width))
            return View(rgb, everywhere, True, unread, reason)
        return View(rgb, shown > 0, False, unread, reason)

    def _parts(self, nodes: Nodes) -> Iterator[_Part]:
        """Yield parts of a window, small enough for a processor's cache."""
        top, left, height, width = nodes.window
        alike = nodes.alike() is not None
        rows = max(_STRIP_PX // nodes.step, 1) * nodes.step
        wide = width if alike else 4 * rows
        if alike:
            down = float(nodes.v[-1, 0] - nodes.v[0, 0]) / (len(nodes.v) - 1) / nodes.step
            tries = range(rows, 8 * rows, nodes.step)
            rows = next((n for n in tries if abs(n * down - round(n * down)) < 1e-3), height)
        for first in range(0, height, rows):
            for start in range(0, width, wide):
                tall, broad = min(rows, height - first), min(wide, width - start)
                part = nodes.part((top + first, left + start, tall, broad))
                edges = part.alike() if alike else None
                if edges is None:
                    yield from self._pieces(part)
                else:
                    y, x, bottom, right = (round(edge) for edge in edges)
                    yield _Part(part, (y, x, bottom - y, right - x), True)

    def _pieces(self, nodes: Nodes) -> Iterator[_Part]:
        """Yield parts of a window, smaller ones where the map is torn."""
        top, left, height, width = nodes.window
        box, half = self._box(nodes), max(height, width) // 2 // nodes.step * nodes.step
        if box is None or (box[2] * box[3] <= _MAX_PIXELS and max(box[2:]) <= _MAX_SIDE_PX):
            yield _Part(nodes, box)
        elif not half:
            yield _Part(nodes, None)
        elif height > width:
            yield from self._pieces(nodes.part((top, left, half, width)))
            yield from self._pieces(nodes.part((top + half, left, height - half, width)))
        else:
            yield from self._pieces(nodes.part((top, left, height, half)))
            yield from self._pieces(nodes.part((top, left + half, height, width - half)))

    def _found(self, part: _Part, again: Wanted, into: UInt8Array) -> Decoded:
        """Return a part of a window; its colours are put ``into`` ``[h, w, 3]``.

        Args:
            part: of the window.
            again: tells whether a block of the raster will be asked for again.
            into: where its colours go.
        """
        height, width = into.shape[:2]
        if part.box is None:
            into[:] = 0
            return Decoded(Pixels(into, np.zeros((height, width), np.uint8)))
        same = part.alike and part.box[2:] == (height, width)
        found = self._blocks.read(part.box, again, into if same else None)
        nodes = part.nodes.moved(part.box[1], part.box[0])
        if part.alike:
            pixels = shrink(found.pixels, height, width, into)
        else:
            pixels = warp(found.pixels, nodes, nodes.covered_px(), into)
        if found.unread is None:
            return Decoded(pixels)
        unread = warp(Pixels(found.unread), nodes, nodes.covered_px()).rgb
        return Decoded(pixels, unread, found.reason)

    def _box(self, nodes: Nodes) -> Box | None:
        """Return what must be read to gather from; None if there is nothing to see."""
        edges = nodes.box()
        if edges is None:
            return None
        top, left = max(math.floor(edges[0]) - 1, -1), max(math.floor(edges[1]) - 1, -1)
        bottom = min(math.ceil(edges[2]) + 1, self._blocks.height_px + 1)
        right = min(math.ceil(edges[3]) + 1, self._blocks.width_px + 1)
        return (
            None if min(bottom - top, right - left) < 2 else (top, left, bottom - top, right - left)
        )


def _overview(info: RasterInfo, scale: float) -> tuple[int | None, int]:
    """Return level and factor of the smallest reduced copy that is still fine enough.

    Args:
        info: the raster.
        scale: how many of its pixels make one of the lattice.
    """
    fitting = [(factor, level) for level, factor in enumerate(info.overviews) if factor <= scale]
    if not fitting:
        return None, 1
    factor, level = max(fitting)
    return level, factor
