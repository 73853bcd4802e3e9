"""The whole simulated city: same bytes, shapes, true walls and roofs, independent days."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from cvgl_core.errors import SettingsError
from cvgl_core.simulation.canvas import new_canvas
from cvgl_core.simulation.city import generate_city
from cvgl_core.simulation.days import draw_sun
from cvgl_core.simulation.paint import edge_azimuth_codes, paint_buildings
from cvgl_core.simulation.plan import Building, BuildingKind, Part, RoofKind, Surface
from cvgl_core.simulation.shadow import Sun, cast_shadow
from cvgl_core.simulation.texture import apply_texture, draw_grain

SIZE_M = 220.0


@pytest.fixture(scope="module")
def city():
    return generate_city(5, SIZE_M)


def arrays(city):
    ground = city.ground
    tables = [getattr(t, n) for t in (ground.buildings, ground.trees) for n in vars(t)]
    names = ("height_m", "albedo", "light", "building", "wall_azimuth", "walkable")
    return [city.ortho, city.dsm_m, *(getattr(ground, n) for n in names), *tables]


def test_same_seed_gives_the_same_bytes(city):
    again = generate_city(5, SIZE_M)
    assert (again.crs, again.origin_e_m, again.origin_n_m) == (
        city.crs, city.origin_e_m, city.origin_n_m,
    )  # fmt: skip
    for first, second in zip(arrays(city), arrays(again), strict=True):
        assert first.dtype == second.dtype
        assert first.tobytes() == second.tobytes()


def test_another_seed_gives_another_city(city):
    other = generate_city(6, SIZE_M)
    assert np.abs(other.ortho.astype(int) - city.ortho).mean() > 8


def test_shapes_and_types(city):
    ground, side = city.ground, round(SIZE_M / 0.25)
    assert city.ortho.shape == ground.albedo.shape == (side, side, 3)
    for name in ("height_m", "light", "building", "wall_azimuth", "walkable"):
        assert getattr(ground, name).shape == (side, side)
    assert city.dsm_m.dtype == ground.height_m.dtype == np.float32
    assert ground.building.dtype == np.int32 and ground.building.max() <= len(ground.buildings.kind)
    assert all(np.isfinite(a).all() for a in arrays(city))


def test_place_lies_inside_its_own_zone(city):
    from pyproj import CRS, Transformer

    crs = CRS.from_user_input(city.crs)
    to_degrees = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(city.origin_e_m, city.origin_n_m)
    area = crs.area_of_use
    assert area.west <= lon <= area.east and -51 < lat < 56
    assert city.origin_e_m == round(city.origin_e_m) and city.origin_n_m == round(city.origin_n_m)


def test_cameras_stand_on_free_street(city):
    ground = city.ground
    assert 0.05 < ground.walkable.mean() < 0.6
    open_ground = (ground.height_m <= 0.05).astype(np.uint8)
    free = cv2.distanceTransform(open_ground, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) * 0.25
    assert free[ground.walkable].min() >= 1.2
    px = np.stack([ground.trees.y_m, ground.trees.x_m]) / 0.25
    assert not ground.walkable[tuple(px.astype(int))].any()


def test_the_two_days_share_the_layout_but_not_the_cars(city):
    ground = city.ground
    street = ground.building == 0
    cars = street & (ground.height_m > 0.5)
    crowned = city.dsm_m - city.dsm_m.min()
    low = street & (crowned < 2.2)
    aerial_cars = low & (crowned > 0.5)
    assert cars.sum() > 200 and aerial_cars.sum() > 200
    both = (cars & aerial_cars).sum() / max(cars[low].sum(), 1)
    assert 0.3 < both < 0.95
    roofs = ground.building > 0
    assert (crowned[roofs] >= ground.height_m[roofs] - 1e-3).all()


@pytest.mark.parametrize(
    "settings",
    [{"seed": -1}, {"size_m": 20.0}, {"size_m": float("nan")}, {"gsd_m_per_px": 0.0},
     {"size_m": 1e6}],
)  # fmt: skip
def test_settings_out_of_bounds_are_refused(settings):
    with pytest.raises(SettingsError):
        generate_city(**{"seed": 1, **settings})


def test_progress_may_cancel():
    def cancel(stage, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_city(1, 120.0, progress=cancel)


def test_city_needs_no_torch():
    code = "import sys, cvgl_core.simulation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def painted(ring, roof=RoofKind.FLAT, pitch=0.0, holes=()):
    canvas = new_canvas(200, 0.25, Surface.GRASS, (90, 100, 70))
    part = Part(np.asarray(ring, float), 6.0, roof, (120, 90, 80), pitch, False, holes)
    paint_buildings(canvas, (Building(BuildingKind.MIDRISE, 6.0, (150, 140, 130), (part,)),))
    return canvas


@pytest.mark.parametrize("flip", [False, True])
def test_wall_codes_are_outward_normals_whatever_the_winding(flip):
    ring = np.array([[10, 10], [40, 10], [40, 30], [10, 30.0]])
    ring = ring[::-1] if flip else ring
    codes = painted(ring).wall_azimuth
    middle = {"north": (39, 100), "south": (120, 100), "west": (80, 39), "east": (80, 160)}
    expected = {"north": 0, "east": 64, "south": 128, "west": 192}
    for side, (row, col) in middle.items():
        assert codes[row, col] == expected[side]
    assert sorted(edge_azimuth_codes(ring).tolist()) == [0, 64, 128, 192]
    assert codes[41, 42] == 0 and codes[42, 41] == 192  # the nearer edge wins at a corner


@pytest.mark.parametrize("roof", [RoofKind.GABLE, RoofKind.HIP])
def test_pitched_roofs_are_planes(roof):
    ring = np.array([[10, 10], [40, 10], [40, 20], [10, 20.0]])
    canvas = painted(ring, roof, 0.5)
    ridge = canvas.height_m[60, 100]
    assert ridge == pytest.approx(6.0 + 0.5 * 5.0, abs=0.1)
    slope = np.diff(canvas.height_m[41:59, 100].astype(float)) / 0.25
    np.testing.assert_allclose(slope, 0.5, atol=1e-3)
    end = canvas.height_m[60, 44]  # one metre from the western end
    assert end == pytest.approx(ridge if roof == RoofKind.GABLE else 6.5, abs=0.1)
    assert canvas.normal_y[45, 100] < 0 < canvas.normal_y[75, 100]  # they fall away from the ridge


def test_holes_stay_open():
    ring = np.array([[5, 5], [45, 5], [45, 45], [5, 45.0]])
    hole = np.array([[20, 20], [30, 20], [30, 30], [20, 30.0]])
    canvas = painted(ring, holes=(hole,))
    assert canvas.building[100, 100] == 0 and canvas.height_m[100, 100] == 0
    assert canvas.building[40, 100] == 1


@pytest.mark.parametrize("azimuth", [0.0, 90.0, 135.0, 180.0, 250.0])
def test_shadows_fall_away_from_the_sun_and_are_as_long_as_they_should_be(azimuth):
    height = np.zeros((240, 240), np.float32)
    height[116:124, 116:124] = 10.0
    light = cast_shadow(height, height, 0.25, Sun(azimuth, 45.0))
    rows, cols = np.nonzero((light < 128) & (height == 0))
    away = np.radians(azimuth + 180)
    along = ((cols - 119.5) * np.sin(away) - (rows - 119.5) * np.cos(away)) * 0.25
    across = ((cols - 119.5) * np.cos(away) + (rows - 119.5) * np.sin(away)) * 0.25
    assert along.min() > 0 and np.abs(across).max() < 2.2
    assert along.max() == pytest.approx(11.0, abs=1.2)
    assert (light[height > 0] > 128).mean() > 0.8


def test_the_sun_stands_on_the_noon_side():
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert 120 <= draw_sun(rng, False, 30, 60).azimuth_deg <= 240
        south = draw_sun(rng, True, 30, 60).azimuth_deg
        assert south >= 300 or south <= 60


def test_texture_changes_only_grass_between_days():
    rng = np.random.default_rng(0)
    surface = np.zeros((64, 64), np.uint8)
    surface[:, 32:] = int(Surface.GRASS)
    albedo = np.full((64, 64, 3), 100, np.uint8)
    gains = (np.ones(3, np.float32), np.array([1.2, 1.0, 1.0], np.float32))
    first, second = apply_texture(albedo, surface, draw_grain(rng, 64, 0.25), gains)
    assert (first[:, :32] == second[:, :32]).all()
    assert second[:, 32:, 0].mean() / first[:, 32:, 0].mean() == pytest.approx(1.2, abs=0.02)
