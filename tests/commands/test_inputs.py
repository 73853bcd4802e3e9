"""What names a photo: files, folders, patterns, lists, tables; wrong rows told by their line."""

import logging
from pathlib import Path

import pytest

from cvgl_core.commands.inputs import PhotoInput, Stated, named_photos, output_names
from cvgl_core.errors import SettingsError
from cvgl_core.localization import Near


@pytest.fixture
def walk(tmp_path):
    for name in ("b.JPG", "a.png", "notes.txt", "deep/c.tiff", ".hidden.jpg", ".trash/d.jpg",
                 "a.heatmap.tif", "a.photo.jpg", "a.tiles/1.jpg", "x[1].jpg"):  # fmt: skip
        path = tmp_path / "walk" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "walk"


def paths(found, base):
    return [one.path.relative_to(base).as_posix() for one in found]


def test_a_folder_is_all_photos_in_it_but_not_what_we_wrote(walk):
    assert paths(named_photos([walk]), walk) == ["a.png", "b.JPG", "deep/c.tiff", "x[1].jpg"]


def test_patterns_and_files_in_the_order_named(walk):
    names = [walk / "b.JPG", walk / "*.png", walk / "x[1].jpg", walk / "**/*.tiff"]
    assert paths(named_photos(names), walk) == ["b.JPG", "a.png", "x[1].jpg", "deep/c.tiff"]


@pytest.mark.parametrize("name", ["no.jpg", "no*.jpg", "empty"])
def test_what_holds_no_photo_stands_for_itself(tmp_path, name):
    (tmp_path / "empty").mkdir()
    assert paths(named_photos([tmp_path / name]), tmp_path) == [name]


def test_a_list_is_relative_to_its_folder(walk):
    (walk / "photos.txt").write_text("b.JPG\n\ndeep\nno.jpg\n", "utf-8")
    found = named_photos([], walk / "photos.txt")
    assert paths(found, walk) == ["b.JPG", "deep/c.tiff", "no.jpg"]
    assert all(one.stated == Stated() for one in found)


@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
def test_a_table_states_what_is_known_of_each(walk, separator, mark):
    rows = [
        "photo,heading_deg,heading_std_deg,fov_deg,pitch_deg,lon,lat,radius_m,group",
        "b.JPG,-90,12,65.5,-3,13.4,52.5,250,walk 1",
        "a.png,Unknown,,,,,,,",
        "deep/c.tiff,,,,,,,,",
    ]
    table = walk / "photos.csv"
    table.write_text(mark + "\n".join(rows).replace(",", separator), "utf-8")
    assert named_photos([], table) == (
        PhotoInput(
            walk / "b.JPG",
            Stated(270.0, False, 12.0, 65.5, -3.0, Near(13.4, 52.5, 250.0), "walk 1"),
        ),
        PhotoInput(walk / "a.png", Stated(search_heading=True)),
        PhotoInput(walk / "deep/c.tiff"),
    )


def test_a_table_may_leave_columns_out_and_have_others(walk, caplog):
    table = walk / "photos.csv"
    table.write_text('note,photo\n"said, ""here""",b.JPG\n', "utf-8")
    with caplog.at_level(logging.WARNING):
        assert paths(named_photos([], table), walk) == ["b.JPG"]
    assert "not used: note" in caplog.text


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a.png,north,,,", "heading_deg is 'north', not a number within -360 to 360 or 'unknown'"),
        ("a.png,nan,,,", "heading_deg is 'nan'"),
        ("a.png,,0,,", "fov_deg is '0', not a number within 1 to 360"),
        ("a.png,,,13,", "lon, lat and radius_m belong together"),
        ("a.png,,,13,91", "lat is '91'"),
        (",,,,", "photo is empty"),
        ("a.png,,,,,,,", "more cells than there are columns"),
    ],
)
def test_wrong_rows_are_named_with_file_and_line(walk, row, says):
    table = walk / "photos.csv"
    table.write_text(f"photo,heading_deg,fov_deg,lon,lat\nb.JPG,,,,\n{row}\n", "utf-8")
    with pytest.raises(SettingsError) as caught:
        named_photos([], table)
    assert f"{table}: line 3: " in str(caught.value)
    assert says in str(caught.value)


def test_a_heading_that_is_unknown_has_no_deviation(walk):
    table = walk / "photos.csv"
    table.write_text("photo,heading_deg,heading_std_deg\na.png,unknown,20\n", "utf-8")
    with pytest.raises(SettingsError, match="line 2: heading_std_deg is given of a heading"):
        named_photos([], table)


def test_many_wrong_rows_are_counted(walk):
    table = walk / "photos.csv"
    table.write_text("photo,fov_deg\n" + "a.png,x\n" * 9, "utf-8")
    with pytest.raises(SettingsError, match=r"line 2: .*line 6: .*; and 4 more"):
        named_photos([], table)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"path,fov_deg\na.png,60\n", "line 1"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b'photo\n"a', "unexpected end"),
    ],
    ids=["no column photo", "no text", "an open quote"],
)
def test_no_table_at_all(tmp_path, data, says):
    (tmp_path / "photos.csv").write_bytes(data)
    with pytest.raises(SettingsError, match=says):
        named_photos([], tmp_path / "photos.csv")


def test_names_of_other_files_are_not_given_to_photos():
    photos = [Path(name) for name in ("a/results.jpg", "Index.png", "b/x.jpg")]
    assert output_names(photos, {"results", "index"}) == ["results-2", "Index-2", "x"]
