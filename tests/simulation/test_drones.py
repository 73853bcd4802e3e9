"""Flights, and pictures from the air against closed-form geometry."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cvgl_core.simulation.drones import nadir_flight, photograph, spiral_flight
from cvgl_core.simulation.render import StreetRenderer
from cvgl_core.simulation.sight import DRONE_SIGHT

FOV_DEG, SIDE_PX = 60.0, 96
RED = (235, 20, 20)


@pytest.fixture(scope="module")
def scene():
    """The crossroads, with a red square of 6 m on the level ground 14 m east, 10 m north of it."""
    path = Path(__file__).with_name("test_render.py")
    spec = importlib.util.spec_from_file_location("crossroads_scene", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    plain = module.crossroads(trees=False, car=False)
    albedo = plain.albedo.copy()
    gsd = plain.gsd_m_per_px
    albedo[round(47 / gsd) : round(53 / gsd), round(71 / gsd) : round(77 / gsd)] = RED
    return replace(plain, albedo=albedo)


@pytest.fixture(scope="module")
def renderer(scene):
    return StreetRenderer(scene, sight=DRONE_SIGHT)


def red_at(picture):
    """Middle of the red square in fractions of the side, right and down."""
    red = picture[..., 0].astype(int) - picture[..., 1:].max(axis=2) > 60
    assert red.sum() >= 4
    row, col = np.nonzero(red)
    return (np.array([col.mean(), row.mean()]) + 0.5) / len(picture)


def test_the_spiral_comes_down_in_three_rounds_looking_at_the_point(scene):
    flight = spiral_flight(scene, 60.0, 60.0, aim_m=5.0, heights_m=(90.0, 50.0))
    cameras = flight.cameras
    assert len(flight) == 54
    assert cameras.height_m[[0, -1]].tolist() == [90.0, 50.0]
    assert (np.diff(cameras.height_m) < 0).all()
    east, south = 60.0 - cameras.x_m, 60.0 - cameras.y_m
    assert np.hypot(east, south) == pytest.approx(cameras.height_m - 5.0, rel=1e-4)
    toward = np.degrees(np.arctan2(east, -south)) % 360.0
    gap = (flight.heading_deg - toward + 180.0) % 360.0 - 180.0
    assert np.abs(gap).max() < 0.01
    assert flight.pitch_deg == pytest.approx(-45.0, abs=1e-3)
    assert (flight.heading_deg[18] - flight.heading_deg[0]) % 360.0 == pytest.approx(0.0, abs=1e-3)


def test_roofs_are_kept_clear_of(scene):
    over_tower = nadir_flight(scene, 87.0, 87.0, np.array([20.0, 60.0]))
    assert over_tower.cameras.height_m.tolist() == [38.0, 60.0]
    beside = nadir_flight(scene, 60.0, 60.0, np.array([20.0]))
    assert beside.cameras.height_m.tolist() == [20.0]


@pytest.mark.parametrize(("heading_deg", "turned"), [(0.0, (14.0, -10.0)), (90.0, (-10.0, -14.0))])
def test_straight_down(scene, renderer, heading_deg, turned):
    """At nadir the picture is a map; its upper edge looks along the heading."""
    height_m = 50.0
    flight = nadir_flight(scene, 60.0, 60.0, np.array([height_m]), heading_deg)
    picture = photograph(renderer, flight, FOV_DEG, SIDE_PX, seed=1)[0]
    shown_m = 2 * height_m * np.tan(np.radians(FOV_DEG / 2))
    assert red_at(picture) == pytest.approx(0.5 + np.array(turned) / shown_m, abs=0.015)


def test_oblique(scene, renderer):
    """The middle of an oblique picture is the point; others are where a pinhole puts them."""
    flight = spiral_flight(scene, 74.0, 50.0, aim_m=0.0, views=8, heights_m=(60.0, 60.0))
    first, ahead = photograph(renderer, flight, FOV_DEG, SIDE_PX, seed=2)[[0, 4]]
    for picture in (first, ahead):
        assert red_at(picture) == pytest.approx([0.5, 0.5], abs=0.02)
    flight = spiral_flight(scene, 60.0, 50.0, aim_m=0.0, views=1, heights_m=(60.0, 60.0))
    # One camera due north of the point, looking south: what lies 14 m east is on the left.
    picture = photograph(renderer, flight, FOV_DEG, SIDE_PX, seed=2)[0]
    slant_m = 60.0 * np.sqrt(2)
    off = 14.0 / slant_m / (2 * np.tan(np.radians(FOV_DEG / 2)))
    assert red_at(picture) == pytest.approx([0.5 - off, 0.5], abs=0.02)


def test_no_picture_without_a_camera(scene, renderer):
    flight = nadir_flight(scene, 60.0, 60.0, np.empty(0))
    assert photograph(renderer, flight, FOV_DEG, 8, seed=0).shape == (0, 8, 8, 3)


def test_the_same_seed_gives_the_same_bytes(scene, renderer):
    flight = nadir_flight(scene, 60.0, 60.0, np.array([40.0]))
    one, same, other = (photograph(renderer, flight, 60.0, 16, seed) for seed in (3, 3, 4))
    assert (one == same).all()
    assert (one != other).any()
