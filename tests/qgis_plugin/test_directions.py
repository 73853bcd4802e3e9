"""What directions say, read from a file that may come from anyone."""

import pytest

from qgis_plugin.directions import LEAST_SCALE, directions_of, texts, words_of
from qgis_plugin.words import direction


def evidence(told, rivals=None, first_deg=350.0, width_deg=90.0):
    """Evidence of one place with four columns, of which the first is cut by north."""
    columns = {"first_deg": first_deg, "width_deg": width_deg, "told": told, "rivals": rivals}
    return {"places": [{"rank": 1, "words": ["It fits.", 3], "directions": columns}]}


def test_columns_are_found_by_azimuth_and_said_in_hundredths():
    told = directions_of(evidence([0.02, -0.1, None, 0.0], [0.01, 0.0, None, -0.004]), 1)
    assert [told.column(deg) for deg in (350.0, 0.0, 79.9, 80.1, 349.9)] == [0, 0, 0, 1, 3]
    assert told.scale == 0.1 and told.height(0.02) == pytest.approx(0.2)
    assert told.height(None) == 0.0 and told.height(-5.0) == -1.0
    assert direction(told, 10.0) == "350\u201380°: +2.0 here, +1.0 elsewhere"
    assert direction(told, 100.0) == "80\u2013170°: \u221210.0 here, +0.0 elsewhere"
    assert direction(told, 200.0) == "170\u2013260°: not seen"
    assert direction(directions_of(evidence([0.02] * 4), 1), 0.0) == "350\u201380°: +2.0 here"


def test_small_differences_do_not_look_large():
    assert directions_of(evidence([0.001, 0.0, 0.0, 0.0]), 1).scale == LEAST_SCALE


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"places": None},
        {"places": [{"rank": 1}]},
        {"places": [{"rank": 1, "directions": None}]},
        {"places": [3]},
        evidence(["x"] * 4),
        evidence([float("nan")] * 4),
        evidence([]),
        evidence([0.1] * 3),
        evidence([0.1] * 4, [0.1] * 3),
        evidence([0.1] * 4, width_deg=0.0),
        evidence([0.1] * 4, first_deg=None),
        evidence("0123"),
    ],
)
def test_what_is_not_as_it_should_be_is_not_there(broken):
    assert directions_of(broken, 1) is None


def test_words_are_texts_only():
    assert words_of(evidence([0.1] * 4), 1) == ["It fits."]
    assert words_of(evidence([0.1] * 4), 2) == words_of({"places": 3}, 1) == []
    assert words_of({"places": [None, {"rank": 1, "words": "x"}]}, 1) == []
    assert texts(["a", None, 3]) == ["a"] and texts("abc") == []
