"""CVACT as it lies on disk, and what can be wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from pyproj import Transformer

pytest.importorskip("scipy", reason="reads MATLAB files; pip install 'cvgl[cvact]'")

from cvgl_core.data.cvact import load_cvact
from cvgl_core.errors import DatasetError, MissingDependencyError
from tests.data.make_cvact import TEST, TRAIN, UTM_M, VAL, make_cvact, write_table


@pytest.fixture
def copy(tmp_path) -> Path:
    make_cvact(tmp_path, tile_px=16, panorama_px=32)
    return tmp_path


def numbers(paths: tuple[Path, ...]) -> list[int]:
    return [int(path.name[4:6]) for path in paths]


@pytest.mark.parametrize(
    ("split", "folder", "expected"),
    [
        ("train", "ANU_data_small", TRAIN),
        ("val", "ANU_data_small", VAL),
        ("test", "ANU_data_test", TEST),
    ],
)
def test_each_split_is_read(copy, split, folder, expected):
    pairs = load_cvact(copy, split)
    assert (pairs.name, pairs.labels, pairs.skipped) == (f"CVACT {split}", "centre", ())
    assert numbers(pairs.tile_paths) == numbers(pairs.view_paths) == list(expected)
    assert all(path.is_file() for path in pairs.tile_paths + pairs.view_paths)
    assert {path.parts[-3] for path in pairs.tile_paths} == {folder}
    assert (pairs.camera_uv == 0.5).all()
    assert (pairs.semi_positive == -1).all()


@pytest.mark.parametrize("split", ["val", "test"])
def test_coordinates_are_zone_55_south(copy, split):
    pairs = load_cvact(copy, split)
    steps = np.array(numbers(pairs.view_paths))[:, None]
    back = Transformer.from_crs("EPSG:4326", "EPSG:32755", always_xy=True)
    utm_m = np.stack(back.transform(*pairs.view_lonlat_deg.T), axis=1)
    assert np.allclose(utm_m, UTM_M + steps * [40.0, -25.0], atol=1e-3)
    assert np.allclose(pairs.view_lonlat_deg, [149.13, -35.29], atol=0.05)
    side_m = 1200 * 156543.034 / 2**20 * np.cos(np.radians(pairs.view_lonlat_deg[:, 1]))
    assert np.allclose(pairs.tile_side_m, side_m)


def test_a_missing_image_is_counted(copy):
    pairs = load_cvact(copy, "train")
    pairs.view_paths[1].unlink()
    pairs.tile_paths[4].unlink()
    pairs = load_cvact(copy, "train")
    assert numbers(pairs.view_paths) == [0, 2, 3, 5]
    assert pairs.skipped[0].item.endswith("ACT_data.mat:panoIds(2)")
    assert "_grdView.jpg is not in" in pairs.skipped[0].message
    assert "_satView_polish.jpg is not in" in pairs.skipped[1].message


def test_half_a_test_pair_is_counted(copy):
    load_cvact(copy, "test").tile_paths[0].unlink()
    pairs = load_cvact(copy, "test")
    assert numbers(pairs.view_paths) == list(TEST)[1:]
    assert "_satView_polish.jpg is not in" in pairs.skipped[0].message


def test_a_test_pair_that_the_table_lacks_has_no_place(copy):
    ids = [f"pano{number:02d}-AbC_{number:010d}" for number in range(12)]
    write_table(copy / "ACT_data.mat", ids, np.tile(UTM_M, (12, 1)))
    places = load_cvact(copy, "test").view_lonlat_deg
    assert np.isfinite(places[:2]).all()
    assert np.isnan(places[2:]).all()


def test_a_pair_listed_twice_is_counted(copy):
    ids = [f"pano{number:02d}-AbC_{number:010d}" for number in range(10)]
    ids[3] = ids[2]
    write_table(copy / "ACT_data.mat", ids, np.tile(UTM_M, (10, 1)))
    pairs = load_cvact(copy, "train")
    assert len(pairs.view_paths) == len(TRAIN) - 1
    assert "is listed twice" in pairs.skipped[0].message


IDS = [f"pano{number:02d}-AbC_{number:010d}" for number in range(15)]
UTM = np.tile(UTM_M, (15, 1))


def _no_table(root: Path) -> None:
    (root / "ACT_data.mat").unlink()


def _damaged(root: Path) -> None:
    path = root / "ACT_data.mat"
    path.write_bytes(path.read_bytes()[:300])


def _not_matlab(root: Path) -> None:
    (root / "ACT_data.mat").write_bytes(b"panoIds,utm\n" * 30)


def _no_part(root: Path) -> None:
    write_table(root / "ACT_data.mat", IDS, UTM, trainSet=np.zeros(3))


def _short_utm(root: Path) -> None:
    write_table(root / "ACT_data.mat", IDS, UTM[:-1])


def _northing_first(root: Path) -> None:
    write_table(root / "ACT_data.mat", IDS, UTM[:, ::-1])


def _beyond(root: Path) -> None:
    write_table(root / "ACT_data.mat", IDS, UTM, trainSet={"trainInd": np.array([[1.0], [99.0]])})


def _from_zero(root: Path) -> None:
    write_table(root / "ACT_data.mat", IDS, UTM, valSet={"valInd": np.array([[0.0], [1.0]])})


def _no_images(root: Path) -> None:
    for path in (root / "ANU_data_small/streetview").iterdir():
        path.unlink()


def _no_folder(root: Path) -> None:
    (root / "ANU_data_small").rename(root / "elsewhere")


BAD = {
    "no-table": (_no_table, r"ACT_data\.mat: no such file"),
    "damaged": (_damaged, r"ACT_data\.mat: "),
    "not-matlab": (_not_matlab, r"ACT_data\.mat: not a MATLAB file"),
    "no-part": (_no_part, r"ACT_data\.mat: .* are not as in CVACT's file"),
    "short-utm": (_short_utm, r"ACT_data\.mat: .* are not as in CVACT's file"),
    "northing-first": (_northing_first, r"utm\(1\): .* is not easting, northing"),
    "beyond": (_beyond, r"trainSet names pair 99, but panoIds has 15"),
    "from-zero": (_from_zero, r"valSet names pair 0, but panoIds has 15"),
    "no-images": (_no_images, r"ACT_data\.mat: none of its rows can be used; the first: "),
    "no-folder": (_no_folder, r"ANU_data_small/streetview: no such folder"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_broken_is_named(copy, case):
    damage, message = BAD[case]
    damage(copy)
    with pytest.raises(DatasetError, match=message):
        load_cvact(copy, "train")


def test_without_scipy_the_extra_is_named(copy, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(MissingDependencyError, match=r"cvgl\[cvact\]"):
        load_cvact(copy, "train")
