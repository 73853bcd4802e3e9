"""The foreign look: deterministic, different from the plain one, and leaning as it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shapely.geometry import LineString, Polygon
from shapely.ops import unary_union

from cvgl_core.errors import SettingsError
from cvgl_core.simulation import generate_city
from cvgl_core.simulation.cameras import sample_cameras
from cvgl_core.simulation.canvas import new_canvas
from cvgl_core.simulation.foreign_style import draw_foreign_style
from cvgl_core.simulation.plan import Building, BuildingKind, Part, RoofKind, Surface
from cvgl_core.simulation.radial import draw_radial_layout
from cvgl_core.simulation.render import StreetRenderer
from cvgl_core.simulation.shadow import Sun
from cvgl_core.simulation.survey import Flight, Photographer, Survey, draw_survey

SIZE_M = 200.0
ROOF, STREET = (200, 40, 40), (90, 90, 90)


@pytest.fixture(scope="module")
def city():
    return generate_city(7, SIZE_M, 0.5, look="foreign")


def test_same_seed_gives_the_same_bytes(city):
    again = generate_city(7, SIZE_M, 0.5, look="foreign")
    assert again.ortho.tobytes() == city.ortho.tobytes()
    assert again.ground.albedo.tobytes() == city.ground.albedo.tobytes()
    assert again.ground.trees.rgb.tobytes() == city.ground.trees.rgb.tobytes()


def test_it_is_another_city_than_the_plain_one(city):
    plain = generate_city(7, SIZE_M, 0.5)
    assert np.abs(city.ortho.astype(int) - plain.ortho).mean() > 15
    assert (plain.ground.look, city.ground.look) == ("plain", "foreign")


def test_the_renderer_knows_the_look(city):
    cameras = sample_cameras(city.ground, 3, 1)
    views = [
        StreetRenderer(replace(city.ground, look=look)).panoramas(cameras, 32, 128, 40, -30, 1)
        for look in ("foreign", "foreign", "plain")
    ]
    first, same, plain = (view.numpy().astype(int) for view in views)
    assert (first == same).all()
    assert np.abs(first - plain).mean() > 2


def test_an_unknown_look_is_refused():
    with pytest.raises(SettingsError, match="plain, foreign"):
        generate_city(7, SIZE_M, 0.5, look="martian")


@pytest.mark.parametrize("seed", range(3))
def test_radial_blocks_fill_the_square_without_overlap(seed):
    rng = np.random.default_rng(seed)
    layout = draw_radial_layout(rng, draw_foreign_style(rng), 500.0)
    blocks = [Polygon(block.kerb.points) for block in layout.blocks]
    assert all(block.is_valid for block in blocks)
    together = unary_union(blocks)
    assert together.area == pytest.approx(sum(block.area for block in blocks), rel=1e-6)
    square = Polygon([(0, 0), (500, 0), (500, 500), (0, 500)])
    assert 0.55 < together.intersection(square).area / square.area < 0.92


def test_radial_streets_run_between_the_blocks():
    rng = np.random.default_rng(4)
    layout = draw_radial_layout(rng, draw_foreign_style(rng), 500.0)
    blocks = unary_union([Polygon(layout.warp(b.kerb.points)) for b in layout.blocks]).buffer(-3)
    streets = [LineString(road.points) for road in layout.roads]
    inside_m = sum(blocks.intersection(street).length for street in streets)
    assert inside_m < 0.02 * sum(street.length for street in streets)


@pytest.fixture
def tower():
    """A flat street, 256 m wide, with a tower of 40 m on x 180..200, y 118..138 m."""
    canvas = new_canvas(512, 0.5, Surface.ROAD, STREET)
    window = (slice(236, 276), slice(360, 400))
    canvas.height_m[window] = 40.0
    canvas.building[window] = 1
    ortho = np.full((512, 512, 3), STREET, np.uint8)
    ortho[window] = ROOF
    ring = np.array([[180, 118], [200, 118], [200, 138], [180, 138.0]])
    body = Part(ring, 40.0, RoofKind.FLAT, ROOF)
    building = Building(BuildingKind.TOWER, 40.0, (20.0, 200.0, 20.0), (body,))
    return canvas, ortho, (building,)


def flown(tower, error_m=(0.0, 0.0), height_m=500.0):
    canvas, ortho, buildings = tower
    flight = Flight(np.array([90.0, 128.0]), height_m, np.array(error_m), np.ones(3, np.float32))
    survey = Survey((flight, flight), 0.0, 1e9, 0.0, 0.0)
    sun = Sun(180.0, 45.0)
    return Photographer(survey, canvas, canvas.height_m, buildings, sun).fly(ortho)


def test_roofs_lean_away_from_the_nadir_by_height_over_altitude(tower):
    """Relief displacement: a roof point at distance r from the nadir appears at r H / (H - h)."""
    picture = flown(tower)
    row = picture[256]
    roof = np.flatnonzero((row == ROOF).all(axis=1)) * 0.5
    # the picture at distance p shows height h of what stands at p (1 - h / H)
    stretch = 1.0 / (1.0 - 40.0 / 500.0)
    assert roof.min() == pytest.approx(90 + 90 * stretch, abs=1.0)
    assert roof.max() == pytest.approx(90 + 110 * stretch, abs=1.0)
    wall = np.flatnonzero(row[:, 1] > 1.5 * row[:, 0]) * 0.5
    assert wall.min() == pytest.approx(180.0, abs=1.0)
    assert wall.max() == pytest.approx(roof.min(), abs=2.0)


def test_what_lies_on_the_street_only_moves_by_the_error(tower):
    canvas, ortho, buildings = tower
    ortho = ortho.copy()
    ortho[100:104, 100:104] = (250, 250, 0)
    picture = flown((canvas, ortho, buildings), error_m=(1.5, -1.0))
    rows, cols = np.nonzero((picture == (250, 250, 0)).all(axis=2))
    assert (rows.mean(), cols.mean()) == (101.5 + 2, 101.5 - 3)


@pytest.mark.parametrize("seed", range(5))
def test_flights_are_out_of_place_by_one_to_two_metres(seed):
    survey = draw_survey(np.random.default_rng(seed), 1000.0)
    assert all(1.0 <= np.hypot(*flight.error_m) <= 2.0 for flight in survey.flights)
    x, y = np.meshgrid(np.arange(0, 1000, 10.0), np.arange(0, 1000, 10.0))
    assert 0.15 < survey.second(x, y).mean() < 0.85
