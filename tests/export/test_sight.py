"""Photo and imagery run through the same azimuths, and what is drawn lies where it should."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvgl_core.export.panel import Panel, axis_centred, panel_of, ruler, strip_uri
from cvgl_core.export.pictures import hatched, polar
from cvgl_core.export.reasons import evidence_of, reasons, why_behind
from cvgl_core.export.sight import ColumnMatch, draw_sight, rivals_of
from cvgl_core.geo import wrapped
from cvgl_core.types import GroundView, LonLat

degrees = st.floats(-720.0, 720.0)


def view(seen: int = 256, axis_deg: float = 0.0, known: bool = True) -> GroundView:
    """A strip of 256 columns of which ``seen`` around the axis show picture."""
    beside = np.abs((np.arange(256) + 0.5) / 256 * 360 - 180)
    visible = np.roll(beside < seen / 256 * 180, round(axis_deg / 360 * 256))
    rgb = np.zeros((48, 256, 3), np.uint8)
    return GroundView(rgb, visible, 0.0 if known else None, axis_deg)


def match(first_deg: float = -180.0, seed: int = 0, columns: int = 16) -> ColumnMatch:
    random = np.random.default_rng(seed)
    here, usual = random.uniform(-0.1, 0.1, (2, columns))
    return ColumnMatch(first_deg, here, usual, np.ones(columns, bool), LonLat(8.54, 47.37))


@given(st.floats(0, 360, exclude_max=True), st.floats(1, 60))
def test_unrolling_puts_a_landmark_in_its_direction(azimuth_deg: float, away_px: float) -> None:
    angle = np.radians(azimuth_deg)
    u, v = 100 + away_px * np.sin(angle), 100 - away_px * np.cos(angle)
    rows, columns = np.indices((200, 200)) + 0.5
    rgb = np.zeros((200, 200, 3), np.uint8)
    rgb[np.hypot(columns - u, rows - v) < 3.0] = 255
    out = polar(rgb, (100.0, 100.0), 80.0, (-180.0, 180.0), (160, 720))
    at_row = round((1 - away_px / 80.0) * 160 - 0.5)
    at_column = int((wrapped(azimuth_deg) + 180.0) * 2.0) % 720
    assert out[at_row, at_column, 0] > 200
    opposite = out[at_row, (at_column + 360) % 720, 0]
    assert opposite < 50 or away_px < 4.0


@given(degrees, degrees, st.floats(1.0, 120.0))
def test_pieces_of_an_arc_are_all_of_it(
    axis_deg: float, azimuth_deg: float, width_deg: float
) -> None:
    panel = Panel(axis_deg, 180.0)
    pieces = list(panel.pieces(azimuth_deg, width_deg))
    assert all(-1e-6 <= left < right <= 1000 + 1e-6 for left, right in pieces)
    total = sum(right - left for left, right in pieces)
    assert total == pytest.approx(width_deg / 360 * 1000, abs=1e-2)
    middle = panel.x(wrapped(azimuth_deg + width_deg / 2 - axis_deg))
    assert any(left - 0.1 <= middle <= right + 0.1 for left, right in pieces)


@given(degrees)
def test_turned_columns_keep_their_sum(azimuth_deg: float) -> None:
    made = match()
    turned = made.around(azimuth_deg)
    assert turned.sum() == pytest.approx(made.here.sum(), abs=1e-9)
    by_columns = made.around(made.first_deg + 3 * made.width_deg)
    np.testing.assert_allclose(by_columns, np.roll(made.here, -3))


def test_ruler_marks_true_azimuths() -> None:
    labels = {tick.label: tick.x for tick in ruler(Panel(90.0, 180.0)) if tick.label}
    assert labels["N 0°"] == 250.0 and labels["E 90°"] == 500.0 and labels["S 180°"] == 750.0
    labels = {tick.label: tick.x for tick in ruler(Panel(None, 180.0)) if tick.label}
    assert labels["axis"] == 500.0 and labels["+90°"] == 750.0 and labels["-90°"] == 250.0
    near = ruler(Panel(350.0, 60.0))
    labels = {tick.label: tick.x for tick in near if tick.label}
    assert labels["N 0°"] == pytest.approx(500 + 10 / 60 * 500, abs=0.1)
    assert labels["330°"] == pytest.approx(500 - 20 / 60 * 500, abs=0.1)
    assert all(0 <= tick.x <= 1000 for tick in near)


@pytest.mark.parametrize("axis_deg", [0.0, 100.0, 300.0])
def test_a_narrow_view_is_enlarged_around_its_axis(axis_deg: float) -> None:
    assert panel_of(view(256, axis_deg), 10.0).half_deg == 180.0
    panel = panel_of(view(64, axis_deg), 10.0)
    assert 45.0 <= panel.half_deg <= 60.0
    centred = axis_centred(view(64, axis_deg))
    assert centred.visible[100:156].all() and not centred.visible[:90].any()
    assert strip_uri(centred, panel).startswith("data:image/jpeg;base64,")


def test_what_is_not_seen_is_hatched() -> None:
    out = hatched(np.zeros((10, 20, 3), np.uint8), np.arange(20) < 10)
    assert (out[:, :10] == 0).all() and (out[:, 10:] > 100).all()
    assert len(np.unique(out[:, 10:])) == 2


def test_bars_stand_under_their_direction(case: Any, make_sight: Any) -> None:
    told = np.zeros(16)
    told[12] = 0.1  # 90 to 112.5 degrees
    told[4] = -0.05  # 270 to 292.5
    seen = np.ones(16, bool)
    seen[0] = False
    made = ColumnMatch(-180.0, told, np.zeros(16), seen, LonLat(8.54, 47.37))
    drawn = draw_sight(make_sight(case, made, heading_deg=90.0), view(256, 90.0), 0.1)
    cut = draw_sight(make_sight(case, made, heading_deg=100.0), view(256, 100.0), 0.1)
    assert len(cut.bars) == 16
    assert len(drawn.bars) == 15
    up = next(bar for bar in drawn.bars if bar.height > 0)
    down = next(bar for bar in drawn.bars if bar.height < 0)
    assert up.x == 500.0 and up.width == pytest.approx(62.5) and up.label == "+10.0"
    assert up.height == pytest.approx(-2 * down.height) and down.label == "\u22125.0"
    assert drawn.sectors[0].strength is None
    assert drawn.sectors[12].strength == 1.0 and drawn.sectors[4].strength == -0.5
    # Its arc on the map is to the east of the camera.
    x = float(re.match(r"M([\d.]+)", drawn.sectors[12].path)[1])  # type: ignore[index]
    assert x > drawn.camera[0] + 0.9 * drawn.reach
    assert drawn.arrow_deg == pytest.approx(90.0, abs=2.0)


def test_the_wedge_is_as_wide_as_the_picture(case: Any, make_sight: Any) -> None:
    sight = make_sight(case, None, heading_deg=0.0)
    assert draw_sight(sight, view(256), 0.1).wedge == ""
    narrow = draw_sight(sight, view(64), 0.1)
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", narrow.wedge)]
    x, y, x1, y1 = numbers[:4]
    assert np.degrees(np.arctan2(x1 - x, y - y1)) == pytest.approx(-45.0, abs=2.0)
    assert narrow.bars == () and narrow.best is None
    assert len(narrow.unseen) == 2 and narrow.unseen[0][0] == 0.0


def test_without_a_heading_nothing_is_unrolled(case: Any, make_sight: Any) -> None:
    drawn = draw_sight(make_sight(case, None, heading_deg=None), view(256, 0.0, False), 0.1)
    assert drawn.unrolled is None and drawn.arrow_deg is None and drawn.wedge == ""


def test_reasons_name_directions_and_differences(case: Any, make_sight: Any) -> None:
    here = np.full(16, 0.02)
    first = make_sight(case, ColumnMatch(-180.0, here, here * 0, here > 0, LonLat(8.54, 47.37)))
    theirs = here.copy()
    theirs[12] -= 0.05
    theirs[3] += 0.03
    lost = ColumnMatch(-180.0, theirs, here * 0, here > 0, LonLat(8.54, 47.37))
    other = make_sight(case, lost, rank=2)
    why = reasons(first, [other])
    assert why is not None
    assert "32.0 here" in why.total and "30.0 at the other places" in why.total
    assert why.for_it == "east 90\u2013112° (+5.0)"
    assert why.against == "west 248\u2013270° (\u22123.0)"
    said = why_behind(first, other, 2.0)
    # The candidates' scores: the same likeness, matches 0.65 and 0.60.
    assert "Score \u221210.0 compared" in said and "\u221210.0 by its directions" in said
    assert "Fits worse: east 90\u2013112° (\u22125.0)" in said
    assert "as at the first place" not in said
    assert reasons(make_sight(case, None), []) is None


def test_the_evidence_says_what_the_report_draws(case: Any, make_sight: Any) -> None:
    """Numbers by column for programs: unseen ones are null, rivals count from the same level."""
    first = make_sight(case, match(seed=3), heading_deg=10.0)
    first.match.seen[:4] = False
    other = make_sight(case, match(seed=4), heading_deg=100.0, rank=2)
    told = evidence_of(case.result, [first, other], [])
    assert told.query == "a full circle, its heading given" and len(told.limits) >= 2
    ours, theirs = told.places
    assert (ours.rank, theirs.rank) == (1, 2) and theirs.directions.rivals is None
    assert ours.words[0].startswith("All directions together")
    assert theirs.words[0].startswith("Score ")
    assert ours.directions.first_deg == first.match.first_deg % 360
    assert ours.directions.told[:4] == ours.directions.rivals[:4] == (None,) * 4
    np.testing.assert_allclose(ours.directions.told[4:], first.match.evidence[4:], atol=1e-5)
    rivals = rivals_of(first, [other]) - first.match.usual
    np.testing.assert_allclose(ours.directions.rivals[4:], rivals[4:], atol=1e-5)
    blind = evidence_of(case.result, [make_sight(case, None)], [])
    assert blind.places[0].directions is None and blind.places[0].words == ()
    assert evidence_of(case.result, [], []).places == ()


def test_rivals_are_compared_by_directions_of_the_photo(case: Any, make_sight: Any) -> None:
    """The same view found under another heading: its columns are those of the photo."""
    first = make_sight(case, match(seed=3), heading_deg=10.0)
    turned = ColumnMatch(
        -180.0, np.roll(first.match.here, 4), first.match.usual, first.match.seen, first.place
    )
    other = make_sight(case, turned, heading_deg=100.0, rank=2)
    np.testing.assert_allclose(rivals_of(first, [other]), first.match.here, atol=1e-12)
    alone = reasons(first, [other])
    assert alone is not None and alone.for_it == alone.against == ""


def test_coverage_counts_what_lies_within_reach(case: Any, make_sight: Any) -> None:
    sight = make_sight(case, None)
    assert sight.coverage == 1.0
    columns = np.arange(sight.covered.shape[1])
    x_m = sight.imagery.bounds.left_m + (columns + 0.5) * 72.0 / 128
    half = np.broadcast_to(x_m < case.centre[0], sight.covered.shape)
    assert replace(sight, covered=half).coverage == pytest.approx(0.5, abs=0.01)
    far = np.broadcast_to(x_m < case.centre[0] - 51.0, sight.covered.shape)
    assert replace(sight, covered=far).coverage == 0.0
