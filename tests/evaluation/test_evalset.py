"""Cities and lists as galleries, against slow geometry."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvgl_core.data.citypack import CityPack
from cvgl_core.data.pairset import PairSet
from cvgl_core.evaluation.errors import arg_max_errors_m
from cvgl_core.evaluation.evalset import CitySet, ListedSet, lattice_corners, tiles_at
from cvgl_core.geo import geodesic_distance_m

PX, GSD_M = 8, 0.5
CARD = SimpleNamespace(aerial_px=PX)


def pack(seed, height=26, width=21, cameras=40):
    rng = np.random.default_rng(seed)
    xy_m = rng.uniform(0, [width * GSD_M, height * GSD_M], (cameras, 2)).astype(np.float32)
    aerial = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    ground = (
        np.full((cameras, 2, 4, 3), seed, np.uint8)
        + np.arange(cameras, dtype=np.uint8)[:, None, None, None]
    )
    return CityPack(f"city-{seed}", aerial, ground, xy_m, GSD_M)


def slow_tiles(city):
    """Corner (row, col) of every tile of a city."""
    height, width = city.aerial.shape[:2]
    return [
        (row, col)
        for row in range(0, height - PX + 1, PX // 2)
        for col in range(0, width - PX + 1, PX // 2)
    ]


@pytest.fixture
def packs():
    return [pack(1), pack(50, height=17, width=30), pack(100)]


def test_tiles_and_views_keep_their_order_over_cities(packs):
    data = CitySet("cities", packs, CARD)
    expected = [city.aerial[r : r + PX, c : c + PX] for city in packs for r, c in slow_tiles(city)]
    assert len(data.tile_side_m) == len(expected)
    assert (data.tile_side_m == PX * GSD_M).all()
    assert (data.tiles(0, len(expected)) == np.stack(expected)).all()
    middle = slice(3, len(expected) - 2)
    assert (data.tiles(3, len(expected) - 2) == np.stack(expected[middle])).all()
    some = np.array([len(expected) - 1, 0, 5])
    assert (tiles_at(data, some) == np.stack([expected[i] for i in some])).all()
    whole = data.views(0, len(data.positive))
    assert (data.views(7, 30) == whole[7:30]).all()


def test_truth_equals_slow_geometry(packs):
    data = CitySet("cities", packs, CARD)
    centres = [
        (i, (col + PX / 2) * GSD_M, (row + PX / 2) * GSD_M)
        for i, city in enumerate(packs)
        for row, col in slow_tiles(city)
    ]
    view = 0
    for i, city in enumerate(packs):
        for number, (x, y) in enumerate(city.xy_m.astype(float)):
            away = {
                tile: max(abs(x - cx), abs(y - cy))
                for tile, (city_of_tile, cx, cy) in enumerate(centres)
                if city_of_tile == i
            }
            nearest = min(away, key=away.get)
            if away[nearest] > PX * GSD_M / 4:
                continue
            assert data.views(view, view + 1)[0, 0, 0, 0] == city.ground[number, 0, 0, 0]
            assert data.positive[view] == nearest
            others = {t for t, d in away.items() if d < PX * GSD_M / 2 and t != nearest}
            assert set(data.semi_positive[view].tolist()) - {-1} == others
            offset = data.offset_m(np.array([view]), np.array([nearest]))[0]
            assert offset == pytest.approx([x - centres[nearest][1], centres[nearest][2] - y])
            view += 1
    assert view == len(data.positive)


def test_cities_are_infinitely_far_apart_and_share_no_cell(packs):
    data = CitySet("cities", packs, CARD)
    first_city = len(slow_tiles(packs[0]))
    assert data.positive[0] < first_city
    offset = data.offset_m(np.array([0, 0]), np.array([first_city, data.positive[0]]))
    assert np.isinf(offset[0]).all()
    assert np.isfinite(offset[1]).all()
    gap = np.abs(data.corner_px[:first_city, None] - data.corner_px[None, first_city:])
    assert (gap.max(axis=2) > 1_000_000).all()


def listed(lonlat, side_m, views_lonlat, positive, uv):
    count, queries = len(lonlat), len(positive)
    return PairSet(
        name="a list",
        labels="corrected",
        tile_paths=(),
        tile_lonlat_deg=np.asarray(lonlat, float),
        tile_side_m=np.full(count, side_m),
        view_paths=(),
        view_lonlat_deg=np.asarray(views_lonlat, float),
        positive=np.asarray(positive),
        semi_positive=np.full((queries, 3), -1),
        camera_uv=np.asarray(uv, float),
        ground_elevation_deg=(90.0, -90.0),
        skipped=(),
        tile_listed=(),
        view_listed=(),
    )


def images(pairs):
    pixels = np.arange(len(pairs.tile_side_m), dtype=np.uint8)
    return SimpleNamespace(
        pairs=pairs,
        tile=lambda i: np.full((PX, PX, 3), pixels[i]),
        view=lambda i: np.full((2, 4, 3), i, np.uint8),
    )


@given(st.floats(-70, 70), st.floats(-170, 170))
def test_lattice_neighbours_are_as_far_apart_as_on_the_ground(lat, lon):
    side_m = 70.0
    step_deg = side_m / 2 / 111_320
    east = lon + step_deg / np.cos(np.radians(lat))
    lonlat = np.array([[lon, lat], [east, lat], [lon, lat - step_deg]])
    corners = lattice_corners(lonlat, np.full(3, side_m), 640)
    cell_m = side_m / 640
    for other, axis in ((1, 1), (2, 0)):
        moved = (corners[other] - corners[0]) * cell_m
        truth_m = float(geodesic_distance_m(lon, lat, *lonlat[other]))
        assert moved[axis] == pytest.approx(truth_m, rel=0.012)
        assert abs(moved[1 - axis]) <= cell_m


def test_a_list_with_coordinates():
    pairs = listed([[13.0, 52.0], [13.001, 52.0]], 70.0, [[13.0002, 52.0001]], [0], [[0.7, 0.3]])
    data = ListedSet(images(pairs), CARD)
    assert data.tiles(0, 2)[:, 0, 0, 0].tolist() == [0, 1]
    assert data.views(0, 1).shape == (1, 2, 4, 3)
    east, north = data.offset_m(np.array([0]), np.array([0]))[0]
    assert east == pytest.approx(13.7, abs=0.1)
    assert north == pytest.approx(11.1, abs=0.1)


def test_a_list_without_coordinates_knows_only_the_labelled_tile():
    nowhere = np.full((3, 2), np.nan)
    pairs = listed(nowhere, 64.0, nowhere[:1], [1], [[0.75, 0.5]])
    data = ListedSet(images(pairs), CARD)
    own, other = data.offset_m(np.array([0, 0]), np.array([1, 2]))
    assert own.tolist() == [16.0, 0.0]
    assert np.isinf(other).all()
    apart = np.abs(np.diff(data.corner_px, axis=0)).max(axis=1)
    assert (apart > 10 * PX).all()


@given(st.floats(-8, 8), st.floats(-8, 8), st.integers(0, 15), st.integers(0, 15))
def test_the_arg_max_is_measured_from_the_centre_of_its_pixel(east, north, row, col):
    """A camera at (east, north) of a 16 m tile; the heatmap peaks at one pixel of a metre."""
    camera = SimpleNamespace(
        tile_side_m=np.array([16.0]), offset_m=lambda views, tiles: np.array([[east, north]])
    )
    heatmap = np.zeros((1, 16, 16), np.float32)
    heatmap[0, row, col] = 1.0
    found = arg_max_errors_m(camera, 0, np.array([0]), heatmap)
    assert found[0] == pytest.approx(np.hypot(col - 7.5 - east, 7.5 - row - north))
