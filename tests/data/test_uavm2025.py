import zipfile

import numpy as np
import pytest

from cvgl_core.data.uavm2025 import load_challenge, write_answers
from cvgl_core.errors import DatasetError
from tests.data.make_university import make_challenge


@pytest.fixture
def root(tmp_path):
    make_challenge(tmp_path)
    return tmp_path


def test_queries_are_in_the_order_of_the_list(root):
    challenge = load_challenge(root)
    names = (root / "test/query_street_name.txt").read_text().split()
    assert [path.name for path in challenge.query_paths] == names
    assert all(path.is_file() for path in challenge.query_paths)
    assert challenge.query_listed[2] == f"{root}/test/query_street_name.txt:3"
    assert list(challenge.gallery_ids) == sorted(challenge.gallery_ids)
    assert load_challenge(root / "test") == challenge


def test_the_list_may_lie_beside_the_folder(root):
    listed = root / "test/query_street_name.txt"
    listed.rename(root / listed.name)
    assert len(load_challenge(root).query_paths) == 24


def test_answers_are_ten_names_with_tabs_a_line(root, tmp_path):
    challenge = load_challenge(root)
    best = np.stack([np.random.default_rng(k).permutation(12)[:10] for k in range(24)])
    path = write_answers(tmp_path / "out", challenge, best)
    data = path.read_bytes()
    lines = data.decode().split("\n")
    assert lines.pop() == ""
    assert b"\r" not in data
    assert len(lines) == 24
    for line, row in zip(lines, best, strict=True):
        assert line.split("\t") == [challenge.gallery_ids[k] for k in row]
        assert all("." not in name for name in line.split("\t"))
    with zipfile.ZipFile(path.with_name("answer.zip")) as archive:
        assert archive.namelist() == ["answer.txt"]
        assert archive.read("answer.txt") == data
    again = write_answers(tmp_path / "again", challenge, best)
    zips = [p.with_name("answer.zip").read_bytes() for p in (path, again)]
    assert zips[0] == zips[1]


def test_other_shapes_are_refused(root, tmp_path):
    with pytest.raises(ValueError, match="answers"):
        write_answers(tmp_path, load_challenge(root), np.zeros((24, 9), np.int64))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("missing0123456789.jpeg", "is not in"),
        ("../../secret.jpeg", "is not the name of a photo"),
        ("AbC\tDeF", "is not the name of a photo"),
        (None, "stands in .*:1 too"),
    ],
)
def test_a_bad_line_is_named(root, line, said):
    listed = root / "test/query_street_name.txt"
    names = listed.read_text().split()
    names[4] = line or names[0]
    listed.write_text("\n".join(names))
    with pytest.raises(DatasetError, match=rf"query_street_name.txt:5: .*{said}"):
        load_challenge(root)


def test_a_gallery_must_hold_ten_names(root):
    gallery = root / "test/workshop_gallery_satellite"
    first, *rest = sorted(gallery.iterdir())
    first.with_suffix(".png").write_bytes(first.read_bytes())
    with pytest.raises(DatasetError, match="has the name of"):
        load_challenge(root)
    first.with_suffix(".png").unlink()
    for path in rest[8:]:
        path.unlink()
    with pytest.raises(DatasetError, match="9 images, fewer than the 10"):
        load_challenge(root)
