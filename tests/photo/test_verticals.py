"""Tilt by upright edges: simple houses drawn by matrices, and pictures without any."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cvgl_core.photo import read_photo
from cvgl_core.photo.reader import RawMetadata, read_metadata
from cvgl_core.photo.tilt import with_estimated_tilt
from cvgl_core.photo.verticals import estimate_tilt

SIZES = [(960, 720), (720, 960)]


def camera(pitch_deg: float, roll_deg: float) -> np.ndarray:
    """Rows right, up, forward of a camera that looks north, in east, north, up; by matrices."""
    p, r = math.radians(pitch_deg), math.radians(roll_deg)
    lift = np.array([[1, 0, 0], [0, math.cos(p), -math.sin(p)], [0, math.sin(p), math.cos(p)]])
    bank = np.array([[math.cos(r), 0, math.sin(r)], [0, 1, 0], [-math.sin(r), 0, math.cos(r)]])
    return (lift @ bank)[:, [0, 2, 1]].T


def street(pitch: float, roll: float, fov: float, size: tuple[int, int], seed: int) -> np.ndarray:
    """Two rows of houses with windows along a street, 20 m wide, seen from 2 m above it."""
    rng = np.random.default_rng(seed)
    rgb = np.full((size[1], size[0], 3), 170, np.uint8)
    focal = size[0] / 2 / math.tan(math.radians(fov) / 2)
    frame = camera(pitch, roll)
    for side in (-10.0, 10.0):
        for start in np.arange(40.0, 4.0, -3.0):  # from afar to near
            for floor in range(-1, 4):
                low = floor * 3.0 + 0.6
                corners = [(side, start, low), (side, start + 1.6, low),
                           (side, start + 1.6, low + 1.8), (side, start, low + 1.8)]  # fmt: skip
                rays = np.array(corners) @ frame.T
                if (rays[:, 2] < 0.5).any():
                    continue
                x = size[0] / 2 + focal * rays[:, 0] / rays[:, 2]
                y = size[1] / 2 - focal * rays[:, 1] / rays[:, 2]
                shape = np.round(np.stack([x, y], axis=1) * 16).astype(np.int32)
                colour = [int(value) for value in rng.integers(20, 110, 3)]
                cv2.fillPoly(rgb, [shape], colour, cv2.LINE_AA, 4)
    return np.clip(rgb + rng.normal(0, 4, rgb.shape), 0, 255).astype(np.uint8)


@settings(max_examples=10, deadline=None)
@given(
    pitch=st.floats(-15, 15),
    roll=st.floats(-10, 10),
    fov=st.floats(55, 95),
    size=st.sampled_from(SIZES),
    seed=st.integers(0, 9),
)
def test_a_street(pitch: float, roll: float, fov: float, size: tuple[int, int], seed: int) -> None:
    found = estimate_tilt(street(pitch, roll, fov, size, seed), fov)
    assert found is not None
    if found.trustworthy:
        assert found.pitch_deg == pytest.approx(pitch, abs=1.0)
        assert found.roll_deg == pytest.approx(roll, abs=0.5)


def test_streets_are_trusted() -> None:
    tilts = [(0.0, 0.0), (10.0, 3.0), (-10.0, -5.0), (4.0, -8.0)]
    for pitch, roll in tilts:
        found = estimate_tilt(street(pitch, roll, 75.0, SIZES[0], 1), 75.0)
        assert found is not None and found.trustworthy, found
        assert found.pitch_std_deg < 0.5 and found.roll_std_deg < 0.3


def tangle(seed: int) -> np.ndarray:
    """Lines every way: branches, not houses."""
    rng = np.random.default_rng(seed)
    rgb = np.full((720, 960, 3), 200, np.uint8)
    for _ in range(250):
        x, y, turn = rng.uniform(0, 960), rng.uniform(0, 720), rng.uniform(0, math.pi)
        dx, dy = 60 * math.cos(turn), 60 * math.sin(turn)
        cv2.line(rgb, (int(x - dx), int(y - dy)), (int(x + dx), int(y + dy)), (60, 50, 40), 3)
    return rgb


@pytest.mark.parametrize(
    "rgb",
    [
        np.full((720, 960, 3), 120, np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((3, 2000, 3), np.uint8),
        np.random.default_rng(0).integers(0, 255, (720, 960, 3), dtype=np.uint8),
        *(tangle(seed) for seed in range(4)),
    ],
    ids=lambda rgb: str(rgb.shape),
)
def test_what_shows_no_houses_is_not_trusted(rgb: np.ndarray) -> None:
    found = estimate_tilt(rgb, 70.0)
    assert found is None or not found.trustworthy, found


def test_an_estimate_is_said_to_be_one(tmp_path: Path) -> None:
    rgb = street(8.0, 3.0, 75.0, SIZES[0], 1)
    Image.fromarray(rgb).save(tmp_path / "a.png")
    given = read_photo(tmp_path / "a.png", fov_deg=75.0).metadata
    assert (given.pitch_deg, given.roll_deg) == pytest.approx((8.0, 3.0), abs=1.0)
    for name in ("pitch_deg", "roll_deg"):
        assert given.sources[name].startswith("estimated from upright edges, +-")
    assert given.fov_deg is None  # it was given, not read
    silent = read_photo(tmp_path / "a.png").metadata
    assert (silent.pitch_deg, silent.roll_deg) == (None, None)


def test_what_a_file_says_comes_first() -> None:
    rgb = street(8.0, 3.0, 75.0, SIZES[0], 1)
    xmp = {"drone-dji:GimbalPitchDegree": "-2.0"}
    stated = read_metadata(960, 720, RawMetadata(exif={0xA405: 24}, xmp=xmp))
    assert with_estimated_tilt(rgb, stated) == stated
    wide = read_metadata(960, 480, RawMetadata())
    assert with_estimated_tilt(rgb[:480], wide, 75.0) == wide  # taken for a panorama
    for fov_deg in (None, 0.0, 175.0, 360.0):
        level = read_metadata(960, 720, RawMetadata())
        assert with_estimated_tilt(rgb, level, fov_deg) == level
