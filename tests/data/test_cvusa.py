"""CVUSA as it lies on disk, and what can be wrong."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from cvgl_core.data.cvusa import load_cvusa
from cvgl_core.errors import DatasetError
from tests.data.make_cvusa import TRAIN, VAL, make_cvusa


@pytest.fixture
def copy(tmp_path) -> Path:
    make_cvusa(tmp_path, tile_px=16, panorama_px=64)
    return tmp_path


@pytest.mark.parametrize(
    ("split", "name", "numbers"),
    [("train", "CVUSA train", TRAIN), ("val", "CVUSA val", VAL), ("test", "CVUSA val", VAL)],
)
def test_each_split_is_read(copy, split, name, numbers):
    pairs = load_cvusa(copy, split)
    assert (pairs.name, pairs.labels, pairs.skipped) == (name, "centre", ())
    assert [int(path.stem) for path in pairs.tile_paths] == list(numbers)
    assert [int(path.stem) for path in pairs.view_paths] == list(numbers)
    assert all(path.is_file() for path in pairs.tile_paths + pairs.view_paths)
    assert np.array_equal(pairs.positive, np.arange(len(numbers)))
    assert (pairs.semi_positive == -1).all()
    assert (pairs.camera_uv == 0.5).all()
    assert pairs.view_listed[0].endswith("-19zl.csv:1")


def test_coordinates_are_those_of_the_pairs_line(copy):
    """Pair ``id`` has line ``id`` of all.csv, whatever its place in the split."""
    pairs = load_cvusa(copy, "train")
    numbers = np.array(TRAIN)
    expected = np.stack([-100.0 - numbers * 0.02, 35.0 + numbers * 0.01], axis=1)
    assert np.allclose(pairs.tile_lonlat_deg, expected)
    assert np.allclose(pairs.view_lonlat_deg, expected)
    side_m = 750 * 156543.034 / 2**19 * np.cos(np.radians(expected[:, 1]))
    assert np.allclose(pairs.tile_side_m, side_m)


def test_without_coordinates_nothing_is_made_up(copy, caplog):
    (copy / "split_locations/all.csv").unlink()
    with caplog.at_level(logging.WARNING):
        pairs = load_cvusa(copy, "val")
    assert np.isnan(pairs.tile_lonlat_deg).all()
    assert np.isnan(pairs.tile_side_m).all()
    assert "pairs have no coordinates" in caplog.text


def test_panoramas_span_what_their_shape_says(copy):
    top_deg, bottom_deg = load_cvusa(copy, "val").ground_elevation_deg
    assert top_deg - bottom_deg == pytest.approx(360.0 * 224 / 1232)
    assert top_deg > 30.0 > -20.0 > bottom_deg


def test_a_missing_image_is_counted(copy):
    (copy / f"bingmap/19/{TRAIN[1]:07d}.jpg").unlink()
    (copy / f"streetview/panos/{TRAIN[3]:07d}.jpg").unlink()
    pairs = load_cvusa(copy, "train")
    assert [int(path.stem) for path in pairs.view_paths] == [TRAIN[0], TRAIN[2], TRAIN[4]]
    assert [failure.item.rsplit(":", 1)[1] for failure in pairs.skipped] == ["2", "4"]
    assert "is not in the data set's folder" in pairs.skipped[0].message


def test_a_pair_listed_twice_is_counted(copy):
    path = copy / "splits/val-19zl.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[0] + "\n")
    pairs = load_cvusa(copy, "val")
    assert len(pairs.view_paths) == len(VAL)
    assert "is listed twice" in pairs.skipped[0].message


def test_a_path_out_of_the_folder_is_not_followed(copy, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "0000009.jpg"
    outside.write_bytes(b"x")
    path = copy / "splits/val-19zl.csv"
    up = f"bingmap/../../{outside.parent.name}/0000009.jpg"
    path.write_text(f"{path.read_text()}{up},{up},x\n{outside},{outside},x\n")
    pairs = load_cvusa(copy, "val")
    assert len(pairs.view_paths) == len(VAL)
    assert len(pairs.skipped) == 2


def _no_splits(root: Path) -> None:
    (root / "splits/train-19zl.csv").unlink()


def _one_column(root: Path) -> None:
    (root / "splits/train-19zl.csv").write_text("bingmap/19/0000002.jpg\n")


def _no_number(root: Path) -> None:
    (root / "splits/train-19zl.csv").write_text("bingmap/19/a.jpg,streetview/panos/a.jpg\n")


def _empty(root: Path) -> None:
    (root / "splits/train-19zl.csv").write_text("")


def _no_images(root: Path) -> None:
    for path in (root / "streetview/panos").iterdir():
        path.unlink()


def _short(root: Path) -> None:
    (root / "split_locations/all.csv").write_text("35,-100,35,-100\n")


def _header(root: Path) -> None:
    path = root / "split_locations/all.csv"
    path.write_text("a\n" * 3 + path.read_text())


def _swapped(root: Path) -> None:
    (root / "split_locations/all.csv").write_text("-100,35,-100,35\n" * 9)


BAD = {
    "no-splits": (_no_splits, r"train-19zl\.csv: no such file"),
    "one-column": (_one_column, r"train-19zl\.csv:1: not a tile with a number and a panorama"),
    "no-number": (_no_number, r"train-19zl\.csv:1: not a tile with a number"),
    "empty": (_empty, r"train-19zl\.csv: empty"),
    "no-images": (_no_images, r"train-19zl\.csv: none of its rows can be used; the first: .*:1:"),
    "short-coordinates": (_short, r"train-19zl\.csv:1: pair 2 has no line in .*all\.csv \(1 line"),
    "header": (_header, r"all\.csv:2: not four coordinates"),
    "longitude-first": (_swapped, r"all\.csv:2: .* is not latitude, longitude"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_broken_is_named(copy, case):
    damage, message = BAD[case]
    damage(copy)
    with pytest.raises(DatasetError, match=message):
        load_cvusa(copy, "train")
