"""Narrow twins of panoramas: what a camera with an ordinary lens would have shown of them.

A twin is the same strip with all but a window hidden, so that one tile teaches with both. Half of
the windows are parts of a panorama (all elevations); the others are frames of a perspective
camera, whose edges are curved in the strip.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cvgl_core.types import GroundSpec

WIDEST_DEG = 330.0
_WIDEST_FRAME_DEG = 120.0
_ASPECTS = (4 / 3, 3 / 2, 16 / 9, 3 / 4, 9 / 16)
_FRAME_SHARE = 0.5
_ORDINARY_SHARE = 0.65
"""Share of windows no wider than an ordinary lens sees; the others go up to ``WIDEST_DEG``."""


def narrow_twins(
    ground: Tensor,
    spec: GroundSpec,
    narrowest_deg: float,
    rng: torch.Generator,
    pitch_deg: float,
    off_deg: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Hide all but a window of each panorama.

    Args:
        ground: strips ``[B, 3, h, w]``.
        spec: their elevations.
        narrowest_deg: least width of a window.
        rng: of all draws.
        pitch_deg: standard deviation of the perspective cameras' pitch.
        off_deg: each panorama is turned by up to so much first: a searched heading lies that far
            off, and a compass further.

    Returns:
        The strips with NaN where nothing is seen, and the pixel columns in which something is,
        ``[B, w]`` bool.
    """
    count, width = len(ground), ground.shape[3]
    off_px = (_uniform(count, -off_deg, off_deg, rng) / 360.0 * width).round().long()
    ground = turned(ground, off_px)
    ordinary = torch.rand(count, generator=rng) < _ORDINARY_SHARE
    edge_deg = max(narrowest_deg, _WIDEST_FRAME_DEG)
    width_deg = torch.where(
        ordinary,
        _uniform(count, min(narrowest_deg, edge_deg), edge_deg, rng),
        _uniform(count, min(edge_deg, WIDEST_DEG), WIDEST_DEG, rng),
    )
    towards = _uniform(count, -math.pi, math.pi, rng)
    azimuth = (torch.arange(width) + 0.5) / width * 2 * math.pi - math.pi
    away = (azimuth[None] - towards[:, None] + math.pi) % (2 * math.pi) - math.pi  # [B, w]
    seen = (away.abs() <= torch.deg2rad(width_deg)[:, None] / 2)[:, None, :]
    seen = seen.expand(-1, spec.height_px, -1)
    framed = torch.rand(count, generator=rng) < _FRAME_SHARE
    framed &= width_deg <= _WIDEST_FRAME_DEG
    aspect = torch.tensor(_ASPECTS)[torch.randint(len(_ASPECTS), (count,), generator=rng)]
    tilt_deg = pitch_deg * torch.randn(count, generator=rng)
    frames = frame_pixels(away, width_deg, aspect, tilt_deg, spec)
    seen = torch.where(framed[:, None, None], frames, seen)
    return ground.masked_fill(~seen[:, None], math.nan), seen.any(dim=1)


def turned(ground: Tensor, by_px: Tensor) -> Tensor:
    """Turn each strip ``[B, 3, h, w]`` to the right by its own whole number of pixels ``[B]``."""
    columns = (torch.arange(ground.shape[3])[None, :] - by_px[:, None]) % ground.shape[3]
    return ground.gather(3, columns[:, None, None, :].expand_as(ground))


def frame_pixels(
    away: Tensor, width_deg: Tensor, aspect: Tensor, pitch_deg: Tensor, spec: GroundSpec
) -> Tensor:
    """Return which pixels of a strip a perspective camera shows, ``[B, h, w]`` bool.

    Args:
        away: azimuth of the pixel columns from the optical axis, radians ``[B, w]``.
        width_deg: horizontal field of view ``[B]``.
        aspect: width of the frame over its height ``[B]``.
        pitch_deg: of the optical axis above the horizon ``[B]``.
        spec: elevations of the rows.
    """
    pitch = torch.deg2rad(pitch_deg)[:, None, None]
    half_width = torch.deg2rad(width_deg / 2).clamp(max=math.radians(80)).tan()[:, None, None]
    half_height = half_width / aspect[:, None, None]
    span = spec.elevation_bottom_deg - spec.elevation_top_deg
    rows = (torch.arange(spec.height_px) + 0.5) / spec.height_px
    elevation = torch.deg2rad(spec.elevation_top_deg + span * rows)[None, :, None]
    right = elevation.cos() * away[:, None].sin()
    ahead = elevation.cos() * away[:, None].cos()
    forward = ahead * pitch.cos() + elevation.sin() * pitch.sin()
    up = elevation.sin() * pitch.cos() - ahead * pitch.sin()
    return (
        (forward > 0) & (right.abs() <= forward * half_width) & (up.abs() <= forward * half_height)
    )


def _uniform(count: int, low: float, high: float, rng: torch.Generator) -> Tensor:
    return torch.rand(count, generator=rng) * (high - low) + low
