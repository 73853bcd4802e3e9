"""How alike two pictures of the ground are at every offset: edges and colours, not brightness.

Each pixel gets the strength of edges in some directions, relative to all edges around it, its
colour, and how light it is for its surroundings. The score of an offset is the cosine of the two
textures, each centred on its mean, over what both show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from cvgl_core.types import BoolArray, Float32Array, UInt8Array

_DIRECTIONS = 6
_FAINT = 1.0
_CHROMA = 15.0
_LIGHTNESS = 20.0
_AROUND_PX = 12.0
_COLOUR_SHARE = 0.5
_LEAST_SHARED = 0.5


@dataclass(frozen=True)
class Texture:
    """What pixels are compared by.

    Attributes:
        values: ``[C, H, W]``, 0 where nothing is seen.
        seen: 1 where something is ``[H, W]``.
    """

    values: Float32Array
    seen: Float32Array


def texture_of(rgb: UInt8Array, seen: BoolArray) -> Texture:
    """Return the texture of a picture ``[H, W, 3]``, about one metre a pixel.

    Args:
        rgb: the picture.
        seen: which pixels show something.
    """
    mask = seen.astype(np.float32)
    lab = np.asarray(cv2.cvtColor(rgb.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB), np.float32)
    light = lab[..., 0] - _mean(lab[..., 0], mask, _AROUND_PX)
    colour = [
        np.tanh(_mean(lab[..., 1], mask, 1.0) / _CHROMA),
        np.tanh(_mean(lab[..., 2], mask, 1.0) / _CHROMA),
        np.tanh(_mean(light, mask, 1.0) / _LIGHTNESS),
    ]
    inner = np.asarray(cv2.erode(mask, np.ones((3, 3), np.uint8), borderValue=0), np.float32)
    values = np.concatenate(
        [_edges(lab[..., 0], inner), _COLOUR_SHARE * np.stack(colour).astype(np.float32)]
    )
    values *= inner
    mean = values.sum(axis=(1, 2)) / max(float(inner.sum()), 1.0)
    values -= mean[:, None, None] * inner
    return Texture(values, inner)


class SearchArea:
    """A picture in which others are looked for; its part of the work is done once.

    Args:
        texture: of the area.
        largest_px: longest side of what is looked for.
    """

    def __init__(self, texture: Texture, largest_px: int) -> None:
        self._largest_px = largest_px
        self.height_px, self.width_px = texture.seen.shape
        self._shape = (
            cv2.getOptimalDFTSize(self.height_px + largest_px),
            cv2.getOptimalDFTSize(self.width_px + largest_px),
        )
        self._values = self._spectrum(texture.values)
        self._seen = self._spectrum(texture.seen)
        self._energy = self._spectrum((texture.values**2).sum(axis=0))

    def scores(self, wanted: Texture) -> Float32Array:
        """Return the cosine for every place of the middle of what is wanted ``[H, W]``.

        The middle is the pixel ``side // 2``. NaN where less than half of what it shows is known.
        """
        height_px, width_px = wanted.seen.shape
        values = np.conj(self._spectrum(wanted.values))
        seen = np.conj(self._spectrum(wanted.seen))
        energy = np.conj(self._spectrum((wanted.values**2).sum(axis=0)))
        product = self._back((values * self._values).sum(axis=0))
        shared = self._back(seen * self._seen)
        own, others = self._back(energy * self._seen), self._back(seen * self._energy)
        cosine = product / np.sqrt(np.maximum(own, 1.0) * np.maximum(others, 1.0))
        known = shared > _LEAST_SHARED * max(float(wanted.seen.sum()), 1.0)
        cosine = np.where(known, cosine, np.nan)
        # Place 0 is that of the first pixel of what is wanted; its middle comes later.
        centred = np.roll(cosine, (height_px // 2, width_px // 2), axis=(0, 1))
        return centred[: self.height_px, : self.width_px].astype(np.float32)

    def _spectrum(self, planes: Float32Array) -> np.ndarray:
        return np.fft.rfft2(planes, self._shape)

    def _back(self, spectrum: np.ndarray) -> np.ndarray:
        return np.fft.irfft2(spectrum, self._shape)


def _edges(light: Float32Array, mask: Float32Array) -> Float32Array:
    """Return the share of edges in each direction ``[D, H, W]``; opposite directions are one."""
    down = cv2.Sobel(light, cv2.CV_32F, 0, 1) / 4.0
    right = cv2.Sobel(light, cv2.CV_32F, 1, 0) / 4.0
    strength = np.hypot(right, down) * mask
    direction = np.mod(np.arctan2(down, right), math.pi) * (_DIRECTIONS / math.pi)
    planes = []
    for number in range(_DIRECTIONS):
        away = np.abs((direction - number + _DIRECTIONS / 2) % _DIRECTIONS - _DIRECTIONS / 2)
        planes.append(cv2.GaussianBlur(strength * np.maximum(1.0 - away, 0.0), (0, 0), 1.0))
    stacked = np.stack(planes)
    shares = stacked / np.sqrt((stacked**2).sum(axis=0) + _FAINT)
    return np.asarray(shares, np.float32)


def _mean(plane: Float32Array, mask: Float32Array, sigma_px: float) -> Float32Array:
    """Return a plane smoothed over what is seen of it."""
    total = cv2.GaussianBlur(plane * mask, (0, 0), sigma_px)
    weight = cv2.GaussianBlur(mask, (0, 0), sigma_px)
    return np.asarray(total / np.maximum(weight, 0.05), np.float32)
