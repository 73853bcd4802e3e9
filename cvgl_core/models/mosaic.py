"""A trunk shared by overlapping tiles: computed once over the mosaic that they are cut from.

Tiles that overlap by half show every pixel four times. Here the convolutional trunk runs once over
a block's mosaic, and each tile's features are a window of the result; its heads run per tile. Such
features differ from those of the tile alone, whose borders are padded with zeros as in training: at
every position the network has learned how far the border is. A linear map for each of the window's
positions, fitted to the features of tiles alone, makes up for that; without one a trunk is not
shared. Nothing of the network may pool over the whole picture: convolutional backbones only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cvgl_core.errors import WeightsError
from cvgl_core.fsio import sha256_file
from cvgl_core.models.weights import load_tensors, save_tensors
from cvgl_core.types import IntArray, UInt8Array

STEP_PX = 16
"""Tiles must lie on a lattice of so many pixels: the stride of the trunk's last map."""

_MARGIN_PX = 32
_STRIP_PX = 256
_QUARTER = 4


@dataclass(frozen=True)
class Correction:
    """What turns a window of a mosaic's features into features of the tile alone.

    Attributes:
        weight: of each position, row by row, ``[P, C, C]``; applied as ``x @ weight + bias``.
        bias: ``[P, 1, C]``.
        sha256: of the file it was read from.
    """

    weight: Tensor
    bias: Tensor
    sha256: str = ""

    def to(self, device: torch.device, dtype: torch.dtype) -> Correction:
        """Return it on a device and in a precision."""
        return Correction(self.weight.to(device, dtype), self.bias.to(device, dtype), self.sha256)

    def __call__(self, windows: Tensor) -> Tensor:
        """Correct windows ``[K, C, s, s]``."""
        count, channels, side, _ = windows.shape
        positions = windows.permute(2, 3, 0, 1).reshape(side * side, count, channels)
        corrected = torch.baddbmm(self.bias, positions, self.weight)
        return corrected.reshape(side, side, count, channels).permute(2, 3, 0, 1)


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
    fits = set(tensors) == {"weight", "bias"} and all(t.isfinite().all() for t in tensors.values())
    if not fits or facts.get(_KEY) != weights_sha256:
        raise WeightsError(
            f"{path}: does not belong to {weights.name}; delete it, or fit it again with "
            "benchmarks/fit_shared_trunk.py"
        )
    return Correction(tensors["weight"].float(), tensors["bias"].float(), sha256_file(path))


def save_correction(correction: Correction, weights: Path, weights_sha256: str) -> Path:
    """Write a correction beside the weights that it was fitted for, in 16 bits."""
    path = correction_path(weights)
    tensors = {"weight": correction.weight.half(), "bias": correction.bias.half()}
    save_tensors(path, tensors, {_KEY: weights_sha256})
    return path


_KEY = "weights_sha256"


def with_margin(rgb: UInt8Array) -> UInt8Array:
    """Return a mosaic ``[H, W, 3]`` with its borders mirrored outwards.

    The trunk then sees a picture beyond the borders of the outer tiles, as beyond all others'.
    """
    return np.pad(rgb, ((_MARGIN_PX,) * 2, (_MARGIN_PX,) * 2, (0, 0)), mode="symmetric")


def mosaic_features(stages: Sequence[Callable[[Tensor], Tensor]], x: Tensor) -> Tensor:
    """Return the trunk's 1/16 map ``[1, C, H/16, W/16]`` of a mosaic without its margin.

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
    margin = _MARGIN_PX // STEP_PX
    return y[:, :, margin:-margin, margin:-margin]


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
