"""The pixels of a raster by its own blocks, each decoded once for as long as it is wanted."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import RasterioError
from rasterio.windows import Window

from cvgl_core.types import BoolArray, UInt8Array
from tiling.raster.facts import storable_text
from tiling.raster.info import RasterInfo, open_raster
from tiling.raster.jpeg import DamagedBlockError, JpegBlocks
from tiling.raster.placement import Box
from tiling.raster.resample import Pixels, shrink
from tiling.raster.stretch import as_bytes
from tiling.web.remote import RemoteFile

_SIDE_PX = 256
_REMOTE_SIDE_PX = 1024  # so that a server is asked for several blocks at once
_OPAQUE = {"uint16": 65535, "int16": 32767}  # else 255


@dataclass(frozen=True)
class Decoded:
    """Part of a raster.

    Attributes:
        pixels: as far as they could be read.
        unread: 255 where they could not, else 0, ``[h, w]``; None if all were.
        reason: why they could not.
    """

    pixels: Pixels
    unread: UInt8Array | None = None
    reason: str = ""


class BlockCache:
    """Decoded blocks that are wanted again, up to a number of bytes; for any number of threads.

    Args:
        limit_bytes: beyond this the blocks asked for longest ago go.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._bytes = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[object, Future[Decoded]] = OrderedDict()

    def get(self, key: object, decode: Callable[[], Decoded]) -> Decoded:
        """Return a block, decoded by the first thread that asks for it."""
        with self._lock:
            future = self._kept.get(key)
            mine = future is None
            if future is None:
                future = self._kept[key] = Future()
            self._kept.move_to_end(key)
        if mine:
            try:
                future.set_result(decode())
            except BaseException as error:
                future.set_exception(error)
                self.drop(key)
                raise
            with self._lock:
                self._bytes += future.result().pixels.nbytes
                self._evict()
        return future.result()

    def drop(self, key: object) -> None:
        """Forget a block that is not wanted again."""
        with self._lock:
            self._forget(key)

    def clear(self) -> None:
        """Forget all blocks."""
        with self._lock:
            for key in list(self._kept):
                self._forget(key)

    def _evict(self) -> None:
        """Forget blocks until the others fit; the newest stays."""
        for key in list(self._kept)[:-1]:
            if self._bytes <= self._limit:
                return
            if self._kept[key].done():
                self._forget(key)

    def _forget(self, key: object) -> None:
        future = self._kept.pop(key, None)
        if future is not None and future.done() and future.exception() is None:
            self._bytes -= future.result().pixels.nbytes


@dataclass(frozen=True)
class _Handle:
    """A raster and its file, open for one thread at a time."""

    source: Any
    stream: BinaryIO | None


class SourceBlocks:
    """A raster, or a reduced copy of it, in 8 bits; a context manager for any threads.

    Args:
        info: the raster.
        level: of the reduced copy inside the file, None for the raster itself.
        factor: pixels along each axis that are averaged to one; a power of two.
        cache: where decoded blocks are kept.
    """

    def __init__(self, info: RasterInfo, level: int | None, factor: int, cache: BlockCache) -> None:
        self._info = info
        self._level = level
        self._factor = factor
        self._cache = cache
        self._key = str(info.path), level, factor
        self._stack = ExitStack()
        self._idle: list[_Handle] = []

    def __enter__(self) -> SourceBlocks:
        """Open the raster.

        Raises:
            RasterOpenError: it cannot be opened.
        """
        with self._handle() as handle:
            source = handle.source
            self._jpeg = JpegBlocks.of(self._info, source)
            self._mask = _mask_kind(self._info, source)
            self._bands = (1, 2, 3) if self._info.paletted else self._info.bands
            self._block_px: tuple[int, int] = source.block_shapes[self._bands[0] - 1]
            self._full_px: tuple[int, int] = source.height, source.width
        whole = 1 if self._jpeg else _SIDE_PX
        if isinstance(self._info.path, RemoteFile):
            whole = _REMOTE_SIDE_PX
        self._unit_px = tuple(
            -(-max(side, whole) // step) * step
            for side in self._block_px
            for step in (int(np.lcm(side, self._factor)),)
        )
        self.height_px, self.width_px = (-(-side // self._factor) for side in self._full_px)
        self.scale = (
            self._full_px[1] / self._info.width_px / self._factor,
            self._full_px[0] / self._info.height_px / self._factor,
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Close the raster; no thread may be reading."""
        self._stack.close()
        self._idle.clear()

    def read(
        self, box: Box, wanted: Callable[[Box], bool], into: UInt8Array | None = None
    ) -> Decoded:
        """Return a window, not shown where it reaches beyond the raster.

        Args:
            box: the window.
            wanted: tells whether a block, given by its box, will be asked for again.
            into: where colours are put ``[h, w, 3]``, or a new place if None.

        Raises:
            RasterOpenError: the file is gone.
        """
        top, left, height, width = box
        inside = top >= 0 <= left and (
            top + height <= self.height_px and left + width <= self.width_px
        )
        rgb = np.empty((height, width, 3), np.uint8) if into is None else into
        if not inside:
            rgb[:] = 0
        shown = None if inside else np.zeros((height, width), np.uint8)
        unread: UInt8Array | None = None
        reason = ""
        for unit, whole in self._units(box):
            found = self._cache.get((self, unit), lambda: self._decode(unit))  # noqa: B023
            if not wanted(whole):
                self._cache.drop((self, unit))
            here, there = _overlap(box, whole)
            rgb[here] = found.pixels.rgb[there]
            part = found.pixels.shown
            if shown is None and part is not None:
                shown = np.full((height, width), 255, np.uint8)
            if shown is not None:
                shown[here] = 255 if part is None else part[there]
            if found.unread is not None:
                unread = np.zeros((height, width), np.uint8) if unread is None else unread
                unread[here], reason = found.unread[there], reason or found.reason
        return Decoded(Pixels(rgb, shown), unread, reason)

    def _units(self, box: Box) -> Iterator[tuple[tuple[int, int], Box]]:
        """Yield the units under a window, and their boxes, in the order of the file."""
        top, left, height, width = box
        uh, uw = (side // self._factor for side in self._unit_px)
        bottom, right = min(top + height, self.height_px), min(left + width, self.width_px)
        if bottom <= top or right <= left:  # the window lies beyond the raster
            return
        for row in range(max(top, 0) // uh, -(-bottom // uh)):
            for col in range(max(left, 0) // uw, -(-right // uw)):
                y, x = row * uh, col * uw
                yield (row, col), (y, x, min(uh, self.height_px - y), min(uw, self.width_px - x))

    def _decode(self, unit: tuple[int, int]) -> Decoded:
        """Return a unit, as far as it can be read."""
        f, (uh, uw) = self._factor, self._unit_px
        top, left = unit[0] * uh, unit[1] * uw
        full_height, full_width = self._full_px
        box = (top, left, min(uh, full_height - top), min(uw, full_width - left))
        unread: UInt8Array | None = None
        reason = ""
        with self._handle() as handle:
            try:
                pixels = self._pixels(handle, box)
            except (DamagedBlockError, RasterioError) as error:
                if isinstance(self._info.path, RemoteFile):
                    raise  # it may be the network
                pixels, unread = self._rest(handle, box)
                reason = _in_words(error, self._info)
        if unread is not None:
            unread = np.where(_reduced(Pixels(unread), f).rgb > 0, 255, 0).astype(np.uint8)
        return Decoded(_reduced(pixels, f), unread, reason)

    def _rest(self, handle: _Handle, box: Box) -> tuple[Pixels, UInt8Array]:
        """Return the pixels of a box by its blocks, and where these cannot be read."""
        top, left, height, width = box
        rgb = np.zeros((height, width, 3), np.uint8)
        shown, unread = np.zeros((2, height, width), np.uint8)
        for y in range(0, height, self._block_px[0]):
            for x in range(0, width, self._block_px[1]):
                h, w = min(self._block_px[0], height - y), min(self._block_px[1], width - x)
                here = slice(y, y + h), slice(x, x + w)
                try:
                    part = self._pixels(handle, (top + y, left + x, h, w))
                except (DamagedBlockError, RasterioError):
                    unread[here] = 255
                else:
                    rgb[here], shown[here] = part.rgb, 255 if part.shown is None else part.shown
        return Pixels(rgb, shown), unread

    def _pixels(self, handle: _Handle, box: Box) -> Pixels:
        """Return the pixels of a box of whole blocks of the file."""
        top, left, height, width = box
        window = Window(left, top, width, height)
        found = None
        if self._jpeg is not None and handle.stream is not None:
            place = top // self._block_px[0], left // self._block_px[1]
            found = self._jpeg.decode(handle.source, handle.stream, *place)
        if found is None:
            values = handle.source.read(list(self._bands), window=window)
            colours, finite = as_bytes(values, self._info.stretch)
            rgb = np.asarray(cv2.merge([*colours] * (3 // len(colours))), np.uint8)
        else:
            rgb, finite = np.ascontiguousarray(found[:height, :width]), None
            values = np.moveaxis(rgb, -1, 0)[: len(self._bands)]
        shown = self._shown(handle.source, window, values)
        if finite is not None and not finite.all():
            shown = finite if shown is None else shown & finite
        if shown is None or shown.all():
            return Pixels(rgb)
        rgb[~shown] = 0
        return Pixels(rgb, np.where(shown, 255, 0).astype(np.uint8))

    def _shown(self, source: Any, window: Window, values: Any) -> BoolArray | None:
        """Return where there is picture ``[h, w]``; None if everywhere."""
        if self._mask == "none":
            return None
        if self._mask == "nodata":
            shown = np.zeros(values.shape[1:], np.bool_)
            for number, band in enumerate(self._bands):
                shown |= values[number] != _plain(source.nodatavals[band - 1])
            return shown
        if self._mask == "alpha":
            band = 1 + list(source.colorinterp).index(ColorInterp.alpha)
            alpha = source.read(band, window=window)
            return np.asarray(alpha >= _OPAQUE.get(str(alpha.dtype), 255) / 2, np.bool_)
        return np.asarray(source.dataset_mask(window=window) > 0, np.bool_)

    @contextmanager
    def _handle(self) -> Iterator[_Handle]:
        """Lend a handle that no other thread has."""
        try:
            handle = self._idle.pop()
        except IndexError:
            source = open_raster(self._stack, self._info.path, self._level, expand=self._info)
            path = self._info.path
            stream = self._stack.enter_context(path.open("rb")) if isinstance(path, Path) else None
            handle = _Handle(source, stream)
        try:
            yield handle
        finally:
            self._idle.append(handle)


def _reduced(pixels: Pixels, factor: int) -> Pixels:
    """Return so many pixels along each axis averaged to one; the last row and column repeat."""
    height, width = (-(-side // factor) for side in pixels.rgb.shape[:2])
    down, across = height * factor - pixels.rgb.shape[0], width * factor - pixels.rgb.shape[1]

    def whole(values: UInt8Array) -> UInt8Array:
        longer = cv2.copyMakeBorder(values, 0, down, 0, across, cv2.BORDER_REPLICATE)
        return np.asarray(longer, np.uint8)

    if down or across:
        pixels = Pixels(whole(pixels.rgb), None if pixels.shown is None else whole(pixels.shown))
    return shrink(pixels, height, width)


def _mask_kind(info: RasterInfo, source: Any) -> str:
    """Return what tells picture from no picture: none, nodata, alpha or mask."""
    if info.paletted:
        return "mask"
    if info.has_alpha:
        return "alpha"
    flags = {flag for band in info.bands for flag in source.mask_flag_enums[band - 1]}
    if flags == {MaskFlags.all_valid}:
        return "none"
    return "nodata" if flags == {MaskFlags.nodata} else "mask"


def _plain(nodata: float) -> float | int:
    """Return a value of nodata as a whole number if it is one: compared to such, it is quicker."""
    return int(nodata) if float(nodata).is_integer() else nodata


def _overlap(window: Box, block: Box) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return what a window and a block have in common, in either."""
    start = [max(w, b) for w, b in zip(window[:2], block[:2], strict=True)]
    stop = [min(window[i] + window[i + 2], block[i] + block[i + 2]) for i in (0, 1)]
    ends = list(zip(start, stop, strict=True))
    (y, x), (v, u) = window[:2], block[:2]
    return (
        (slice(ends[0][0] - y, ends[0][1] - y), slice(ends[1][0] - x, ends[1][1] - x)),
        (slice(ends[0][0] - v, ends[0][1] - v), slice(ends[1][0] - u, ends[1][1] - u)),
    )


def _in_words(error: Exception, info: RasterInfo) -> str:
    """Return why a block cannot be read, without the path."""
    text = str(error.__cause__ or error).replace(str(info.path.absolute()), "")
    return storable_text(" ".join(text.split())[:200])
