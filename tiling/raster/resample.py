"""Pixels on another lattice: a new pixel is the mean of what it covers and is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from cvgl_core.types import Float32Array, FloatArray, UInt8Array
from tiling.raster.placement import Nodes

_NOWHERE_PX = -1e6
_HALF = 124  # of 255, less what rounding takes: a pixel on the seam of two sheets is in one


@dataclass(frozen=True)
class Pixels:
    """Part of a picture.

    Attributes:
        rgb: colours ``[h, w, 3]``, 0 where there is no picture.
        shown: 255 where there is picture, else 0, ``[h, w]``; None if everywhere.
    """

    rgb: UInt8Array
    shown: UInt8Array | None = None

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.rgb.nbytes + (0 if self.shown is None else self.shown.nbytes)


def shrink(pixels: Pixels, height: int, width: int, into: UInt8Array | None = None) -> Pixels:
    """Return pixels averaged to a smaller size; an old one counts by its share of a new one.

    Args:
        pixels: any.
        height: of the result.
        width: of the result.
        into: where its colours go, or a new place if None.
    """
    if pixels.rgb.shape[:2] == (height, width):
        return pixels
    return _each(pixels, into, lambda values, _, to: _smaller(values, height, width, to))


def warp(pixels: Pixels, nodes: Nodes, finer: int, into: UInt8Array | None = None) -> Pixels:
    """Return pixels as they lie on a window of a lattice.

    Args:
        pixels: part of a raster.
        nodes: where the window lies in that part.
        finer: samples of a pixel along each axis, linear between pixels, whose mean it is: as many
            as it covers pixels.
        into: where colours go ``[h, w, 3]``, or a new place if None.
    """
    height, width = nodes.window[2:]
    u, v = (
        _between(x, nodes.step * finer, height * finer, width * finer) for x in (nodes.u, nodes.v)
    )

    def sampled(values: UInt8Array, outside: int, to: UInt8Array | None) -> UInt8Array:
        first = to if finer == 1 else None
        fine = cv2.remap(values, u, v, cv2.INTER_LINEAR, dst=first, borderMode=outside)
        return _smaller(np.asarray(fine, np.uint8), height, width, to)

    return _each(pixels, into, sampled)


def _each(
    pixels: Pixels,
    into: UInt8Array | None,
    mix: Callable[[UInt8Array, int, UInt8Array | None], UInt8Array],
) -> Pixels:
    """Return pixels mixed in some way, of those that are shown, in the proportions left."""
    if pixels.shown is None:
        return Pixels(mix(pixels.rgb, cv2.BORDER_REPLICATE, into))
    rgb = mix(pixels.rgb, cv2.BORDER_CONSTANT, into)
    weight = mix(pixels.shown, cv2.BORDER_CONSTANT, None)
    partly = np.nonzero((weight > 0) & (weight < 255))
    if len(partly[0]):
        some = weight[partly][:, None]
        whole = np.rint(rgb[partly] * (255.0 / some)).clip(0.0, 255.0)
        rgb[partly] = np.where(some > _HALF, whole, 0.0)
        weight[partly] = np.where(some[:, 0] > _HALF, 255, 0)
    return Pixels(rgb, None if weight.min(initial=255) else weight)


def _between(nodes: FloatArray, step: int, height: int, width: int) -> Float32Array:
    """Return what lies between nodes, at the middles of pixels of which ``step`` make a square."""
    known = np.where(np.isfinite(nodes), nodes - 0.5, _NOWHERE_PX).astype(np.float32)
    size = (known.shape[1] * step, known.shape[0] * step)
    dense = cv2.resize(known, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(dense[step : step + height, step : step + width], np.float32)


def _smaller(values: UInt8Array, height: int, width: int, into: UInt8Array | None) -> UInt8Array:
    """Return means over areas."""
    if values.shape[:2] == (height, width):
        return values
    size = (width, height)
    return np.asarray(cv2.resize(values, size, dst=into, interpolation=cv2.INTER_AREA), np.uint8)
