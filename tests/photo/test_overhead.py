from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from cvgl_core.errors import PhotoViewError
from cvgl_core.photo.camera import Camera
from cvgl_core.photo.overhead import (
    REACH,
    Overhead,
    footprint,
    ground_of,
    looks_from_above,
    overhead_of,
    photo_pixels,
    rectified,
    turned_by,
)
from cvgl_core.types import Photo, PhotoMetadata, Projection

WIDTH, HEIGHT = 160, 90
FILL = (9, 9, 9)

cameras = st.builds(
    lambda fov, pitch, roll, right, down: Camera(
        Projection.PERSPECTIVE,
        WIDTH,
        HEIGHT,
        Camera.pinhole(WIDTH, HEIGHT, fov, 0.0, 0.0).px_per_deg,
        pitch_deg=pitch,
        roll_deg=roll,
        off_right_px=right,
        off_down_px=down,
    ),
    st.floats(20.0, 100.0),
    st.floats(-94.0, -30.0),
    st.floats(-10.0, 10.0),
    st.floats(-5.0, 5.0),
    st.floats(-5.0, 5.0),
)
views = st.builds(Overhead, cameras, st.floats(5.0, 300.0), st.none() | st.floats(0.0, 360.0))


def by_matrices(view: Overhead, right_m: float, ahead_m: float) -> tuple[float, float, float]:
    """Pixel and depth of a place of the ground: rotations and a camera matrix, as in textbooks."""
    camera = view.camera
    pitch, roll = np.radians([camera.pitch_deg, camera.roll_deg])
    # Axes of a level camera (right, down, forward) in right, ahead, up.
    level = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    tilt = np.array(
        [[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]]
    )
    bank = np.array([[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    focal = camera.focal_px
    inner = np.array(
        [
            [focal, 0, WIDTH / 2 + camera.off_right_px],
            [0, focal, HEIGHT / 2 + camera.off_down_px],
            [0, 0, 1],
        ]
    )
    x, y, depth = inner @ bank @ tilt @ level @ np.array([right_m, ahead_m, -view.height_m])
    return x / depth, y / depth, depth


@given(views, st.floats(-2.0, 2.0), st.floats(-2.0, 2.5))
def test_a_place_is_seen_where_matrices_say(view: Overhead, right: float, ahead: float) -> None:
    right_m, ahead_m = right * view.height_m, ahead * view.height_m
    x, y, depth = by_matrices(view, right_m, ahead_m)
    assume(depth > 0.05 * view.height_m)
    found_x, found_y, _ = photo_pixels(view, np.array([right_m]), np.array([ahead_m]))
    assert found_x[0] == pytest.approx(x, abs=1e-6 * (1 + abs(x)))
    assert found_y[0] == pytest.approx(y, abs=1e-6 * (1 + abs(y)))


@given(views, st.floats(0.0, WIDTH), st.floats(0.0, HEIGHT))
def test_pixels_and_ground_are_inverse(view: Overhead, x: float, y: float) -> None:
    right_m, ahead_m = ground_of(view, np.array([x]), np.array([y]))
    assume(np.isfinite(right_m[0]) and np.hypot(right_m[0], ahead_m[0]) < 50 * view.height_m)
    again_x, again_y, seen = photo_pixels(view, right_m, ahead_m)
    assert (again_x[0], again_y[0]) == (pytest.approx(x, abs=1e-5), pytest.approx(y, abs=1e-5))
    inner = 0.01 < x < WIDTH - 0.01 and 0.01 < y < HEIGHT - 0.01
    if inner and ahead_m[0] < (REACH - 0.01) * view.height_m:
        assert seen[0]


@given(views)
def test_the_footprint_is_what_is_seen(view: Overhead) -> None:
    corners = footprint(view)
    assume(len(corners))
    shape = shapely.Polygon(corners)
    assert shape.is_valid
    assert corners[:, 1].max() <= REACH * view.height_m * (1 + 1e-6)
    low, high = corners.min(axis=0), corners.max(axis=0)
    steps = [np.linspace(*ends, 23) for ends in zip(low, high, strict=True)]
    right_m, ahead_m = (grid.ravel() for grid in np.meshgrid(*steps))
    _, _, seen = photo_pixels(view, right_m, ahead_m)
    places = shapely.points(right_m, ahead_m)
    clear = shapely.distance(places, shape.exterior) > 1e-6 * view.height_m
    assert (shapely.contains(shape, places) == seen)[clear].all()


def test_straight_down_the_footprint_is_the_picture_to_scale() -> None:
    camera = Camera.pinhole(WIDTH, HEIGHT, 90.0, -90.0, 0.0)
    corners = footprint(Overhead(camera, 40.0, None))
    assert np.abs(corners).max(axis=0).tolist() == pytest.approx([40.0, 40.0 * HEIGHT / WIDTH])


@given(st.floats(-720.0, 720.0))
def test_a_heading_turns_ahead_to_its_azimuth(heading_deg: float) -> None:
    east, north = turned_by(np.array([0.0, 1.0]), heading_deg)
    azimuth = np.radians(heading_deg)
    assert (east, north) == pytest.approx((np.sin(azimuth), np.cos(azimuth)), abs=1e-9)
    back = turned_by(np.array([east, north]), -heading_deg)
    assert back.tolist() == pytest.approx([0.0, 1.0], abs=1e-9)


def painted(view: Overhead, heading_deg: float) -> np.ndarray:
    """The photo of ground whose red and green say where a place lies, east and north."""
    y, x = np.mgrid[: view.camera.height_px, : view.camera.width_px] + 0.5
    ground = np.stack(ground_of(view, x, y), axis=-1)
    east_north = turned_by(ground, heading_deg) / view.height_m
    colours = 128.0 + 40.0 * np.nan_to_num(east_north)
    whole = np.dstack([colours, np.full(x.shape, 60.0)])
    return np.clip(np.rint(whole), 0, 255).astype(np.uint8)


def photo_of(rgb: np.ndarray, **metadata: object) -> Photo:
    height, width = rgb.shape[:2]
    meta = PhotoMetadata(width, height, Projection.PERSPECTIVE, **metadata)  # type: ignore[arg-type]
    return Photo(Path("drone.jpg"), "0" * 64, rgb, meta)


@pytest.mark.parametrize("heading_deg", [None, 0.0, 75.0, 200.0])
@pytest.mark.parametrize(("pitch_deg", "roll_deg"), [(-90.0, 0.0), (-90.0, 4.0), (-50.0, -3.0)])
def test_a_rectified_photo_shows_every_place_where_it_lies(
    heading_deg: float | None, pitch_deg: float, roll_deg: float
) -> None:
    camera = Camera.pinhole(640, 360, 70.0, pitch_deg, roll_deg)
    view = Overhead(camera, 60.0, heading_deg)
    photo = photo_of(painted(view, heading_deg or 0.0))
    picture = rectified(photo, view, 0.5, 400, FILL)
    side = len(picture.rgb)
    u, v = np.meshgrid(np.arange(side) + 0.5, np.arange(side) + 0.5)
    east_m = (u - picture.camera_uv_px[0]) * 0.5
    north_m = (picture.camera_uv_px[1] - v) * 0.5
    for channel, metres in enumerate((east_m, north_m)):
        expected = 128.0 + 40.0 * metres / 60.0
        inner = picture.seen & (np.abs(expected - 128) < 110)
        away = np.abs(picture.rgb[..., channel].astype(float) - expected)[inner]
        assert away.size > 2000
        assert np.quantile(away, 0.99) < 1.6
    assert (picture.rgb[~picture.seen] == FILL).all()
    area_m2 = shapely.Polygon(footprint(view)).area
    assert picture.seen.sum() * 0.25 == pytest.approx(area_m2, rel=0.02)


def test_a_large_footprint_is_cut_to_the_side_asked_for() -> None:
    camera = Camera.pinhole(64, 36, 90.0, -90.0, 0.0)
    view = Overhead(camera, 500.0, 0.0)
    picture = rectified(photo_of(painted(view, 0.0)), view, 1.0, 100, FILL)
    assert picture.rgb.shape == (100, 100, 3)
    assert picture.seen.all()


KNOWN = {"pitch_deg": -90.0, "height_m": 50.0, "fov_deg": 70.0}


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("pitch_deg", "--pitch"),
        ("height_m", "--altitude-m"),
        ("fov_deg", "--fov"),
    ],
)
def test_what_is_missing_is_named(missing: str, said: str) -> None:
    rest = {name: value for name, value in KNOWN.items() if name != missing}
    with pytest.raises(PhotoViewError, match=said):
        overhead_of(photo_of(np.zeros((36, 64, 3), np.uint8), **rest))


@pytest.mark.parametrize("wrong", [{"pitch_deg": -10.0}, {"height_m": 0.4}, {"height_m": -3.0}])
def test_what_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(PhotoViewError):
        overhead_of(photo_of(np.zeros((36, 64, 3), np.uint8), **(KNOWN | wrong)))


def test_a_height_given_counts_for_more_than_the_file() -> None:
    photo = photo_of(np.zeros((36, 64, 3), np.uint8), **KNOWN)
    assert overhead_of(photo).height_m == 50.0
    assert overhead_of(photo, height_m=70.0).height_m == 70.0


GIMBAL = {"pitch_deg": "XMP drone-dji:GimbalPitchDegree"}


@pytest.mark.parametrize(
    ("metadata", "height_m", "expected"),
    [
        ({"pitch_deg": -90.0, "height_m": 50.0}, None, True),
        ({"pitch_deg": -30.0, "height_m": 50.0}, None, True),
        ({"pitch_deg": -29.0, "height_m": 50.0}, None, False),
        ({"height_m": 50.0}, None, False),
        ({"pitch_deg": -60.0, "sources": GIMBAL}, None, True),
        ({"pitch_deg": -60.0, "sources": {"pitch_deg": "maker notes, Apple"}}, None, False),
        ({"pitch_deg": -60.0, "sources": {"pitch_deg": "given"}}, 40.0, True),
    ],
)
def test_only_steep_photos_of_drones_look_from_above(
    metadata: dict[str, object], height_m: float | None, expected: bool
) -> None:
    photo = photo_of(np.zeros((36, 64, 3), np.uint8), **metadata)
    assert looks_from_above(photo, height_m) is expected
