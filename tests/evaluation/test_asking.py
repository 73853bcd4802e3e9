"""Queries of every kind: what they show, and that their truth is true."""

from __future__ import annotations

import numpy as np
import pytest

from cvgl_core.evaluation.asking import ABOUT_DEG, KINDS, Asker, heading_errors_deg
from cvgl_core.geo.heading import HEADINGS, hypotheses
from cvgl_core.models import DEFAULT_MODEL, model_config
from cvgl_core.models.unifygeo import UnifyGeo
from cvgl_core.types import HeadingKnowledge, QueryKind

CARD = UnifyGeo(model_config(DEFAULT_MODEL)).card()
SPEC = CARD.ground
WHOLE = QueryKind(360.0, HeadingKnowledge.KNOWN)


def compass() -> np.ndarray:
    """A strip whose red channel tells the pixel's azimuth: its column."""
    strip = np.zeros((SPEC.height_px, SPEC.width_px, 3), np.uint8)
    strip[..., 0] = np.arange(SPEC.width_px) % 256
    strip[..., 1] = 200
    return strip


@pytest.mark.parametrize("kind", [*KINDS, WHOLE])
@pytest.mark.parametrize("framed", [0.0, 1.0])
def test_a_query_shows_its_window_and_knows_its_heading(kind, framed):
    strip = compass()
    ask = Asker(kind, CARD, framed)
    for number in range(8):
        asked = ask(strip, number)
        view = asked.view
        width_deg = 360 * view.visible.mean()
        # A pitched camera sees further round above and below its axis.
        assert width_deg == pytest.approx(kind.fov_deg, abs=15 if framed else 4)
        seen = (view.rgb[..., 1] == 200).any(axis=0)
        assert np.array_equal(seen, view.visible)
        columns = np.arange(SPEC.width_px)
        if kind.heading is HeadingKnowledge.KNOWN:
            assert view.centre_azimuth_deg == 0.0
            shift = 0
        else:
            assert view.centre_azimuth_deg is None
            shift = round(asked.heading_deg / 360 * SPEC.width_px)
        # The centre column looks at the true heading: its content says so.
        red = view.rgb[SPEC.height_px // 2, :, 0]
        lit = (view.rgb[SPEC.height_px // 2, :, 1] == 200) & view.visible
        assert np.array_equal(red[lit], ((columns + shift) % SPEC.width_px % 256)[lit])
        if kind.heading is HeadingKnowledge.ABOUT:
            away = heading_errors_deg(
                np.array([asked.prior.heading_deg]), np.array([asked.heading_deg])
            )
            assert away[0] <= ABOUT_DEG
        else:
            assert asked.prior is None


def test_turning_by_the_true_hypothesis_brings_north_to_the_centre():
    strip = compass()
    asked = Asker(QueryKind(360.0, HeadingKnowledge.UNKNOWN), CARD)(strip, 3)
    turns = hypotheses(asked.view, None)
    assert len(turns.rolls) == HEADINGS
    away = heading_errors_deg(turns.azimuths_deg, np.full(HEADINGS, asked.heading_deg))
    roll = int(away.argmin())
    assert away[roll] <= 180 / HEADINGS + 1e-9
    turned = np.roll(asked.view.rgb, roll * SPEC.width_px // HEADINGS, axis=1)
    middle = turned[0, SPEC.width_px // 2, 0]
    apart_px = (int(middle) - SPEC.width_px // 2 + 128) % 256 - 128
    assert abs(apart_px) <= SPEC.width_px / HEADINGS / 2 + 1


def test_the_same_number_asks_the_same():
    ask = Asker(QueryKind(90.0, HeadingKnowledge.ABOUT), CARD, framed=0.5)
    one, two, other = (ask(compass(), number) for number in (5, 5, 6))
    assert np.array_equal(one.view.rgb, two.view.rgb)
    assert one.prior == two.prior
    assert one.heading_deg != other.heading_deg


def test_headings_differ_the_short_way_round():
    found = heading_errors_deg(np.array([350.0, 10.0, 90.0]), np.array([10.0, 350.0, 270.0]))
    np.testing.assert_allclose(found, [20, 20, 180])
