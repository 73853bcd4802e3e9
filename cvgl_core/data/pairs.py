"""Batches as tensors: pixels, targets and masks, with the changes that keep them true."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import cast

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cvgl_core.data.citypack import CityPack
from cvgl_core.data.narrow import turned
from cvgl_core.data.sampler import BatchPlan
from cvgl_core.types import UInt8Array


@dataclass(frozen=True)
class PairBatch:
    """Street strips and the tiles around them.

    Attributes:
        ground: ``[B, 3, h, w]``, north in the centre column; float in [0, 1] or normalised.
        aerial: ``[B, 3, p, p]``.
        target_px: camera in its tile (u, v), continuous pixels, ``[B, 2]``.
        same_place, covers: see ``BatchPlan``, ``[B, B]``.
        narrow: the same views with all but a window hidden, ``[B, 3, h, w]``, or None.
        visible: pixel columns in which a narrow view shows something, ``[B, w]`` bool, or None.
        apart_m: from camera ``i`` to the centre of tile ``j``, ``[B, B]``, or None.
        place: number of each pair's place among all of the material ``[B]``, or None.
    """

    ground: Tensor
    aerial: Tensor
    target_px: Tensor
    same_place: Tensor
    covers: Tensor
    narrow: Tensor | None = None
    visible: Tensor | None = None
    apart_m: Tensor | None = None
    place: Tensor | None = None

    def to(self, device: torch.device) -> PairBatch:
        """Return the batch on a device."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return replace(self, **{name: v.to(device) for name, v in values.items() if v is not None})


@dataclass(frozen=True)
class Augmentation:
    """Strengths of the changes; see ``training.config.AugmentationSection``."""

    turns: bool = True
    colour: float = 0.2
    grey_probability: float = 0.05
    heading_jitter_deg: float = 2.0
    dropout_probability: float = 0.2
    blur_probability: float = 0.2
    coarse_probability: float = 0.2
    haze_probability: float = 0.15
    jpeg_probability: float = 0.2
    tilt_deg: float = 2.0


def gather(packs: Sequence[CityPack], plan: BatchPlan, tile_px: int) -> PairBatch:
    """Read the pixels of a plan; colours in [0, 1]."""
    ground = np.stack([packs[c].ground[k] for c, k in zip(plan.city, plan.camera, strict=True)])
    aerial = np.stack(
        [
            _cut(packs[c].aerial[v : v + span, u : u + span], tile_px)
            for c, (u, v), span in zip(plan.city, plan.origin_px, plan.span_px, strict=True)
        ]
    )
    return PairBatch(
        _to_float(ground),
        _to_float(aerial),
        torch.from_numpy(plan.target_px.astype(np.float32)),
        torch.from_numpy(plan.same_place),
        torch.from_numpy(plan.covers),
        apart_m=torch.from_numpy(plan.apart_m.astype(np.float32)),
    )


def _cut(part: UInt8Array, tile_px: int) -> UInt8Array:
    """Return a square part of an orthophoto at the size of a tile."""
    if len(part) == tile_px:
        return part
    how = cv2.INTER_AREA if len(part) > tile_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (tile_px, tile_px), interpolation=how), np.uint8)


def turn(batch: PairBatch, quarter_turns: int) -> PairBatch:
    """Rotate the world counter-clockwise by quarters: tile, panorama and target together."""
    k = quarter_turns % 4
    size = batch.aerial.shape[-1]
    u, v = batch.target_px.unbind(dim=1)
    for _ in range(k):
        u, v = v, size - u
    return replace(
        batch,
        aerial=torch.rot90(batch.aerial, k, dims=(2, 3)),
        ground=torch.roll(batch.ground, -k * batch.ground.shape[-1] // 4, dims=3),
        target_px=torch.stack([u, v], dim=1),
    )


def mirror(batch: PairBatch) -> PairBatch:
    """Swap east and west: tile, panorama and target together."""
    u, v = batch.target_px.unbind(dim=1)
    return replace(
        batch,
        aerial=batch.aerial.flip(3),
        ground=batch.ground.flip(3),
        target_px=torch.stack([batch.aerial.shape[-1] - u, v], dim=1),
    )


def augment(
    batch: PairBatch,
    how: Augmentation,
    rng: torch.Generator,
    elevation_range_deg: float = 67.5,
) -> PairBatch:
    """Return the batch as another day, camera and orientation would have shown it.

    One turn and mirror for the whole batch, so that the masks stay true (UnifyGeo IV-C:
    synchronised flip and rotation); photometric changes per image.

    Args:
        batch: colours in [0, 1].
        how: strengths.
        rng: of all draws.
        elevation_range_deg: from the lowest to the highest row of the street strips.
    """
    if how.turns:
        batch = turn(batch, int(torch.randint(4, (1,), generator=rng)))
    if torch.rand(1, generator=rng) < 0.5:
        batch = mirror(batch)
    ground = _jitter_heading(batch.ground, how.heading_jitter_deg, rng)
    ground = _tilt(ground, how.tilt_deg, elevation_range_deg, rng)
    return replace(
        batch,
        ground=_drop(photographed(ground, how, rng), how.dropout_probability, rng),
        aerial=_drop(photographed(batch.aerial, how, rng), how.dropout_probability, rng),
    )


def normalise(batch: PairBatch, mean: Tensor, std: Tensor) -> PairBatch:
    """Subtract the mean colour and divide by the spread; what is unseen becomes zero."""

    def scaled(images: Tensor) -> Tensor:
        filled = torch.where(images.isnan(), mean.view(1, 3, 1, 1), images)
        normal = (filled - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
        return normal.contiguous(memory_format=torch.channels_last)

    narrow = None if batch.narrow is None else scaled(batch.narrow)
    return replace(batch, ground=scaled(batch.ground), aerial=scaled(batch.aerial), narrow=narrow)


def _to_float(images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255.0


def _uniform(shape: tuple[int, ...], low: float, high: float, rng: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=rng) * (high - low) + low


def _jitter_heading(ground: Tensor, sigma_deg: float, rng: torch.Generator) -> Tensor:
    """Roll each panorama by a small random angle: a compass is never exact."""
    width = ground.shape[3]
    shift = torch.randn(len(ground), generator=rng) * sigma_deg / 360.0 * width
    return turned(ground, shift.round().long())


def _tilt(
    ground: Tensor, sigma_deg: float, elevation_range_deg: float, rng: torch.Generator
) -> Tensor:
    """Tilt each camera a little: columns move up on one side and down on the other."""
    count, bands, height, width = ground.shape
    tilt_rows = torch.randn((count, 1), generator=rng) * sigma_deg / elevation_range_deg * height
    towards = torch.rand((count, 1), generator=rng)
    azimuth = torch.arange(width)[None, :] / width
    shift = tilt_rows * torch.cos(2 * math.pi * (azimuth - towards))
    source = torch.arange(height)[None, :, None] - shift[:, None, :]
    low = source.floor()
    upper, lower = (
        ground.gather(2, row.clamp(0, height - 1).long()[:, None].expand(-1, bands, -1, -1))
        for row in (low, low + 1)
    )
    share = (source - low)[:, None]
    return upper * (1 - share) + lower * share


def photographed(images: Tensor, how: Augmentation, rng: torch.Generator) -> Tensor:
    """Return images as through other optics, air, exposure and compression."""
    images = _coarse(images, how.coarse_probability, rng)
    images = _blur(images, how.blur_probability, rng)
    images = _colour(_haze(images, how.haze_probability, rng), how, rng)
    return _jpeg(images, how.jpeg_probability, rng)


def _chosen(count: int, probability: float, rng: torch.Generator) -> Tensor:
    """Return the indices of a random part of ``count`` images."""
    return torch.nonzero(torch.rand(count, generator=rng) < probability).flatten()


def _coarse(images: Tensor, probability: float, rng: torch.Generator) -> Tensor:
    """Bring some images from up to 2.2 times coarser pixels, one factor for all of them."""
    chosen = _chosen(len(images), probability, rng)
    factor = float(_uniform((1,), 1.1, 2.2, rng))
    if not len(chosen):
        return images
    size = images.shape[2:]
    small = [max(1, round(side / factor)) for side in size]
    reduced = functional.interpolate(images[chosen], small, mode="area")
    return images.index_copy(
        0, chosen, functional.interpolate(reduced, size, mode="bilinear", align_corners=False)
    )


def _haze(images: Tensor, probability: float, rng: torch.Generator) -> Tensor:
    """Blend some images with pale, slightly blue air."""
    chosen = _chosen(len(images), probability, rng)
    share = _uniform((len(chosen), 1, 1, 1), 0.05, 0.45, rng)
    air = _uniform((len(chosen), 1, 1, 1), 0.6, 0.9, rng)
    pale = air * torch.tensor([0.96, 1.0, 1.06]).view(1, 3, 1, 1)
    return images.index_copy(0, chosen, images[chosen] * (1 - share) + pale * share)


def _jpeg(images: Tensor, probability: float, rng: torch.Generator) -> Tensor:
    """Compress some images as cameras and map services do, quality 20 to 90."""
    chosen = _chosen(len(images), probability, rng)
    quality = _uniform((len(chosen),), 20, 90, rng)
    if not len(chosen):
        return images
    # OpenCV takes colours in reverse order.
    pixels = (images[chosen].flip(1).permute(0, 2, 3, 1) * 255).round().byte().numpy()
    compressed = np.empty_like(pixels)
    for row, value in enumerate(quality.tolist()):
        _, stream = cv2.imencode(".jpg", pixels[row], [cv2.IMWRITE_JPEG_QUALITY, round(value)])
        compressed[row] = cast(UInt8Array, cv2.imdecode(stream, cv2.IMREAD_COLOR))
    return images.index_copy(0, chosen, _to_float(compressed).flip(1))


def _colour(images: Tensor, how: Augmentation, rng: torch.Generator) -> Tensor:
    """Change gamma, contrast, brightness, tint and saturation; some images become grey."""
    count = len(images)
    shape = (count, 1, 1, 1)
    gamma = torch.exp(how.colour * torch.randn(shape, generator=rng))
    images = images.clamp(min=1e-3).pow(gamma)
    grey = images.mean(dim=1, keepdim=True)
    saturation = 1 + how.colour * torch.randn(shape, generator=rng) * 1.5
    saturation[torch.rand(shape, generator=rng) < how.grey_probability] = 0.0
    contrast = torch.exp(how.colour * torch.randn(shape, generator=rng))
    brightness = 0.4 * how.colour * torch.randn(shape, generator=rng)
    tint = 0.2 * how.colour * torch.randn((count, 3, 1, 1), generator=rng)
    middle = images.mean(dim=(1, 2, 3), keepdim=True)
    coloured = grey + (images - grey) * saturation.clamp(0, 2)
    return ((coloured - middle) * contrast + middle + brightness + tint).clamp(0, 1)


def _blur(images: Tensor, probability: float, rng: torch.Generator) -> Tensor:
    """Soften some images with a 3 x 3 average."""
    chosen = torch.rand(len(images), generator=rng) < probability
    if not chosen.any():
        return images
    images = images.clone()
    padded = functional.pad(images[chosen], (1, 1, 1, 1), mode="replicate")
    images[chosen] = functional.avg_pool2d(padded, 3, stride=1)
    return images


def _drop(images: Tensor, probability: float, rng: torch.Generator) -> Tensor:
    """Hide a few rectangles of some images (coarse dropout)."""
    height, width = images.shape[2:]
    hidden = torch.zeros(len(images), 1, height, width, dtype=torch.bool)
    for index in torch.nonzero(torch.rand(len(images), generator=rng) < probability).flatten():
        for _ in range(int(torch.randint(1, 5, (1,), generator=rng))):
            h, w = (int(s * (0.08 + 0.17 * torch.rand(1, generator=rng))) for s in (height, width))
            top = int(torch.randint(0, height - h + 1, (1,), generator=rng))
            left = int(torch.randint(0, width - w + 1, (1,), generator=rng))
            hidden[index, :, top : top + h, left : left + w] = True
    return images.masked_fill(hidden, math.nan)
