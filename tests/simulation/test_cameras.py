"""Where cameras may stand."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cvgl_core.errors import SettingsError
from cvgl_core.simulation.cameras import sample_cameras
from cvgl_core.simulation.scene import GroundScene


@pytest.fixture(scope="module")
def scene() -> GroundScene:
    path = Path(__file__).with_name("test_render.py")
    spec = importlib.util.spec_from_file_location("crossroads_scene", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.crossroads()


def test_cameras_stand_on_the_street_clear_of_everything(scene):
    cameras = sample_cameras(scene, 400, seed=1, border_m=10.0)
    row = (cameras.y_m / scene.gsd_m_per_px).astype(int)
    col = (cameras.x_m / scene.gsd_m_per_px).astype(int)
    assert scene.walkable[row, col].all()
    assert min(cameras.x_m.min(), cameras.y_m.min()) >= 10
    assert max(cameras.x_m.max(), cameras.y_m.max()) <= 110
    car = np.maximum(abs(cameras.x_m - 53.5) - 0.95, abs(cameras.y_m - 50) - 2.2)
    assert car.min() > 0.7
    trees = scene.trees
    distance = np.hypot(cameras.x_m[:, None] - trees.x_m, cameras.y_m[:, None] - trees.y_m)
    assert distance.min() > trees.radius_m.max()
    assert cameras.height_m.min() >= 1.2 and cameras.height_m.max() <= 3.0
    assert np.ptp(cameras.height_m) > 1.0


def test_the_same_seed_gives_the_same_cameras(scene):
    first, again = (sample_cameras(scene, 50, seed=4, border_m=10.0) for _ in range(2))
    other = sample_cameras(scene, 50, seed=5, border_m=10.0)
    assert np.array_equal(first.x_m, again.x_m) and np.array_equal(first.height_m, again.height_m)
    assert not np.array_equal(first.x_m, other.x_m)


def test_pale_pavements_are_rarer_than_asphalt(scene):
    albedo = scene.albedo.copy()
    albedo[:, :240] = 180  # the western half is a pavement
    cameras = sample_cameras(replace(scene, albedo=albedo), 2000, seed=2, border_m=10.0)
    west = (cameras.x_m < 60).mean()
    assert 0.10 < west < 0.26


def test_no_room_is_said_plainly(scene):
    with pytest.raises(SettingsError, match="border"):
        sample_cameras(scene, 5, seed=0, border_m=70.0)
    with pytest.raises(SettingsError, match="camera places"):
        sample_cameras(replace(scene, walkable=np.zeros_like(scene.walkable)), 5, 0, 10.0)
