"""Words and marks are no surer than their figures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cvgl_core.export import words
from cvgl_core.export.mapview import Frame, heat_overlay
from cvgl_core.export.pictures import fitted, heat_rgba, pooled
from cvgl_core.geo import convergence_deg, from_lonlat, metric_crs_for
from cvgl_core.types import Bounds, LonLat


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "under 1 %"),
        (1.0, "over 99 %"),
        (0.5, "50 %"),
        (0.994, "over 99 %"),
        (math.nan, "unk"),
    ],
)
def test_percent_never_claims_certainty(value: float, text: str) -> None:
    assert words.percent(value).startswith(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.42, "0.4 m"), (9.94, "9.9 m"), (12.3, "12 m"), (2500.0, "2.5 km"), (None, "unknown"),
     (math.inf, "unknown")],
)  # fmt: skip
def test_metres(value: float | None, text: str) -> None:
    assert words.metres(value) == text


def test_ordinals() -> None:
    expected = {1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 22: "22nd", 113: "113th"}
    assert {n: words.ordinal(n) for n in expected} == expected


def test_compass() -> None:
    assert [words.compass(a) for a in (0, 359, 90, 200)] == [
        "north", "north", "east", "south-south-west",
    ]  # fmt: skip
    assert words.lonlat(LonLat(-1.5, -2.25)) == "2.250000° S, 1.500000° W"


def test_plain_spells_out_what_it_does_not_obey() -> None:
    assert words.plain("a\u202eb\n\x1b") == "a\\u202eb\\u000a\\u001b"
    assert len(words.plain("x" * 9999)) == 300


def test_opacity_starts_at_zero() -> None:
    colours = heat_rgba(np.array([[0.0, 1e-6, 0.01, 1.0]], np.float32), 1.0)
    alpha = colours[0, :, 3].astype(int)
    assert alpha[0] == 0 and alpha[1] == 0 and 0 < alpha[2] < alpha[3] < 255


def test_pooling_keeps_the_peak() -> None:
    field = np.zeros((101, 57), np.float32)
    field[100, 56] = 0.25
    small = pooled(field, 8)
    assert small.shape == (13, 8) and small[12, 7] == 0.25


def test_pictures_are_never_enlarged() -> None:
    rgb = np.zeros((100, 300, 3), np.uint8)
    assert fitted(rgb, 400, 400) is rgb
    assert fitted(rgb, 150, 400).shape == (50, 150, 3)


@pytest.mark.parametrize(("lon", "lat"), [(8.54, 47.37), (5.9, 61.0), (-179.99, -16.8)])
def test_frame(lon: float, lat: float) -> None:
    crs = metric_crs_for(lon, lat)
    x, y = (float(v[0]) for v in from_lonlat(crs, [lon], [lat]))
    frame = Frame(Bounds(x - 150, y - 90, x + 50, y + 10), crs)
    assert frame.place(LonLat(lon, lat)) == pytest.approx((750.0, 50.0), abs=0.01)
    assert frame.height == pytest.approx(500.0)
    bar = frame.scale_bar()
    assert bar.label == "50 m" and bar.length == pytest.approx(250.0)
    # going north by degrees follows the arrow
    north = frame.place(LonLat(lon, lat + 1e-4))
    turned = math.degrees(math.atan2(north[0] - 750.0, 50.0 - north[1]))
    assert turned == pytest.approx(frame.north_deg(), abs=0.02)
    assert frame.north_deg() == pytest.approx(-convergence_deg(crs, lon, lat), abs=0.02)


def test_heat_lies_on_its_cells(case: Any) -> None:
    posterior = case.result.posterior
    x, y = case.centre
    bounds = Bounds(x - 40, y - 30, x + 60, y + 20)
    overlay = heat_overlay(posterior, Frame(bounds, posterior.crs))
    assert overlay is not None
    unit = 1000.0 / 100.0 * posterior.cell_m
    assert -unit < overlay.x <= 0.0 and -unit < overlay.y <= 0.0
    assert overlay.x + overlay.width >= 1000.0 and overlay.y + overlay.height >= 500.0
    far = Bounds(x + 9000, y, x + 9100, y + 50)
    assert heat_overlay(posterior, Frame(far, posterior.crs)) is None
