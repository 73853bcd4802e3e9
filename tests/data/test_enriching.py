from pathlib import Path

import numpy as np
import pytest

from cvgl_core.data.enriching import enriched
from cvgl_core.data.university1652 import PlaceImages, load_view
from tests.data.make_university import make_university

ANGLES_DEG = {
    # street photos of place 1 look along 0 and 90 degrees, that of place 2 along 180
    "s1a": 0, "s1b": 90, "s2": 180,
    "w1near": 10, "w1right": 80, "w1far": 200, "w1mid": 40,
    "w2near": 170, "w3": 0,
}  # fmt: skip


def describe(paths):
    angle = np.radians([ANGLES_DEG[path.name] for path in paths])
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def images(view, **places):
    paths = [(Path(name), number) for number, names in places.items() for name in names.split()]
    numbers = np.array([int(number[1:]) for _, number in paths])
    return PlaceImages(view, Path(view), tuple(path for path, _ in paths), numbers)


@pytest.fixture
def street():
    return images("street", p1="s1a s1b", p2="s2")


@pytest.fixture
def web():
    return images("google", p1="w1near w1right w1far w1mid", p2="w2near", p3="w3")


def test_each_photo_chooses_what_looks_most_like_it(street, web):
    found = enriched(street, web, describe, 1)
    assert [path.name for path in found.added] == ["w1near", "w1right", "w2near"]
    assert found.cosine == pytest.approx(np.cos(np.radians([10, 10, 10])), abs=1e-6)
    names = [path.name for path in found.street.paths]
    assert names == ["s1a", "s1b", "w1near", "w1right", "s2", "w2near"]
    assert found.street.place.tolist() == [1, 1, 1, 1, 2, 2]


def test_more_of_a_photo_are_added_once(street, web):
    found = enriched(street, web, describe, 2)
    assert {path.name for path in found.added} == {"w1near", "w1mid", "w1right", "w2near"}
    assert len(enriched(street, web, describe, 9).added) == 5


def test_other_places_lend_nothing(street, web):
    assert "w3" not in {path.name for path in enriched(street, web, describe, 9).added}
    alone = enriched(street, images("google", p3="w3"), describe, 3)
    assert alone.street.paths == street.paths
    assert not alone.added


def test_any_folder_of_a_user_will_do(tmp_path):
    make_university(tmp_path)
    train = tmp_path / "University-Release/train"

    def colours(paths):
        from cvgl_core.data.placeimages import read_square

        rows = np.stack([read_square(path, 4).reshape(-1) for path in paths]).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    own = load_view(train / "street", "street")
    found = enriched(own, load_view(train / "drone", "google"), colours, 1)
    assert len(own.paths) < len(found.street.paths) <= 2 * len(own.paths)
    assert all("drone" in path.parts for path in found.added)
