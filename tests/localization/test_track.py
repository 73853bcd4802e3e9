"""What is known of the way between photos, and what is not a table of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from cvgl_core.errors import SettingsError
from cvgl_core.localization.motion import Step, walked
from cvgl_core.localization.track import DEFAULT_APART_M, read_track, way_between


@pytest.fixture
def photos(make_photo):
    def named(*names, taken=None):
        times = taken or [None] * len(names)
        return [
            replace(
                make_photo(),
                path=Path("folder") / name,
                metadata=replace(make_photo().metadata, taken_at=moment),
            )
            for name, moment in zip(names, times, strict=True)
        ]

    return named


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "track.csv"
        path.write_text(text, "utf-8")
        return path

    return write


def test_offsets_in_any_order_of_lines(photos, table):
    track = read_track(
        table("photo,east_m,north_m,std_m\nb.jpg,30,-5,\na.jpg,10,0,\nc.jpg,30,15,9\n")
    )
    way = way_between(photos("a.jpg", "b.jpg", "c.jpg"), 99.0, track, 0.0)
    first, second = way.steps
    assert (first.east_m, first.north_m) == pytest.approx((20.0, -5.0))
    assert (second.east_m, second.north_m, second.std_m) == pytest.approx((0.0, 20.0, 9.0))
    assert 2.0 < first.std_m < 4.0 and first.reach_m == 0.0
    assert way.basis == "given offsets"


def test_bearings_and_distances_add_up_and_turn_with_the_grid(photos, table):
    track = read_track(
        table("photo,bearing_deg,distance_m\na.jpg,0,0\nb.jpg,90,20\nc.jpg,180,10\n")
    )
    there = way_between(photos("a.jpg", "c.jpg"), None, track, 0.0).steps[0]
    assert (there.east_m, there.north_m) == pytest.approx((20.0, -10.0))
    # North of the grid lies 90 degrees clockwise of true north.
    (turned,) = way_between(photos("a.jpg", "b.jpg"), None, track, 90.0).steps
    assert (turned.east_m, turned.north_m) == pytest.approx((0.0, 20.0))


def test_a_distance_and_one_standing_point(photos):
    way = way_between(photos("a.jpg", "b.jpg"), 30.0, None, 0.0)
    assert way.steps == (Step(reach_m=30.0),) and "30 m" in way.basis
    way = way_between(photos("a.jpg", "d.jpg", "e.jpg"), 30.0, None, 0.0, numbers=[0, 3, 4])
    assert way.steps == (Step(reach_m=90.0), Step(reach_m=30.0))
    way = way_between(photos("a.jpg", "b.jpg"), 0.0, None, 0.0)
    assert way.steps == (Step(),) and way.basis == "one standing point"


def test_times_in_the_photos_bound_the_way(photos):
    taken = ["2024-05-01T12:00:00+02:00", "2024-05-01T10:00:30+00:00", "2024-05-01T12:01:30+02:00"]
    way = way_between(photos("a", "b", "c", taken=taken), None, None, 0.0)
    assert way.steps == (walked(30.0), walked(60.0)) and "times" in way.basis


@pytest.mark.parametrize(
    "taken",
    [[None, None], ["2024-05-01T12:00:00", None], ["2024-05-01T12:00:00", "2024-05-01T12:00:00Z"]],
)
def test_without_times_that_compare_a_bound_is_assumed_and_said(photos, taken):
    way = way_between(photos("a", "b", taken=taken), None, None, 0.0)
    assert way.steps == (Step(reach_m=DEFAULT_APART_M),) and way.basis.startswith("assumed")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "needs a header"),
        ("photo,x,y\na,1,2\n", "needs a header"),
        ("photo,east_m,north_m\na,1,two\n", "line 2: north_m is 'two'"),
        ("photo,east_m,north_m\na,1,nan\n", "line 2: north_m"),
        ("photo,east_m,north_m\na,1\n", "line 2: north_m"),
        ("photo,east_m,north_m\na,1,1e9\n", "within reason"),
        ("photo,east_m,north_m\na,1,1\nb/a,1,2\n", "line 3: 'a' is named twice"),
    ],
)
def test_what_is_no_track(table, text, says):
    with pytest.raises(SettingsError, match=says):
        read_track(table(text))


def test_a_track_without_one_of_the_photos(photos, table, tmp_path):
    track = read_track(table("photo,east_m,north_m\na.jpg,1,2\n"))
    with pytest.raises(SettingsError, match=r"nothing of b\.jpg"):
        way_between(photos("a.jpg", "b.jpg"), None, track, 0.0)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_track(tmp_path / "none.csv")
