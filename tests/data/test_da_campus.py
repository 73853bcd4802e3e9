"""DA-Campus as it lies on disk, and what can be wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from cvgl_core.data.da_campus import load_da_campus
from cvgl_core.data.datasets import load_pairs
from cvgl_core.data.pairset import PairImages
from cvgl_core.data.relevance import relevance_matrix
from cvgl_core.errors import DatasetError
from cvgl_core.models import create_model
from tests.data.make_da_campus import DRONES, TEST_PLACES, TRAIN_PLACES, make_da_campus


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("campus") / "DA_Campus"
    make_da_campus(root)
    return root


@pytest.fixture
def copy(whole, tmp_path) -> Path:
    """A copy whose lists may be changed; images are not copied."""
    for platform in ("satellite", "drone"):
        (tmp_path / platform).mkdir()
        for entry in (whole / platform).iterdir():
            if entry.is_dir():
                (tmp_path / platform / entry.name).symlink_to(entry)
            else:
                shutil.copy(entry, tmp_path / platform)
    return tmp_path


def change(path: Path, number: int, line: str) -> str:
    """Replace line ``number`` (from 1) and return how messages name it."""
    lines = path.read_text().splitlines()
    lines[number - 1] = line
    path.write_text("\n".join(lines) + "\n")
    return f"{path}:{number}"


@pytest.mark.parametrize(
    ("split", "places"), [("train", TRAIN_PLACES), ("test", TEST_PLACES), ("val", TEST_PLACES)]
)
def test_each_part_is_read(whole, split, places):
    pairs = load_pairs("da-campus", whole, split)
    assert pairs.name == f"DA-Campus {'train' if split == 'train' else 'test'}"
    assert (pairs.labels, pairs.skipped) == ("place", ())
    assert len(pairs.tile_paths) == places
    assert len(pairs.view_paths) == DRONES * places
    assert np.array_equal(pairs.positive, np.repeat(np.arange(places), DRONES))
    assert all(path.is_file() for path in pairs.tile_paths + pairs.view_paths)
    assert np.array_equal(pairs.view_lonlat_deg, pairs.tile_lonlat_deg[pairs.positive])
    assert pairs.tile_lonlat_deg[0].tolist() == [118.93, 32.11]
    assert pairs.view_listed[0].endswith("drone/train.txt:2" if split == "train" else "test.txt:2")


def test_levels_of_its_places(whole):
    """150 m apart in a row: the same, within 200 m, within 500 m, and another campus."""
    places = load_da_campus(whole, "train").tile_lonlat_deg
    row = [3, 2, 1, 1]
    assert relevance_matrix(places, places)[0].tolist() == [*row, 0, 0]
    assert relevance_matrix(places, places)[4].tolist() == [0, 0, 0, 0, 3, 2]


def test_pictures_are_squeezed_to_the_models_size(whole):
    pairs = load_da_campus(whole, "test")
    card = create_model("unifygeo-lite0-campus").card()
    images = PairImages(pairs, card)
    view, tile = images.view(0), images.tile(0)
    assert view.shape == (card.ground.height_px, card.ground.width_px, 3)
    assert np.abs(view.mean(axis=(0, 1)) - tile[64, 64]).max() < 12


def test_without_drone_coordinates_in_the_test_part(copy):
    """They are optional there, too."""
    path = copy / "drone" / "test.txt"
    lines = [" ".join(line.split()[:2]) for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    assert len(load_da_campus(copy, "test").view_paths) == DRONES * TEST_PLACES


@pytest.mark.parametrize(
    ("platform", "number", "line", "reason"),
    [
        ("satellite", 1, "path class latitude longitude", "class_id"),
        ("satellite", 1, "path class_id", "latitude"),
        ("satellite", 3, "train/0002/tile.jpg 2 32.1", "3 fields"),
        ("satellite", 3, "train/0002/tile.jpg  2 32.1 118.9", "5 fields"),
        ("satellite", 3, "train/0002/tile.jpg 0 32.1 118.9", "number from 1"),
        ("satellite", 3, "train/0002/tile.jpg two 32.1 118.9", "number from 1"),
        ("satellite", 3, "train/0002/tile.jpg 2 32.1 east", "not coordinates"),
        ("satellite", 3, "train/0002/tile.jpg 2 118.9 32.1", "not a latitude"),
        ("satellite", 3, "train/0002/tile.jpg 2 nan 32.1", "not a latitude"),
        ("satellite", 3, "train/0001/tile.jpg 1 32.1 118.9", "is also that of"),
        ("drone", 62, "train/0002/image-00.jpg 1", "satellite/train.txt:3"),
        ("drone", 61, "train/0001/image-59.jpg 2", "satellite/train.txt:2"),
        ("drone", 2, "train/0001/image-00.jpg", "1 fields"),
    ],
)
def test_bad_rows_name_file_and_line(copy, platform, number, line, reason):
    listed = change(copy / platform / "train.txt", number, line)
    with pytest.raises(DatasetError) as raised:
        load_da_campus(copy, "train")
    assert str(raised.value).startswith(listed)
    assert reason in str(raised.value)


def test_a_drone_elsewhere_than_its_place(copy):
    path = copy / "drone" / "test.txt"
    fields = path.read_text().splitlines()[100].split()
    moved = f"{fields[0]} {fields[1]} {float(fields[2]) + 5 / 111_200:.7f} {fields[3]}"
    listed = change(path, 101, moved)
    with pytest.raises(DatasetError, match=f"{listed}: lies more than 3 m"):
        load_da_campus(copy, "test")


def test_another_number_of_drones(copy):
    path = copy / "drone" / "train.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(DatasetError, match="359 pictures for 6 places"):
        load_da_campus(copy, "train")


def test_missing_images_are_left_out_and_reported(copy):
    folder = copy / "drone" / "train"
    target = folder.resolve()
    folder.unlink()
    shutil.copytree(target, folder)
    (folder / "0003" / "image-07.jpg").unlink()
    tiles = copy / "satellite" / "train"
    target = tiles.resolve()
    tiles.unlink()
    shutil.copytree(target, tiles)
    (tiles / "0001" / "tile.jpg").unlink()
    pairs = load_da_campus(copy, "train")
    assert len(pairs.tile_paths) == TRAIN_PLACES - 1
    assert len(pairs.view_paths) == DRONES * (TRAIN_PLACES - 1) - 1
    assert [failure.item.split("DA_Campus")[-1] for failure in pairs.skipped] == [
        f"{copy / 'satellite' / 'train.txt'}:2",
        f"{copy / 'drone' / 'train.txt'}:{2 + 2 * DRONES + 7}",
    ]
    for path, tile in zip(pairs.view_paths, pairs.positive, strict=True):
        assert path.parent.name == pairs.tile_paths[tile].parent.name


def test_paths_do_not_lead_out_of_the_folder(copy):
    change(copy / "satellite" / "train.txt", 2, "../../etc/passwd 1 32.11 118.93")
    pairs = load_da_campus(copy, "train")
    assert len(pairs.tile_paths) == TRAIN_PLACES - 1


def test_no_lists(tmp_path):
    with pytest.raises(DatasetError, match=r"satellite/train\.txt"):
        load_da_campus(tmp_path, "train")
