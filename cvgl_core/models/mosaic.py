"""A trunk shared by overlapping tiles: computed once over the mosaic that they are cut from.

Tiles that overlap by half show every pixel four times. Here the convolutional trunk runs once over
a block's mosaic, and each tile's features are a window of the result; its heads run per tile. Such
features differ from those of the tile alone, whose borders are padded with zeros as in training: at
every position the network has learned how far the border is. A linear map for each of the window's
positions makes up for that, fitted to the features of tiles alone: of the features there, and of
mixtures of those around, also beyond the border, which the tile alone does not see. Without one a
trunk is not shared. Nothing of the network may pool over the whole picture: convolutional
backbones only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cvgl_core.errors import WeightsError
from cvgl_core.fsio import sha256_file
from cvgl_core.models.weights import load_tensors, save_tensors
from cvgl_core.types import IntArray, UInt8Array

STEP_PX = 16
"""Tiles must lie on a lattice of so many pixels: the stride of the trunk's last map."""

_MARGIN_PX = 32
_MARGIN = _MARGIN_PX // STEP_PX
_STRIP_PX = 256
_QUARTER = 4


@dataclass(frozen=True)
class Correction:
    """What turns a window of a mosaic's features into features of the tile alone.

    Attributes:
        mix: 3 x 3 convolution from features to ``k`` mixtures ``[k, C, 3, 3]``.
        weight: of each position, row by row, ``[P, C + k, C]``; applied as ``x @ weight + bias``.
        bias: ``[P, 1, C]``.
        lost_points: of R@1, by descriptor or re-ranked, measured when it was fitted; in per cent.
        sha256: of the file it was read from.
    """

    mix: Tensor
    weight: Tensor
    bias: Tensor
    lost_points: float = math.inf
    sha256: str = ""

    def to(self, device: torch.device, dtype: torch.dtype) -> Correction:
        """Return it on a device and in a precision."""
        mix, weight, bias = (x.to(device, dtype) for x in (self.mix, self.weight, self.bias))
        return replace(self, mix=mix, weight=weight, bias=bias)

    def __call__(self, windows: Tensor) -> Tensor:
        """Correct windows ``[K, C + k, s, s]`` of features and their mixtures."""
        count, channels, side, _ = windows.shape
        positions = windows.permute(2, 3, 0, 1).reshape(side * side, count, channels)
        corrected = torch.baddbmm(self.bias, positions, self.weight)
        return corrected.reshape(side, side, count, -1).permute(2, 3, 0, 1)


def with_mixtures(features: Tensor, mix: Tensor) -> Tensor:
    """Return a mosaic's features and their mixtures ``[1, C + k, h, w]``, without its margin.

    Args:
        features: with the margin ``[1, C, h + 4, w + 4]``.
        mix: convolution ``[k, C, 3, 3]``.
    """
    own = without_margin(features)
    ring = _MARGIN - mix.shape[-1] // 2
    mixed = F.conv2d(features[:, :, ring:-ring, ring:-ring], mix)
    return torch.cat([own, mixed], dim=1).contiguous(memory_format=torch.channels_last)


def without_margin(features: Tensor) -> Tensor:
    """Return the features ``[1, C, h, w]`` of a mosaic's own picture."""
    return features[:, :, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]


def correction_path(weights: Path) -> Path:
    """Return where the correction that belongs to a file of weights lies: beside it."""
    return weights.with_name(f"{weights.stem}-shared-trunk.safetensors")


def load_correction(weights: Path, weights_sha256: str) -> Correction | None:
    """Return the correction fitted for a file of weights; None if there is none.

    Raises:
        WeightsError: the file beside the weights is damaged, or belongs to other weights.
    """
    path = correction_path(weights)
    if not path.is_file():
        return None
    tensors, facts = load_tensors(path)
    fits = set(tensors) == set(_PARTS) and all(t.isfinite().all() for t in tensors.values())
    lost_points = _number(facts.get(_LOST_KEY, "inf"))
    if not fits or lost_points is None or facts.get(_KEY) != weights_sha256:
        raise WeightsError(
            f"{path}: does not belong to {weights.name}; delete it, or fit it again with "
            "benchmarks/fit_shared_trunk.py"
        )
    mix, weight, bias = (tensors[part].float() for part in _PARTS)
    return Correction(mix, weight, bias, lost_points, sha256_file(path))


def save_correction(correction: Correction, weights: Path, weights_sha256: str) -> Path:
    """Write a correction beside the weights that it was fitted for, in 16 bits."""
    path = correction_path(weights)
    tensors = {part: getattr(correction, part).half() for part in _PARTS}
    lost = f"{correction.lost_points:.2f}"
    save_tensors(path, tensors, {_KEY: weights_sha256, _LOST_KEY: lost})
    return path


def _number(text: str) -> float | None:
    """Return the number that a text says; None if it is none."""
    try:
        return float(text)
    except ValueError:
        return None


_PARTS = ("mix", "weight", "bias")
_KEY = "weights_sha256"
_LOST_KEY = "lost_points"


def with_margin(rgb: UInt8Array) -> UInt8Array:
    """Return a mosaic ``[H, W, 3]`` with its borders mirrored outwards.

    The trunk then sees a picture beyond the borders of the outer tiles, as beyond all others'.
    """
    return np.pad(rgb, ((_MARGIN_PX,) * 2, (_MARGIN_PX,) * 2, (0, 0)), mode="symmetric")


def mosaic_features(stages: Sequence[Callable[[Tensor], Tensor]], x: Tensor) -> Tensor:
    """Return the trunk's 1/16 map ``[1, C, H/16 + 4, W/16 + 4]`` of a mosaic with its margin.

    The first stage, whose maps are the largest, runs in strips that overlap by more than it sees,
    so that they stay in a CPU's cache.

    Args:
        stages: of the trunk, convolutional.
        x: a normalised mosaic with its margin ``[1, 3, H + 64, W + 64]``.
    """
    first, *others = stages
    strips = []
    for top in range(0, x.shape[2], _STRIP_PX):
        above = min(top, _MARGIN_PX)
        strip = first(x[:, :, top - above : top + _STRIP_PX + _MARGIN_PX])
        strips.append(strip[:, :, above // _QUARTER : (above + _STRIP_PX) // _QUARTER])
    y = torch.cat(strips, dim=2)
    for stage in others:
        y = stage(y)
    return y


def cut_windows(features: Tensor, corners_px: IntArray, side_px: int) -> Tensor:
    """Return the features ``[K, C, s, s]`` of tiles.

    Args:
        features: of a mosaic ``[1, C, h, w]``.
        corners_px: top and left of each tile within the mosaic ``[K, 2]``, multiples of 16.
        side_px: of a tile.
    """
    side = side_px // STEP_PX
    return torch.cat(
        [
            features[:, :, row : row + side, col : col + side]
            for row, col in (corners_px // STEP_PX).tolist()
        ]
    ).contiguous(memory_format=torch.channels_last)
