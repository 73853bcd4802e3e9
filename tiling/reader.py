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
from tiling.blocks import BlockCache, Decoded, SourceBlocks
from tiling.placement import Box, Nodes, Placement
from tiling.raster import RasterInfo, raster_errors
from tiling.resample import Pixels, shrink, warp

CACHE_BYTES = 128 << 20
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
        unread: where there may be picture but could not be read; None if nowhere.
        reason: why it could not.
    """

    rgb: UInt8Array
    valid: BoolArray
    unread: BoolArray | None = None
    reason: str = ""


class RasterReader:
    """A raster as seen on the lattice of a grid; a context manager for any number of threads.

    Args:
        info: the raster.
        crs: of the grid.
        gsd_m_per_px: side of a pixel of the lattice; pixel (row, col) has its north-west corner at
            ``(col * gsd, -row * gsd)`` metres.
        cache: of decoded blocks, shared with other readers.
    """

    def __init__(
        self, info: RasterInfo, crs: str, gsd_m_per_px: float, cache: BlockCache | None = None
    ) -> None:
        self._info = info
        self._placement = Placement(info, crs, gsd_m_per_px)
        scale = min(self._placement.scale_px()) * (1.0 + 1e-6)
        level, reduced = _overview(info, scale)
        factor = 1
        while 2 * factor * reduced <= min(scale, _MAX_FACTOR):
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
        top, left, height, width = window_px
        nodes = self._placement.nodes(window_px).scaled(*self._blocks.scale)
        rgb = np.empty((height, width, 3), np.uint8)
        shown: UInt8Array | None = None
        unread: BoolArray | None = None
        reason = ""
        for part in self._parts(nodes):
            box = part.window
            bottom = box[0] + box[2]

            def again(block: Box) -> bool:
                seen = nodes.seen(block)
                return bottom < min(seen[0] + seen[2], top + height) or wanted(seen)  # noqa: B023

            here = slice(box[0] - top, bottom - top), slice(box[1] - left, box[1] - left + box[3])
            found = self._part(part, again, rgb[here])
            if found.pixels.shown is not None:
                shown = np.full((height, width), 255, np.uint8) if shown is None else shown
                shown[here] = found.pixels.shown
            if found.unread is not None:
                unread = np.zeros((height, width), np.bool_) if unread is None else unread
                unread[here], reason = found.unread > 0, reason or found.reason
        if shown is None:
            return View(rgb, np.broadcast_to(np.True_, (height, width)), unread, reason)
        return View(rgb, shown > 0, unread, reason)

    def _parts(self, nodes: Nodes) -> Iterator[Nodes]:
        """Yield the parts in which a window is read: strips, or less where the map is torn."""
        top, left, height, width = nodes.window
        rows = max(_STRIP_PX // nodes.step, 1) * nodes.step
        edges = nodes.alike()
        if edges is not None:
            down = (edges[2] - edges[0]) / height
            tries = range(rows, 8 * rows, nodes.step)
            rows = next((n for n in tries if abs(n * down - round(n * down)) < 1e-3), height)
        for first in range(0, height, rows):
            strip = nodes.part((top + first, left, min(rows, height - first), width))
            yield from [strip] if edges is not None else self._pieces(strip)

    def _pieces(self, nodes: Nodes) -> Iterator[Nodes]:
        """Yield parts of a window for each of which a reasonable part of the raster is read."""
        top, left, height, width = nodes.window
        box, half = self._box(nodes), max(height, width) // 2 // nodes.step * nodes.step
        if box is None or not half or _fits(box):
            yield nodes
        elif height > width:
            yield from self._pieces(nodes.part((top, left, half, width)))
            yield from self._pieces(nodes.part((top + half, left, height - half, width)))
        else:
            yield from self._pieces(nodes.part((top, left, height, half)))
            yield from self._pieces(nodes.part((top, left + half, height, width - half)))

    def _part(self, nodes: Nodes, again: Wanted, into: UInt8Array) -> Decoded:
        """Return part of a window; its colours are also put somewhere.

        Args:
            nodes: where it lies.
            again: tells whether a block of the raster will be asked for again.
            into: where its colours go, ``[h, w, 3]``.
        """
        height, width = nodes.window[2:]
        edges = nodes.alike()
        box = self._box(nodes) if edges is None else _whole(edges)
        if box is None or (edges is None and not _fits(box)):
            into[:] = 0
            return Decoded(Pixels(into, np.zeros((height, width), np.uint8)))
        same = edges is not None and box[2:] == (height, width)
        with raster_errors(self._info.path):
            found = self._blocks.read(box, again, into if same else None)
        nodes = nodes.moved(box[1], box[0])
        finer = nodes.covered_px()
        pixels = (
            warp(found.pixels, nodes, finer)
            if edges is None
            else shrink(found.pixels, height, width)
        )
        if not same:
            into[:] = pixels.rgb
        if found.unread is None:
            return Decoded(pixels)
        return Decoded(pixels, warp(Pixels(found.unread), nodes, finer).rgb, found.reason)

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


def _fits(box: Box) -> bool:
    """Tell whether so much can be gathered from."""
    return box[2] * box[3] <= _MAX_PIXELS and max(box[2:]) <= _MAX_SIDE_PX


def _whole(edges: tuple[float, float, float, float]) -> Box:
    """Return a box whose edges lie on edges of pixels."""
    top, left, bottom, right = (round(edge) for edge in edges)
    return top, left, bottom - top, right - left


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
