"""The files of a simulated city, read back through other doors."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Geod, Transformer

from cvgl_core.errors import OutputError
from cvgl_core.photo import read_photo
from cvgl_core.simulation.render import StreetRenderer
from cvgl_core.simulation.scene import Cameras, City
from cvgl_core.simulation.writer import write_city
from cvgl_core.types import Projection

EAST_M, NORTH_M = 392_800.0, 5_819_900.0
PHOTOS = 6


@pytest.fixture(scope="module")
def city() -> City:
    path = Path(__file__).with_name("test_render.py")
    spec = importlib.util.spec_from_file_location("crossroads_scene", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ground = module.crossroads()
    return City(
        seed=7,
        crs="EPSG:32633",
        origin_e_m=EAST_M,
        origin_n_m=NORTH_M,
        gsd_m_per_px=ground.gsd_m_per_px,
        ortho=ground.albedo,
        dsm_m=ground.height_m + np.float32(34.5),
        ground=ground,
    )


@pytest.fixture(scope="module")
def folder(city, tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("city") / "made" / "here"
    write_city(city, target, PHOTOS, seed=3)
    return target


@pytest.fixture(scope="module")
def features(folder) -> list[dict]:
    content = json.loads((folder / "truth.geojson").read_text())
    assert content["type"] == "FeatureCollection"
    return content["features"]


def test_rasters_lie_where_the_city_does(city, folder):
    with rasterio.open(folder / "ortho.tif") as ortho:
        assert ortho.crs.to_epsg() == 32633
        assert (ortho.transform.c, ortho.transform.f) == (EAST_M, NORTH_M)
        assert ortho.res == (0.25, 0.25)
        assert ortho.block_shapes[0] == (256, 256) and ortho.compression.name == "deflate"
        assert np.array_equal(np.moveaxis(ortho.read(), 0, 2), city.ortho)
    with rasterio.open(folder / "dsm.tif") as dsm:
        assert dsm.dtypes == ("float32",)
        assert np.array_equal(dsm.read(1), city.dsm_m)


def test_the_truth_names_every_photo_inside_the_city(folder, features):
    assert [f["properties"]["photo"] for f in features] == [
        f"photos/{i:04d}.jpg" for i in range(PHOTOS)
    ]
    assert all((folder / f["properties"]["photo"]).is_file() for f in features)
    to_grid = Transformer.from_crs("EPSG:4326", "EPSG:32633", always_xy=True)
    for feature in features:
        x, y = to_grid.transform(*feature["geometry"]["coordinates"])
        assert EAST_M + 40 <= x <= EAST_M + 80
        assert NORTH_M - 80 <= y <= NORTH_M - 40
        assert 1.2 <= feature["properties"]["camera_height_m"] <= 3.0


def test_photos_say_what_the_truth_says_but_for_the_place(folder, features):
    for index, feature in enumerate(features):
        truth = feature["properties"]
        said = read_photo(folder / truth["photo"]).metadata
        turn = (said.heading_deg - truth["heading_deg"] + 180) % 360 - 180
        assert abs(turn) < 0.01
        assert said.projection == truth["projection"]
        if index == 4:
            assert said.projection is Projection.PERSPECTIVE
            assert said.fov_deg == pytest.approx(truth["fov_deg"], abs=0.05)
            assert (said.width_px, said.height_px) == (960, 720)
        else:
            assert (said.width_px, said.height_px) == (1024, 256)
            assert (said.pano_full_width_px, said.pano_full_height_px) == (1024, 512)
            assert (said.pano_left_px, said.pano_top_px) == (0, 128)
            assert truth["fov_deg"] == 360
        lon, lat = feature["geometry"]["coordinates"]
        off_m = Geod(ellps="WGS84").inv(lon, lat, said.exif_lon, said.exif_lat)[2]
        assert 14.5 < off_m < 40.5


def test_the_centre_of_a_panorama_looks_along_its_heading(city, folder, features):
    """Rendered anew as a pinhole view at the true heading minus the convergence by pyproj."""
    feature = features[0]
    truth = feature["properties"]
    lon, lat = feature["geometry"]["coordinates"]
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32633", always_xy=True).transform(lon, lat)
    up = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True).transform(x, y + 5)
    convergence = Geod(ellps="WGS84").inv(lon, lat, *up)[0]
    assert abs(convergence) > 0.5  # or the test could not tell
    values = (x - EAST_M, NORTH_M - y, truth["camera_height_m"])
    camera = Cameras(*(np.array([value], np.float32) for value in values))
    photo = read_photo(folder / truth["photo"]).rgb.astype(float)
    part = photo[88:168, 512 - 64 : 512 + 64].mean(axis=2)  # 45 degrees wide, 28 high

    renderer = StreetRenderer(city.ground)

    def gap(turn_deg: float) -> float:
        heading = np.array([truth["heading_deg"] - convergence + turn_deg])
        view = renderer.perspective(camera, heading, 50.0, 0.0, 512, 512, 3)
        view = view[0].numpy().astype(float).mean(axis=2)
        rows, cols = np.mgrid[0:80, 0:128]
        azimuth = np.radians((cols + 0.5 - 64) * 360 / 1024)
        elevation = np.radians(-(rows + 0.5 - 40) * 360 / 1024)
        focal = 256 / np.tan(np.radians(25))
        u = 256 + focal * np.tan(azimuth)
        v = 256 - focal * np.tan(elevation) / np.cos(azimuth)
        seen = view[v.astype(int), u.astype(int)]
        return float(np.abs((seen - seen.mean()) - (part - part.mean())).mean())

    assert gap(0.0) < 0.7 * min(gap(-3.0), gap(3.0))


def test_the_same_seed_gives_the_same_bytes(city, folder, tmp_path):
    write_city(city, tmp_path, PHOTOS, seed=3)
    for path in sorted(folder.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / path.relative_to(folder)).read_bytes(), path.name


def test_no_photos_are_fine_and_progress_is_told(city, tmp_path):
    told = []
    write_city(city, tmp_path, 0, progress=lambda *step: told.append(step))
    assert json.loads((tmp_path / "truth.geojson").read_text())["features"] == []
    assert told[-1][1] == told[-1][2] == 2


def test_a_folder_that_cannot_be_made_is_an_output_error(city, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file"):
        write_city(city, tmp_path / "file" / "below", 0)
