"""A compass heading without a position: true by the declination of the area that is searched."""

from dataclasses import replace
from datetime import datetime

import pytest

from cvgl_core.localization.compass import with_true_heading
from cvgl_core.photo.heading import declination_deg
from cvgl_core.types import LonLat

HELSINKI = [LonLat(24.94, 60.17), LonLat(24.90, 60.15), LonLat(24.98, 60.19)]


@pytest.fixture
def compass(make_photo):
    """A photo whose file states a compass heading, a time and no place."""

    def make(**stated):
        photo = make_photo()
        values = {"magnetic_heading_deg": 355.0, "taken_at": "2024-06-01T12:00:00"} | stated
        return replace(photo, metadata=replace(photo.metadata, heading_deg=None, **values))

    return make


def test_the_heading_counts_from_true_north(compass):
    photo = compass()
    found, told = with_true_heading(photo, HELSINKI)
    turn_deg = declination_deg(24.94, 60.17, datetime(2024, 6, 1, 12))
    assert 8.0 < turn_deg < 11.0
    assert found.metadata.heading_deg == pytest.approx((355.0 + turn_deg) % 360.0)
    source = found.metadata.sources["heading_deg"]
    assert f"declination {turn_deg:+.1f} (IGRF) at the index" in source
    assert "355 degrees" in told and f"{turn_deg:+.1f}" in told
    assert photo.metadata.heading_deg is None and "heading_deg" not in photo.metadata.sources


@pytest.mark.parametrize(
    ("stated", "places"),
    [
        ({"heading_deg": 20.0}, HELSINKI),
        ({"magnetic_heading_deg": None}, HELSINKI),
        ({"taken_at": None}, HELSINKI),
        ({"taken_at": "1850-06-01T12:00:00"}, HELSINKI),
        ({}, [*HELSINKI, LonLat(10.0, 60.0)]),
        ({}, [LonLat(0.0, 89.99)]),
    ],
    ids=["true", "none", "no time", "before the model", "a wide area", "at the pole"],
)
def test_what_cannot_be_made_true_stays_as_it_is(compass, stated, places):
    photo = compass()
    photo = replace(photo, metadata=replace(photo.metadata, **stated))
    assert with_true_heading(photo, places)[0] is photo
