"""Narrow twins show what a camera would, checked by projecting pixels of its frame."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.data.narrow import WIDEST_DEG, frame_pixels, narrow_twins
from cvgl_core.types import GroundSpec

SPEC = GroundSpec(128, 512, 30.0, -37.5)


def seen_at(mask: np.ndarray, azimuth_deg: float, elevation_deg: float) -> bool:
    row = (SPEC.elevation_top_deg - elevation_deg) / 67.5 * SPEC.height_px
    column = (azimuth_deg + 180) / 360 * SPEC.width_px
    return bool(mask[int(row), int(column) % SPEC.width_px])


def direction_deg(x: float, y: float, half: tuple[float, float], pitch_deg: float):
    """Where a place in the frame (-1..1 each way, y up) looks: rotation matrices, not formulas."""
    ray = np.array([x * half[0], y * half[1], 1.0])
    tilt = math.radians(pitch_deg)
    up = np.array(
        [[1, 0, 0], [0, math.cos(tilt), math.sin(tilt)], [0, -math.sin(tilt), math.cos(tilt)]]
    )
    right, high, ahead = up @ (ray / np.linalg.norm(ray))
    return math.degrees(math.atan2(right, ahead)), math.degrees(math.asin(high))


@settings(max_examples=60, deadline=None)
@given(
    width_deg=st.floats(50, 120),
    aspect=st.floats(0.5, 2.0),
    pitch_deg=st.floats(-10, 10),
    x=st.floats(-1, 1),
    y=st.floats(-1, 1),
)
def test_a_frame_shows_what_lies_in_it_and_nothing_beyond(width_deg, aspect, pitch_deg, x, y):
    azimuth = (torch.arange(SPEC.width_px) + 0.5) / SPEC.width_px * 2 * math.pi - math.pi
    mask = frame_pixels(
        azimuth[None],
        torch.tensor([width_deg]),
        torch.tensor([aspect]),
        torch.tensor([pitch_deg]),
        SPEC,
    )[0].numpy()
    half = math.tan(math.radians(width_deg / 2))
    sides = (half, half / aspect)
    inside = direction_deg(0.95 * x, 0.95 * y, sides, pitch_deg)
    if -37 < inside[1] < 29.5:
        assert seen_at(mask, *inside)
    far = 1.07 / max(abs(x), abs(y), 1e-3)
    outside = direction_deg(far * x, far * y, sides, pitch_deg)
    if -37 < outside[1] < 29.5 and max(abs(x), abs(y)) > 1e-3:
        assert not seen_at(mask, *outside)


@pytest.mark.parametrize("narrowest_deg", [50.0, 180.0])
def test_windows_are_as_wide_as_asked(narrowest_deg):
    rng = torch.Generator().manual_seed(1)
    ground = torch.rand(400, 3, SPEC.height_px, 256)
    spec = GroundSpec(SPEC.height_px, 256, 30.0, -37.5)
    narrow, visible = narrow_twins(ground, spec, narrowest_deg, rng, 0.0)
    width_deg = visible.float().mean(dim=1) * 360
    assert width_deg.min() > narrowest_deg - 3
    assert width_deg.max() < WIDEST_DEG + 3
    assert torch.equal(visible, ~narrow.isnan().all(dim=2).all(dim=1))
    seen = ~narrow.isnan()
    assert torch.equal(narrow[seen], ground[seen])
    whole = seen[:, 0].any(dim=2).float().mean(dim=1)  # rows of which anything is seen
    frames = (whole < 1).float().mean()
    assert (frames > 0.1) == (narrowest_deg < 120)
    # Windows lie all around: each direction is seen about equally often.
    often = visible.float().mean(dim=0)
    assert often.max() < 1.4 * often.min()


def test_headings_are_off_by_no_more_than_asked():
    """Pixels numbered by column tell by how many a strip was turned."""
    strip = torch.arange(SPEC.width_px).float().expand(64, 3, SPEC.height_px, -1)
    rng = torch.Generator().manual_seed(3)
    twins, visible = narrow_twins(strip, SPEC, 60.0, rng, 0.0, off_deg=10.0)
    row = SPEC.height_px // 2
    column = torch.arange(SPEC.width_px)
    off = (column[None] - twins[:, 0, row] + SPEC.width_px / 2) % SPEC.width_px - SPEC.width_px / 2
    off_px = torch.stack([each[shown][0] for each, shown in zip(off, visible, strict=True)])
    limit_px = 10.0 / 360 * SPEC.width_px
    assert off_px.abs().max() <= limit_px + 0.5
    assert off_px.min() < -0.7 * limit_px and off_px.max() > 0.7 * limit_px
