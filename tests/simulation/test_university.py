"""The simulated University-1652: read back by the loader of the real one."""

import json
from hashlib import sha256

import cv2
import numpy as np
import pytest

from cvgl_core.data.university1652 import load_task
from cvgl_core.errors import SettingsError
from cvgl_core.photo import read_photo
from cvgl_core.simulation import generate_city
from cvgl_core.simulation.places import choose_places
from cvgl_core.simulation.university import UniversitySpec, cut_tile, write_university

SPEC = UniversitySpec(
    seed=3, places=2, test_places=4, drone_views=3, street_views=2, image_px=24, city_m=280.0
)


@pytest.fixture(scope="module")
def city():
    return generate_city(3, 280.0)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    assert write_university(SPEC, folder) == (2, 4)
    return folder


def test_the_loader_of_the_real_set_reads_it(root):
    street = load_task(root)
    assert len(street.query.paths) == 3 * 2
    assert len(street.gallery.paths) == 4  # a quarter of the places are never asked for
    drone = load_task(root, "drone-satellite", "train")
    assert [path.name for path in drone.query.paths[:3]] == [
        f"image-0{number}.jpeg" for number in (1, 2, 3)
    ]
    assert len(load_task(root, "google-satellite", "train").query.paths) == 2 * 2
    assert not street.query.skipped
    assert read_photo(street.query.paths[0]).rgb.shape == (24, 24, 3)


def test_extra_tiles_and_points(root):
    for side in ("satellite_36m", "satellite_144m"):
        assert (root / "train" / side / "0001/0001.jpg").is_file()
        assert len(list((root / f"test/gallery_{side}").iterdir())) == 4
    assert (root / "train/points/0002/0002.ply").read_bytes().startswith(b"ply\n")


def test_truth_names_every_picture_once(root):
    features = json.loads((root / "truth.geojson").read_text())["features"]
    facts = {f["properties"]["photo"]: f["properties"] for f in features}
    assert len(facts) == len(features)
    written = {str(p.relative_to(root)) for p in root.rglob("*.jp*g")}
    assert set(facts) <= written
    twice = {name.replace("test/query_", "test/gallery_") for name in facts}
    assert set(facts) | twice == written
    web = [f for name, f in facts.items() if name.startswith("train/google")]
    assert sum(f["shows"] != f["place"] for f in web) == 2
    drone = facts["train/drone/0001/image-01.jpeg"]
    assert drone["camera_height_m"] >= 150.0
    assert drone["pitch_deg"] < -40.0


def test_the_same_settings_give_the_same_bytes(root, tmp_path):
    write_university(SPEC, tmp_path)

    def digests(folder):
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        return {str(p.relative_to(folder)): sha256(p.read_bytes()).hexdigest() for p in files}

    assert digests(tmp_path) == digests(root)


def test_places_are_seen_from_the_street(city):
    places = choose_places(city, 5, 3, seed=1, border_m=60.0)
    gsd = city.gsd_m_per_px
    for place in places:
        for x, y, heading in zip(
            place.cameras.x_m, place.cameras.y_m, place.heading_deg, strict=True
        ):
            toward = np.degrees(np.arctan2(place.x_m - x, y - place.y_m))
            assert abs((heading - toward + 180) % 360 - 180) < 40
            steps = np.linspace(0, 1, 2000)
            met = city.ground.building[
                ((y + (place.y_m - y) * steps) / gsd).astype(int),
                ((x + (place.x_m - x) * steps) / gsd).astype(int),
            ]
            walls = met[met > 0]
            # A ray may touch another's corner between two samples of the choice.
            touched = (
                np.hypot(x - place.x_m, y - place.y_m) / 2000 * (walls == walls[0]).sum() < 0.3
            )
            assert walls[0] == place.building or touched
    middles = np.array([(p.x_m, p.y_m) for p in places])
    gaps = np.hypot(*(middles[:, None] - middles[None]).transpose(2, 0, 1))
    assert gaps[~np.eye(len(gaps), dtype=bool)].min(initial=99.0) >= 30.0


def test_a_city_without_such_buildings_is_refused(city):
    with pytest.raises(SettingsError, match="larger"):
        choose_places(city, 5, 3, seed=1, border_m=139.0)
    with pytest.raises(SettingsError, match="at least 1"):
        UniversitySpec(places=0)


def test_tiles_are_the_orthophoto(city):
    tile = cut_tile(city, 100.0, 120.0, 36.0, 144)
    assert np.array_equal(tile, city.ortho[408:552, 328:472])
    coarse = cut_tile(city, 100.0, 120.0, 36.0, 36)
    assert np.array_equal(coarse, cv2.resize(tile, (36, 36), interpolation=cv2.INTER_AREA))
    corner = cut_tile(city, 0.0, 0.0, 20.0, 80)
    assert (corner[:40] == 0).all()
    assert np.array_equal(corner[40:, 40:], city.ortho[:40, :40])
    assert (cut_tile(city, -500.0, 0.0, 20.0, 80) == 0).all()
