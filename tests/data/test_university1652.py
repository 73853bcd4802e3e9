import numpy as np
import pytest

from cvgl_core.data.university1652 import VIEWS, load_task, load_view
from cvgl_core.errors import DatasetError, SettingsError
from tests.data.make_university import (
    DISTRACTORS,
    QUERY_PLACES,
    TRAIN_PLACES,
    make_university,
)


@pytest.fixture
def root(tmp_path):
    make_university(tmp_path)
    return tmp_path


def test_every_direction_of_the_test_part(root):
    for query in VIEWS[:3]:
        for gallery in VIEWS[:3]:
            if query == gallery:
                continue
            task = load_task(root, f"{query}-{gallery}")
            assert (task.query.view, task.gallery.view) == (query, gallery)
            assert {p.parts[-3] for p in task.query.paths} == {f"query_{query}"}
            assert {p.parts[-3] for p in task.gallery.paths} == {f"gallery_{gallery}"}
            assert [int(p.parent.name) for p in task.query.paths] == task.query.place.tolist()
    assert sorted(set(task.gallery.place)) == sorted((*QUERY_PLACES, *DISTRACTORS))


@pytest.mark.parametrize("view", ["street", "drone", "satellite"])
def test_web_images_both_ways_in_train(root, view):
    there, back = (
        load_task(root, f"google-{view}", "train"),
        load_task(root, f"{view}-google", "train"),
    )
    assert there.query.paths == back.gallery.paths
    assert set(there.query.place.tolist()) == set(TRAIN_PLACES)
    said = [failure.message for failure in there.query.skipped]
    assert len(said) == 2
    assert "0002/page.html: not an image" in said[0]
    assert "0012: holds no image" in said[1]


def test_root_may_be_any_of_the_usual_folders(root):
    whole = load_task(root)
    assert load_task(root / "University-Release").query.paths == whole.query.paths
    (root / "University-Release").rename(root / "University-1652")
    assert len(load_task(root).query.paths) == len(whole.query.paths)


def test_order_is_by_place_then_name(root):
    drone = load_task(root, "drone-satellite").query
    assert list(drone.paths) == sorted(drone.paths)
    assert drone.place.dtype == np.int64


def test_what_cannot_be_used_is_said(root):
    with pytest.raises(DatasetError, match=r"query_google.*web images are part of train"):
        load_task(root, "google-satellite")
    for direction in ("street", "street-street", "sky-street", "satellite_street"):
        with pytest.raises(SettingsError, match="no direction"):
            load_task(root, direction)
    with pytest.raises(SettingsError, match="no 'val' part"):
        load_task(root, part="val")
    with pytest.raises(DatasetError, match="elsewhere/test"):
        load_task(root / "elsewhere")


def test_places_are_known_by_number(root):
    folder = root / "University-Release/test/gallery_satellite"
    (folder / "desktop.ini").write_text("x")
    (folder / "extra").mkdir()
    found = load_view(folder, "satellite")
    assert [f.item.rsplit("/", 1)[1] for f in found.skipped] == ["desktop.ini", "extra"]
    (folder / "3").mkdir()
    with pytest.raises(DatasetError, match=r"the same place as .*0003"):
        load_view(folder, "satellite")


def test_views_that_share_no_place_do_not_belong_together(root):
    queries = root / "University-Release/test/query_street"
    for number, folder in enumerate(sorted(queries.iterdir())):
        folder.rename(queries / f"{9000 + number}")
    with pytest.raises(DatasetError, match="do not belong together"):
        load_task(root)


def test_an_empty_folder_is_an_error(tmp_path):
    (tmp_path / "street" / "0001").mkdir(parents=True)
    with pytest.raises(DatasetError, match="none of its rows"):
        load_view(tmp_path / "street", "street")
