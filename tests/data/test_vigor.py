"""VIGOR as it lies on disk: three layouts, two kinds of labels, and what can be wrong."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from cvgl_core.data.vigor import _share, find_layout, load_vigor
from cvgl_core.data.vigor_labels import VigorRow, VigorTiles, fitting_rows
from cvgl_core.data.webmercator import metres_per_px
from cvgl_core.errors import DatasetError
from tests.data.make_vigor import CITIES, WORLD_M_PER_PX, make_vigor, to_degrees, to_mercator

LAYOUTS = ("original", "ccvpe", "sample4geo")


@pytest.fixture(scope="module")
def copies(tmp_path_factory) -> dict[str, Path]:
    """One copy in each layout; tests only read them."""
    folder = tmp_path_factory.mktemp("vigor")
    for layout in LAYOUTS:
        make_vigor(folder / layout, layout, tile_px=32, panorama_px=32)
    return {layout: folder / layout for layout in LAYOUTS}


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    made = make_vigor(tmp_path_factory.mktemp("truth"), tile_px=32, panorama_px=32)
    return {panorama.name: panorama for panorama in made}


@pytest.fixture
def copy(copies, tmp_path) -> Path:
    """A copy of the original layout to damage."""
    shutil.copytree(copies["original"], tmp_path / "vigor")
    return tmp_path / "vigor"


def label_file(root: Path, city: str = "Chicago", name: str = "pano_label_balanced") -> Path:
    return root / "splits__corrected" / city / f"{name}__corrected.txt"


def edit_line(path: Path, line: int, change: Callable[[list[str]], list[str]]) -> None:
    """Change the words of one line, counted from 1."""
    lines = path.read_text().splitlines()
    lines[line - 1] = " ".join(change(lines[line - 1].split()))
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_told_and_gives_the_same_pairs(copies, layout):
    assert find_layout(copies[layout]).name == layout
    pairs = load_vigor(copies[layout], "cross", "test")
    expected = load_vigor(copies["original"], "cross", "test")
    assert [path.name for path in pairs.tile_paths] == [p.name for p in expected.tile_paths]
    assert [path.name for path in pairs.view_paths] == [p.name for p in expected.view_paths]
    assert np.array_equal(pairs.camera_uv, expected.camera_uv)
    assert all(path.is_file() for path in pairs.tile_paths + pairs.view_paths)


def test_the_folder_above_is_found_too(copies, tmp_path):
    shutil.copytree(copies["ccvpe"], tmp_path / "VIGOR")
    assert find_layout(tmp_path).root == tmp_path / "VIGOR"


@pytest.mark.parametrize(
    ("protocol", "split", "cities"),
    [
        ("same", "train", set(CITIES)),
        ("same", "test", set(CITIES)),
        ("cross", "train", {"NewYork", "Seattle"}),
        ("cross", "test", {"Chicago", "SanFrancisco"}),
    ],
)
def test_the_gallery_is_every_tile_of_the_cities(copies, protocol, split, cities):
    pairs = load_vigor(copies["original"], protocol, split)
    assert pairs.name == f"VIGOR {protocol}-area {split}"
    assert {path.parent.parent.name for path in pairs.tile_paths} == cities
    assert len(pairs.tile_paths) == 5 * len(cities)
    without_panorama = set(range(len(pairs.tile_paths))) - set(pairs.positive)
    assert len(without_panorama) >= len(cities)
    assert pairs.skipped == ()


@pytest.mark.parametrize("protocol", ["same", "cross"])
def test_training_and_validation_share_the_training_list(copies, protocol):
    parts = {
        split: {path.name for path in load_vigor(copies["original"], protocol, split).view_paths}
        for split in ("train", "val", "test")
    }
    assert not parts["train"] & parts["val"]
    assert not (parts["train"] | parts["val"]) & parts["test"]
    name, cities = {
        "same": ("same_area_balanced_train", CITIES),
        "cross": ("pano_label_balanced", ("NewYork", "Seattle")),
    }[protocol]
    listed = {
        line.split()[0]
        for city in cities
        for line in label_file(copies["original"], city, name).read_text().splitlines()
    }
    assert parts["train"] | parts["val"] == listed
    assert 0 < len(parts["val"]) < len(parts["train"])


def test_a_fifth_is_for_validation():
    rows = [VigorRow("", Path(f"{n},41.0,-87.0,.jpg"), (0, 0), (0,), (0, 0)) for n in range(5000)]
    validation = _share(rows, "val")
    assert abs(len(validation) - 1000) < 60
    assert len(_share(rows, "train")) + len(validation) == 5000


def test_a_missing_panorama_does_not_move_others_between_parts(copy):
    before = {path.name for path in load_vigor(copy, "cross", "val").view_paths}
    gone = load_vigor(copy, "cross", "train").view_paths[0]
    gone.unlink()
    assert {path.name for path in load_vigor(copy, "cross", "val").view_paths} == before


def test_labels_agree_with_the_coordinates_by_geodesics(copies):
    """Second implementation: distance and azimuth on the ellipsoid from tile to camera."""
    pairs = load_vigor(copies["original"], "same", "train")
    tile = pairs.tile_lonlat_deg[pairs.positive]
    azimuth, _, distance = Geod(ellps="WGS84").inv(*tile.T, *pairs.view_lonlat_deg.T)
    east, south = (
        distance * np.sin(np.radians(azimuth)),
        -distance * np.cos(np.radians(azimuth)),
    )
    from_labels = (pairs.camera_uv - 0.5) * pairs.tile_side_m[pairs.positive, None]
    assert np.abs(from_labels - np.stack([east, south], axis=1)).max() < 0.15
    assert np.abs(from_labels).max() > 15.0


def test_a_label_by_hand(copy):
    """d_row 64 is a tenth of the side south of the centre, d_col -128 a fifth east of it."""
    path = label_file(copy)
    line = path.read_text().splitlines()[0].split()
    lat, lon = (float(word) for word in line[1][:-4].split("_")[1:])
    x, y = to_mercator(lon, lat)
    camera_lon, camera_lat = to_degrees(x + 128 * WORLD_M_PER_PX, y - 64 * WORLD_M_PER_PX)
    name = f"hand,{camera_lat:.7f},{camera_lon:.7f},.jpg"
    (copy / "Chicago" / "panorama" / name).write_bytes(b"")
    path.write_text(" ".join([name, line[1], "64", "-128", *line[4:]]) + "\n")
    pairs = load_vigor(copy, "cross", "test")
    assert pairs.view_paths[0].name == name
    assert np.allclose(pairs.camera_uv[0], [0.7, 0.6])
    assert pairs.view_lonlat_deg[0, 0] > pairs.tile_lonlat_deg[pairs.positive[0], 0]
    assert pairs.view_lonlat_deg[0, 1] < pairs.tile_lonlat_deg[pairs.positive[0], 1]


def test_positives_and_semi_positives_are_those_of_the_line(copies, truth):
    pairs = load_vigor(copies["ccvpe"], "same", "test")
    for index, path in enumerate(pairs.view_paths):
        tiles = [pairs.positive[index], *pairs.semi_positive[index]]
        assert [pairs.tile_paths[tile].name for tile in tiles] == truth[path.name].tiles


@pytest.mark.parametrize(
    ("lat", "m_per_px"),
    [(41.877, 0.111163), (40.735, 0.113104), (47.61, 0.100683), (37.77, 0.1180)],
    ids=["Chicago", "NewYork", "Seattle", "SanFrancisco"],
)
def test_metres_per_pixel_come_from_the_latitude(lat, m_per_px):
    assert metres_per_px(lat, 20) == pytest.approx(m_per_px, rel=1e-3)
    assert metres_per_px(lat, 20) == pytest.approx(156543.034 * np.cos(np.radians(lat)) / 2**20)


def test_tiles_have_the_side_of_their_latitude(copies):
    pairs = load_vigor(copies["original"], "same", "test")
    expected = 640 * 156543.034 / 2**20 * np.cos(np.radians(pairs.tile_lonlat_deg[:, 1]))
    assert np.allclose(pairs.tile_side_m, expected)
    assert np.ptp(pairs.tile_side_m) > 10.0


def test_original_labels_are_loaded_with_a_warning(copies, caplog):
    with caplog.at_level(logging.WARNING):
        original = load_vigor(copies["original"], "cross", "train", labels="original")
    corrected = load_vigor(copies["original"], "cross", "train")
    assert (original.labels, corrected.labels) == ("original", "corrected")
    assert len(original.view_paths) == len(corrected.view_paths)
    assert "original labels are more than 3 px off" in caplog.text
    assert "Seattle" in caplog.text
    seattle = ["Seattle" in path.name for path in original.view_paths]
    ratio = (original.camera_uv - 0.5)[seattle] / (corrected.camera_uv - 0.5)[seattle]
    assert np.allclose(ratio, 0.100683 / 0.114, atol=1e-3)


def test_original_labels_do_not_pass_for_corrected_ones(tmp_path):
    root = tmp_path / "copy"
    make_vigor(root, "sample4geo", tile_px=8, panorama_px=8, plain_labels="original")
    with pytest.raises(DatasetError, match=r"Seattle.*not the corrected labels"):
        load_vigor(root, "cross", "train")
    assert len(load_vigor(root, "cross", "train", labels="original").view_paths) > 0


def test_missing_kinds_of_labels_are_said(copy):
    shutil.rmtree(copy / "splits__corrected")
    with pytest.raises(DatasetError, match=r"no corrected labels: there is no splits__corrected/"):
        load_vigor(copy, "same", "test")
    shutil.rmtree(copy / "splits")
    with pytest.raises(DatasetError, match="no original labels"):
        load_vigor(copy, "same", "test", labels="original")


def test_not_a_copy(tmp_path):
    with pytest.raises(DatasetError, match="not a copy of VIGOR"):
        load_vigor(tmp_path, "same", "test")


READINGS = {
    "north": lambda row, col: (-row, col),
    "east": lambda row, col: (row, -col),
    "both": lambda row, col: (-row, -col),
    "swapped": lambda row, col: (col, row),
    "swapped-north": lambda row, col: (-col, row),
    "swapped-east": lambda row, col: (col, -row),
    "swapped-both": lambda row, col: (-col, -row),
}


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("labels", ["corrected", "original"])
def test_mis_signed_labels_are_refused(copy, reading, labels):
    path = label_file(copy) if labels == "corrected" else copy / "splits/Chicago/x"
    if labels == "original":
        path = path.with_name("pano_label_balanced.txt")
    lines = []
    for line in path.read_text().splitlines():
        words = line.split()
        for at in (2, 5, 8, 11):
            pair = READINGS[reading](float(words[at]), float(words[at + 1]))
            words[at : at + 2] = map(str, pair)
        lines.append(" ".join(words))
    path.write_text("\n".join(lines))
    with pytest.raises(DatasetError, match="mis-signed labels: read as") as caught:
        load_vigor(copy, "cross", "test", labels=labels)
    assert str(path) in str(caught.value)


def _empty(root: Path) -> None:
    label_file(root).write_text("\n\n")


def _no_list(root: Path) -> None:
    label_file(root).unlink()


def _binary(root: Path) -> None:
    label_file(root).write_bytes(b"\xff\xfe\x00\x01" * 10)


def _no_tile_list(root: Path) -> None:
    (root / "splits/Chicago/satellite_list.txt").unlink()


def _absent_tile(root: Path) -> None:
    next((root / "Chicago/satellite").iterdir()).unlink()


def _no_panoramas(root: Path) -> None:
    for path in (root / "Chicago/panorama").iterdir():
        path.unlink()


def _no_city(root: Path) -> None:
    shutil.rmtree(root / "Chicago")


def _escaping_tile(root: Path) -> None:
    path = root / "splits/Chicago/satellite_list.txt"
    path.write_text("../panorama/x.png\n" + path.read_text())


def _nameless_tile(root: Path) -> None:
    path = root / "splits/Chicago/satellite_list.txt"
    path.write_text(path.read_text() + "tile.png\n")
    (root / "Chicago/satellite/tile.png").write_bytes(b"")


def _edited(line: int, change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    return lambda root: edit_line(label_file(root), line, change)


BAD = {
    "twelve-words": (_edited(3, lambda w: w[:-1]), r"__corrected\.txt:3: 12 words, not 13"),
    "unlisted-tile": (
        _edited(2, lambda w: [*w[:4], "satellite_41.0_-87.0.png", *w[5:]]),
        r"__corrected\.txt:2: satellite_41\.0_-87\.0\.png is not in the city's satellite_list",
    ),
    "no-number": (_edited(4, lambda w: [*w[:2], "x", *w[3:]]), r":4: d_row and d_col must be numb"),
    "nan": (_edited(4, lambda w: [*w[:2], "nan", *w[3:]]), r":4: d_row and d_col must be finite"),
    "empty": (_empty, r"pano_label_balanced__corrected\.txt: empty"),
    "no-list": (_no_list, r"pano_label_balanced__corrected\.txt: no such file"),
    "binary": (_binary, r"pano_label_balanced__corrected\.txt: cannot be read as text"),
    "no-tile-list": (_no_tile_list, r"splits/Chicago/satellite_list\.txt: no such file"),
    "absent-tile": (_absent_tile, r"satellite_list\.txt:\d: satellite_.*\(1 of 5 listed tiles"),
    "no-panoramas": (_no_panoramas, r"none of its rows can be used; the first: .*:1: pano-"),
    "no-city": (_no_city, r"Chicago/satellite: no such folder"),
    "escaping-tile": (_escaping_tile, r"satellite_list\.txt:1: \.\./panorama/x\.png is not in"),
    "nameless-tile": (_nameless_tile, r"satellite_list\.txt:6: the name 'tile\.png' does not"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_broken_is_named(copy, case):
    damage, message = BAD[case]
    damage(copy)
    with pytest.raises(DatasetError, match=message):
        load_vigor(copy, "cross", "test")


def test_a_panorama_whose_name_has_no_place(copy):
    (copy / "Chicago/panorama/plain.jpg").write_bytes(b"")
    edit_line(label_file(copy), 1, lambda words: ["plain.jpg", *words[1:]])
    with pytest.raises(DatasetError, match=r":1: the name 'plain\.jpg' does not state latitude"):
        load_vigor(copy, "cross", "test")


def _off_tile(root: Path) -> None:
    edit_line(label_file(root), 2, lambda words: [*words[:2], "320", *words[3:]])


def _off_by_five(root: Path) -> None:
    edit_line(label_file(root), 2, lambda w: [*w[:2], str(float(w[2]) + 5.0), *w[3:]])


def _twice(root: Path) -> None:
    lines = label_file(root).read_text().splitlines()
    label_file(root).write_text("\n".join([lines[0], *lines]))


def _absent_panorama(root: Path) -> None:
    name = label_file(root).read_text().splitlines()[1].split()[0]
    (root / "Chicago/panorama" / name).unlink()


def _tile_twice(root: Path) -> None:
    path = root / "splits/Chicago/satellite_list.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *lines]))


SKIPPED = {
    "off-the-tile": (_off_tile, 1, "is not on its tile"),
    "off-the-coordinates": (_off_by_five, 1, "px off the coordinates in the names"),
    "listed-twice": (_twice, 0, "is listed twice"),
    "absent": (_absent_panorama, 1, "is not in"),
    "tile-listed-twice": (_tile_twice, 0, "is listed twice"),
}


@pytest.mark.parametrize("case", SKIPPED)
def test_what_can_be_left_out_is_counted(copy, case):
    damage, lost, reason = SKIPPED[case]
    count = len(load_vigor(copy, "cross", "test").view_paths)
    damage(copy)
    pairs = load_vigor(copy, "cross", "test")
    assert len(pairs.view_paths) == count - lost
    assert len(pairs.tile_paths) == 10
    (failure,) = pairs.skipped
    assert reason in failure.message
    assert failure.item.endswith(".txt:2")
    assert (failure.error, failure.exit_code) == ("DatasetError", DatasetError.exit_code)


@settings(max_examples=200, deadline=None)
@given(
    lat=st.floats(-70, 70),
    lon=st.floats(-179, 179),
    south_px=st.floats(-319, 319),
    west_px=st.floats(-319, 319),
)
def test_true_labels_fit_anywhere_on_earth(lat, lon, south_px, west_px):
    """A camera placed by PROJ's Web Mercator gets back the label it was placed by."""
    x, y = to_mercator(lon, lat)
    place = to_degrees(x - west_px * WORLD_M_PER_PX, y - south_px * WORLD_M_PER_PX)
    tiles = VigorTiles({}, [Path("t")], ["list:1"], np.array([[lon, lat]]), [])
    row = VigorRow("labels:1", Path("p"), place, (0, 0, 0, 0), (south_px, west_px))
    kept, skipped = fitting_rows(Path("labels"), [row], tiles, "corrected")
    assert kept == [row]
    assert not skipped
    wrong = VigorRow("labels:1", Path("p"), place, (0, 0, 0, 0), (south_px + 4.0, west_px))
    try:
        assert not fitting_rows(Path("labels"), [wrong], tiles, "corrected")[0]
    except DatasetError as error:
        assert "mis-signed" in str(error)
