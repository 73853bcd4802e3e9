"""The strip against an independent formula: a picture of the sphere sampled both ways."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.errors import PhotoViewError
from cvgl_core.photo import to_ground_view, to_perspective
from cvgl_core.photo.camera import Camera, directions_of, photo_coordinates
from cvgl_core.types import GroundSpec, Photo, PhotoMetadata, Projection

SPEC = GroundSpec(48, 256, 37.5, -30.0)
FULL = GroundSpec(64, 128, 90.0, -90.0)


def world(direction: np.ndarray) -> np.ndarray:
    """Smooth colours of unit directions (east, north, up) ``[..., 3]``, 0 to 255."""
    east, north, up = np.moveaxis(direction, -1, 0)
    return np.stack(
        [
            127 + 100 * east,
            127 + 100 * north * up,
            127 + 60 * np.sin(3 * up) + 40 * (east**2 - north**2),
        ],
        axis=-1,
    )


def from_angles(azimuth_deg: np.ndarray, elevation_deg: np.ndarray) -> np.ndarray:
    a, e = np.deg2rad(azimuth_deg), np.deg2rad(elevation_deg)
    return np.stack([np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), np.sin(e)], axis=-1)


def axes(heading_deg: float, pitch_deg: float, roll_deg: float) -> np.ndarray:
    """Rows right, up, forward of a camera, by rotation matrices (not the formula under test)."""
    h, p, r = map(math.radians, (heading_deg, pitch_deg, roll_deg))
    turn = np.array([[math.cos(h), math.sin(h), 0], [-math.sin(h), math.cos(h), 0], [0, 0, 1]])
    lift = np.array([[1, 0, 0], [0, math.cos(p), -math.sin(p)], [0, math.sin(p), math.cos(p)]])
    # clockwise seen from behind: the camera's right side goes down
    bank = np.array([[math.cos(r), 0, math.sin(r)], [0, 1, 0], [-math.sin(r), 0, math.cos(r)]])
    body = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0]], float)  # right, up, forward in body axes
    return (turn @ lift @ bank @ body.T).T


def pinhole(
    heading: float, fov: float, size: tuple[int, int], pitch: float = 0.0, roll: float = 0.0
) -> np.ndarray:
    width, height = size
    focal = width / 2 / math.tan(math.radians(fov) / 2)
    x, y = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
    ray = np.stack([x, -y, np.full_like(x, focal)], axis=-1)
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    return world(ray @ axes(heading, pitch, roll))


def sphere(heading: float, width: int, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    height = width // 2
    azimuth = ((np.arange(width) + 0.5) / width - 0.5) * 360
    elevation = 90 - (np.arange(height) + 0.5) / height * 180
    local = from_angles(*np.meshgrid(azimuth, elevation))  # right, forward, up of the camera
    frame = axes(heading, pitch, roll)
    return world(local @ frame[[0, 2, 1]])


def photo(rgb: np.ndarray, **meta: object) -> Photo:
    height, width = rgb.shape[:2]
    metadata = PhotoMetadata(width, height, Projection.PERSPECTIVE)
    pixels = np.clip(rgb + 0.5, 0, 255).astype(np.uint8)
    return Photo(Path("a.jpg"), "0" * 64, pixels, replace(metadata, **meta))  # type: ignore[arg-type]


def expected(spec: GroundSpec, centre_deg: float) -> np.ndarray:
    """The strip by averaging 8 x 8 exact samples per pixel."""
    n = 8
    columns = (np.arange(spec.width_px * n) + 0.5) / n
    rows = (np.arange(spec.height_px * n) + 0.5) / n
    azimuth = centre_deg + (columns / spec.width_px - 0.5) * 360
    span = spec.elevation_top_deg - spec.elevation_bottom_deg
    elevation = spec.elevation_top_deg - rows / spec.height_px * span
    fine = world(from_angles(*np.meshgrid(azimuth, elevation)))
    return fine.reshape(spec.height_px, n, spec.width_px, n, 3).mean(axis=(1, 3))


@settings(max_examples=12, deadline=None)
@given(heading=st.floats(0, 359.99), width=st.sampled_from([512, 700, 1024]))
def test_panorama_north_in_the_centre(heading: float, width: int) -> None:
    shot = photo(sphere(heading, width), projection=Projection.EQUIRECTANGULAR, heading_deg=heading)
    view = to_ground_view(shot, SPEC)
    assert np.abs(view.rgb - expected(SPEC, 0.0)).max() < 3.0
    assert view.centre_azimuth_deg == 0.0 and view.visible.all()
    assert view.centre_heading_offset_deg == pytest.approx(heading)


def test_panorama_without_heading_is_centred_on_its_axis() -> None:
    shot = photo(sphere(77.0, 512), projection=Projection.EQUIRECTANGULAR)
    view = to_ground_view(shot, SPEC)
    assert view.centre_azimuth_deg is None and view.centre_heading_offset_deg == 0.0
    assert np.abs(view.rgb - expected(SPEC, 77.0)).max() < 3.0


def test_given_heading_overrides_metadata() -> None:
    shot = photo(sphere(30.0, 512), projection=Projection.EQUIRECTANGULAR, heading_deg=200.0)
    assert np.abs(to_ground_view(shot, SPEC, heading_deg=30.0).rgb - expected(SPEC, 0)).max() < 3.0


@settings(max_examples=12, deadline=None)
@given(
    heading=st.floats(0, 359.99),
    fov=st.floats(30, 110),
    pitch=st.floats(-15, 15),
    roll=st.floats(-20, 20),
)
def test_perspective(heading: float, fov: float, pitch: float, roll: float) -> None:
    shot = photo(
        pinhole(heading, fov, (640, 480), pitch, roll),
        heading_deg=heading, fov_deg=fov, pitch_deg=pitch, roll_deg=roll,
    )  # fmt: skip
    view = to_ground_view(shot, SPEC, fill_rgb=(1, 2, 3))
    seen = (view.rgb != (1, 2, 3)).any(axis=-1)
    assert 0.5 < seen.any(axis=0).sum() / 256 / (fov / 360) < 1.6
    difference = np.abs(view.rgb - expected(SPEC, 0.0))[seen]
    assert difference.mean() < 1.0 and difference.max() < 8.0  # pixels at the rim are part seen
    assert np.array_equal(view.visible, seen.any(axis=0))


@settings(max_examples=10, deadline=None)
@given(pitch=st.floats(-20, 20), roll=st.floats(-40, 40))
def test_tilted_panorama_is_levelled(pitch: float, roll: float) -> None:
    shot = photo(
        sphere(10.0, 512, pitch, roll),
        projection=Projection.EQUIRECTANGULAR, heading_deg=10.0, pitch_deg=pitch, roll_deg=roll,
    )  # fmt: skip
    assert np.abs(to_ground_view(shot, SPEC).rgb - expected(SPEC, 0.0)).max() < 4.0


@settings(max_examples=10, deadline=None)
@given(columns=st.integers(0, 127), seed=st.integers(0, 9))
def test_turning_the_heading_rolls_the_strip(columns: int, seed: int) -> None:
    rough = np.random.default_rng(seed).integers(0, 255, (128, 256, 3)).astype(float)
    shot = photo(rough, projection=Projection.EQUIRECTANGULAR)
    still = to_ground_view(shot, FULL, heading_deg=0.0).rgb
    turned = to_ground_view(shot, FULL, heading_deg=columns * 360 / 128).rgb
    assert np.abs(np.roll(still, columns, axis=1).astype(int) - turned).max() <= 1


def test_where_things_land() -> None:
    black = np.zeros((480, 640, 3))
    black[:, 310:330] = 255  # a post on the optical axis
    view = to_ground_view(photo(black), SPEC, heading_deg=90.0, fov_deg=60.0, fill_rgb=(0, 0, 0))
    bright = view.rgb[24, :, 0].astype(float)
    assert (bright * np.arange(256)).sum() / bright.sum() == pytest.approx(191.5, abs=0.1)
    assert not view.visible[:128].any() and view.visible[192]


def test_partial_panorama_shows_only_its_part() -> None:
    whole = sphere(0.0, 720)
    part = whole[90:270, 180:540]
    shot = photo(
        part, projection=Projection.EQUIRECTANGULAR, heading_deg=0.0,
        pano_full_width_px=720, pano_full_height_px=360, pano_left_px=180, pano_top_px=90,
    )  # fmt: skip
    view = to_ground_view(shot, FULL)
    assert np.flatnonzero(view.visible).tolist() == list(range(32, 96))
    inside = view.rgb[16:48, 32:96]
    assert np.abs(inside - expected(FULL, 0.0)[16:48, 32:96]).max() < 3.0
    assert (view.rgb[:16] == 115).all() and (view.rgb[48:] == 115).all()
    reduced = replace(shot, metadata=replace(
        shot.metadata, width_px=720, height_px=360, pano_full_width_px=1440,
        pano_full_height_px=720, pano_left_px=360, pano_top_px=180))  # fmt: skip
    assert np.array_equal(to_ground_view(reduced, FULL).rgb, view.rgb)


def test_area_is_averaged() -> None:
    """A checkerboard finer than the strip becomes its mean, not a pattern."""
    board = np.indices((1024, 2048)).sum(axis=0) % 2 * 200.0
    shot = photo(np.repeat(board[..., None], 3, axis=2), projection=Projection.EQUIRECTANGULAR)
    rgb = to_ground_view(shot, SPEC).rgb.astype(float)
    assert rgb.std() < 3.0 and rgb.mean() == pytest.approx(100.0, abs=2.0)


@pytest.mark.parametrize(
    ("fov", "size"), [(60.0, (4000, 3000)), (120.0, (4000, 3000)), (50.0, (3000, 4000))]
)
@pytest.mark.parametrize("width", [3, 7])
def test_no_pattern_comes_of_shrinking_a_large_photo(
    fov: float, size: tuple[int, int], width: int
) -> None:
    """Fine bars are grey in a strip 20 to 100 times coarser, in its corners too."""
    bars = (np.arange(size[0]) // width % 2 * 255).astype(np.uint8)
    rgb = np.broadcast_to(bars[None, :, None], (size[1], size[0], 3))
    shot = replace(photo(np.zeros((2, 2, 3)), fov_deg=fov), rgb=np.ascontiguousarray(rgb))
    view = to_ground_view(replace(shot, metadata=replace(shot.metadata, width_px=size[0])), SPEC)
    seen = (view.rgb != 115).any(axis=-1)
    assert seen.sum() > 500
    assert np.abs(view.rgb[seen].astype(float) - 127.5).max() < 16.0


def covered(size: tuple[int, int], fov: float, pitch: float, roll: float) -> np.ndarray:
    """Share of each pixel of the strip that a photo shows, by matrices and 8 x 8 rays."""
    n = 8
    columns = (np.arange(SPEC.width_px * n) + 0.5) / n
    rows = (np.arange(SPEC.height_px * n) + 0.5) / n
    azimuth = (columns / SPEC.width_px - 0.5) * 360
    elevation = 37.5 - rows / SPEC.height_px * 67.5
    local = from_angles(*np.meshgrid(azimuth, elevation)) @ axes(0.0, pitch, roll).T
    focal = size[0] / 2 / math.tan(math.radians(fov) / 2)
    ahead = local[..., 2] > 1e-9
    across, up = (np.abs(local[..., i]) / np.where(ahead, local[..., 2], 1.0) for i in (0, 1))
    inside = ahead & (across * focal <= size[0] / 2) & (up * focal <= size[1] / 2)
    return inside.reshape(SPEC.height_px, n, SPEC.width_px, n).mean(axis=(1, 3))


@settings(max_examples=12, deadline=None)
@given(
    fov=st.floats(50, 120),
    pitch=st.floats(-20, 20),
    roll=st.floats(-10, 10),
    size=st.sampled_from([(160, 120), (120, 160), (160, 90)]),
)
def test_what_a_photo_shows(fov: float, pitch: float, roll: float, size: tuple[int, int]) -> None:
    """Its outline in the strip is curved: what lies outside is filled, empty columns are told."""
    white = np.full((size[1], size[0], 3), 255.0)
    shot = photo(white, fov_deg=fov, pitch_deg=pitch, roll_deg=roll)
    view = to_ground_view(shot, SPEC, heading_deg=0.0, fill_rgb=(10, 20, 30))
    share = covered(size, fov, pitch, roll)
    seen = (view.rgb == 255).all(axis=-1)
    assert (seen | (view.rgb == (10, 20, 30)).all(axis=-1)).all()
    sure = np.abs(share - 0.5) > 0.25
    assert np.array_equal(seen[sure], share[sure] > 0.5)
    assert np.array_equal(view.visible, seen.any(axis=0))
    assert not view.visible[[0, -1]].any()


@settings(max_examples=50, deadline=None)
@given(
    fov=st.floats(20, 130),
    pitch=st.floats(-80, 80),
    roll=st.floats(-180, 180),
    x=st.floats(0, 640),
    y=st.floats(0, 480),
)
def test_directions_and_back(fov: float, pitch: float, roll: float, x: float, y: float) -> None:
    camera = Camera.pinhole(640, 480, fov, pitch, roll)
    directions = directions_of(camera, np.array([[x]]), np.array([[y]]))
    again = photo_coordinates(camera, *directions)
    assert (again[0].item(), again[1].item()) == pytest.approx((x, y), abs=1e-6)


@settings(max_examples=8, deadline=None)
@given(
    turn=st.floats(-180, 180),
    fov=st.floats(40, 110),
    pitch=st.floats(-30, 30),
    roll=st.floats(-20, 20),
)
def test_a_pinhole_picture_of_a_panorama(
    turn: float, fov: float, pitch: float, roll: float
) -> None:
    shot = photo(sphere(20.0, 720), projection=Projection.EQUIRECTANGULAR)
    rgb = to_perspective(shot, fov, (80, 60), turn, pitch, roll)
    exact = pinhole(20.0 + turn, fov, (400, 300), pitch, roll)
    exact = exact.reshape(60, 5, 80, 5, 3).mean(axis=(1, 3))
    assert np.abs(rgb - exact).max() < 3.0


def test_a_pinhole_picture_is_averaged_over_area() -> None:
    board = np.indices((2048, 4096)).sum(axis=0) // 3 % 2 * 200.0
    shot = photo(np.repeat(board[..., None], 3, axis=2), projection=Projection.EQUIRECTANGULAR)
    rgb = to_perspective(shot, 90.0, (32, 24)).astype(float)
    assert rgb.std() < 5.0 and rgb.mean() == pytest.approx(100.0, abs=3.0)


def test_a_photo_is_levelled() -> None:
    tilted = photo(
        pinhole(0.0, 80.0, (640, 480), 8.0, -6.0), fov_deg=80.0, pitch_deg=8.0, roll_deg=-6.0
    )
    level = to_perspective(tilted, 40.0, (64, 48))
    exact = pinhole(0.0, 40.0, (320, 240)).reshape(48, 5, 64, 5, 3).mean(axis=(1, 3))
    assert np.abs(level - exact).max() < 3.0


def test_a_panorama_over_the_seam() -> None:
    """A part that begins left of the sphere's seam and ends right of it."""
    whole = sphere(0.0, 720)
    part = np.roll(whole, 200, axis=1)[:, :300]
    shot = photo(
        part, projection=Projection.EQUIRECTANGULAR, heading_deg=0.0,
        pano_full_width_px=720, pano_full_height_px=360, pano_left_px=520, pano_top_px=0,
    )  # fmt: skip
    view = to_ground_view(shot, FULL)
    seen = (np.arange(128) + 0.5) * 720 / 128
    assert np.array_equal(view.visible, (seen > 520) | (seen < 100))
    assert np.abs(view.rgb - expected(FULL, 0.0))[:, view.visible].max() < 3.0


def test_a_white_photo_stays_white_to_its_rim() -> None:
    view = to_ground_view(photo(np.full((300, 400, 3), 255.0)), SPEC, fov_deg=70.0)
    levels = set(np.unique(view.rgb))
    assert levels == {115, 255}


def test_fov_of_a_panorama_strip() -> None:
    strip = sphere(40.0, 720)[150:210]  # 30 degrees high, full turn, no GPano
    view = to_ground_view(photo(strip), FULL, heading_deg=40.0, fov_deg=360.0)
    assert view.visible.all()
    assert np.abs(view.rgb[28:36] - expected(FULL, 0.0)[28:36]).max() < 3.0


@pytest.mark.parametrize("fov", [None, 0.0, -5.0, 175.0, 400.0, float("nan")])
def test_missing_or_impossible_field_of_view(fov: float | None) -> None:
    with pytest.raises(PhotoViewError, match=r"a\.jpg"):
        to_ground_view(photo(np.zeros((30, 40, 3))), SPEC, fov_deg=fov)


def test_heading_must_be_a_number() -> None:
    with pytest.raises(PhotoViewError, match="heading"):
        shot = photo(np.zeros((30, 40, 3)))
        to_ground_view(shot, SPEC, heading_deg=float("nan"), fov_deg=60.0)


def test_guessed_panorama_yields_to_a_given_field_of_view() -> None:
    shot = photo(
        np.zeros((200, 400, 3)), projection=Projection.EQUIRECTANGULAR,
        sources={"projection": "aspect ratio"},
    )  # fmt: skip
    assert to_ground_view(shot, SPEC).visible.all()
    assert to_ground_view(shot, SPEC, fov_deg=90.0).visible.sum() < 70


def test_a_panorama_narrower_than_a_column_shows_nothing_and_does_not_fail():
    """A damaged header can make a strip of 65,000 by 36 pixels."""
    spec = GroundSpec(48, 256, 37.5, -30.0)
    meta = PhotoMetadata(
        65_376, 36, Projection.EQUIRECTANGULAR, sources={"projection": "XMP GPano"}
    )
    photo = Photo(Path("strip.jpg"), "ab" * 32, np.zeros((1, 1800, 3), np.uint8), meta)
    view = to_ground_view(photo, spec, fov_deg=1.0)
    assert view.rgb.shape == (48, 256, 3)
