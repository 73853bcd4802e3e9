"""Cities from OpenStreetMap: tags, a hand-made extract, damaged files, real extracts."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from cvgl_core.errors import SettingsError
from cvgl_core.simulation.city import generate_city
from cvgl_core.simulation.extract import number_of, parse_tags, read_extract
from cvgl_core.simulation.osm import plan_from_osm
from cvgl_core.simulation.plan import BuildingKind, Surface
from cvgl_core.simulation.style import draw_style

DEFAULT = Path(__file__).resolve().parents[2].parent / "shared" / "data"
DATA = Path(os.environ.get("CVGL_SHARED_DATA", DEFAULT)) / "osm"
LON, LAT = 15.6, 48.4
NORTH_M, EAST_M = 111_200.0, 73_900.0  # metres per degree there, near enough


def extract_xml():
    """Return a crossing of two streets, one tall house east of it, a pond and a tree."""
    places = {
        1: (-150, 0), 2: (0, 0), 3: (150, 0), 4: (0, -150), 5: (0, 150),
        10: (20, 20), 11: (50, 20), 12: (50, 40), 13: (20, 40),
        20: (-60, 30), 21: (-30, 30), 22: (-30, 60), 23: (-60, 60), 30: (-40, -40),
    }  # fmt: skip
    ways = [
        (100, [1, 2, 3], {"highway": "residential"}),
        (101, [4, 2, 5], {"highway": "tertiary", "lanes": "2"}),
        (102, [10, 11, 12, 13, 10], {"building": "apartments", "building:levels": "5",
                                     "roof:shape": "flat"}),
        (103, [20, 21, 22, 23, 20], {"natural": "water"}),
    ]  # fmt: skip
    out = ['<?xml version="1.0"?><osm version="0.6">']
    for key, (east, north) in places.items():
        tag = '<tag k="natural" v="tree"/>' if key == 30 else ""
        lon, lat = LON + east / EAST_M, LAT + north / NORTH_M
        out.append(f'<node id="{key}" version="1" lon="{lon:.8f}" lat="{lat:.8f}">{tag}</node>')
    for key, nodes, tags in ways:
        refs = "".join(f'<nd ref="{n}"/>' for n in nodes)
        pairs = "".join(f'<tag k="{k}" v="{v}"/>' for k, v in tags.items())
        out.append(f'<way id="{key}" version="1">{refs}{pairs}</way>')
    return "".join([*out, "</osm>"]).encode()


@pytest.fixture(scope="module")
def crossing(tmp_path_factory):
    path = tmp_path_factory.mktemp("osm") / "crossing.osm.gz"
    path.write_bytes(gzip.compress(extract_xml()))
    return path


def test_tags_are_unescaped():
    text = '"height"=>"9.2","name"=>"a \\"b\\", c","x"=>""'
    assert parse_tags(text) == {"height": "9.2", "name": 'a "b", c', "x": ""}
    assert parse_tags("") == {}


@pytest.mark.parametrize(
    ("text", "value"), [("12", 12), ("12.5 m", 12.5), ("", None), ("1e9", 1), ("900", None)]
)
def test_numbers_come_from_free_text_within_bounds(text, value):
    assert number_of({"height": text}, "height", 1, 400) == value


def test_plan_follows_the_map(crossing):
    rng = np.random.default_rng(0)
    placed = plan_from_osm(crossing, rng, draw_style(rng), 200.0)
    assert placed.crs == "EPSG:32633"
    (house,) = placed.plan.buildings
    assert house.kind == BuildingKind.MIDRISE and house.height_m == pytest.approx(16.6)
    size = np.ptp(house.parts[0].polygon, axis=0)
    np.testing.assert_allclose(size, [30, 20], atol=0.5)
    # the square is centred on the houses, so the crossing lies 35 m west and 30 m south of it
    centre = house.parts[0].polygon.mean(axis=0)
    np.testing.assert_allclose(centre, [100, 100], atol=40)
    surfaces = [area.surface for area in placed.plan.areas]
    assert Surface.WATER in surfaces and surfaces.count(Surface.ROAD) == 2
    offset = placed.plan.trees[:, :2] - centre - np.array([-75, 70])
    assert np.hypot(*offset.T).min() < 1.5


def test_city_from_a_map_is_the_same_twice(crossing):
    first, second = (generate_city(3, 200.0, 0.5, osm=crossing) for _ in range(2))
    assert first.ortho.tobytes() == second.ortho.tobytes()
    assert first.ground.albedo.tobytes() == second.ground.albedo.tobytes()
    assert first.ground.walkable.mean() > 0.02
    assert first.ground.height_m.max() > 16


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.osm", None),
        ("text.osm", b"hello"),
        ("cut.osm.gz", gzip.compress(b"<osm></osm>" * 99, mtime=0)[:-12]),
        ("plain.osm.gz", b"not gzip"),
        ("broken.osm.pbf", b"\x00\x00\x00\x0dgarbage"),
        ("empty.osm", b'<?xml version="1.0"?><osm version="0.6"></osm>'),
        ("cut.osm", extract_xml()[:700]),
    ],
    ids=["missing", "text", "cut-gzip", "not-gzip", "broken-pbf", "empty", "cut-xml"],
)
def test_bad_extracts_say_what_to_do(tmp_path, name, content):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=name):
        read_extract(path, 200.0)


@pytest.mark.parametrize("name", ["krems.osm.gz", "helsinki.osm.pbf", "moscow.osm.gz"])
def test_real_extracts_make_towns(name):
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"no real extract at {path}: set CVGL_SHARED_DATA")
    city = generate_city(1, 250.0, 1.0, osm=path)
    assert len(city.ground.buildings.kind) > 5
    assert city.ground.walkable.mean() > 0.02
