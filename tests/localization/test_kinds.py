"""Which calibration holds for which photo."""

import dataclasses

import numpy as np
import pytest

from cvgl_core.geo.heading import HeadingPrior
from cvgl_core.localization.kinds import UNCALIBRATED, calibration_for, kind_of
from cvgl_core.models import create_model
from cvgl_core.types import Calibration, GroundView, HeadingKnowledge, KindCalibration, QueryKind

KNOWN, ABOUT, UNKNOWN = HeadingKnowledge


def kind(fov_deg, heading):
    return QueryKind(fov_deg, heading)


def fitted(temperature):
    return Calibration(temperature, 10.0)


@pytest.fixture(scope="module")
def card():
    kinds = (
        KindCalibration(kind(360, UNKNOWN), fitted(2.0)),
        KindCalibration(kind(180, UNKNOWN), fitted(3.0)),
        KindCalibration(kind(90, UNKNOWN), fitted(4.0)),
        KindCalibration(kind(90, ABOUT), fitted(5.0)),
    )
    plain = create_model("unifygeo-lite0").card()
    return dataclasses.replace(plain, calibration=fitted(1.0), kinds=kinds)


@pytest.mark.parametrize(
    ("seen", "heading_deg", "std_deg", "expected"),
    [
        (64, 0.0, None, kind(360, KNOWN)),
        (32, 90.0, 5.0, kind(180, KNOWN)),
        (64, None, None, kind(360, UNKNOWN)),
        (16, None, 20.0, kind(90, ABOUT)),
        (16, None, 120.0, kind(90, UNKNOWN)),
    ],
)
def test_a_query_is_of_the_kind_that_it_shows(seen, heading_deg, std_deg, expected):
    view = GroundView(np.zeros((4, 64, 3), np.uint8), np.arange(64) < seen, heading_deg)
    prior = None if std_deg is None else HeadingPrior(10.0, std_deg)
    assert kind_of(view, prior) == expected


@pytest.mark.parametrize(
    ("query", "temperature", "fits"),
    [
        (kind(360, KNOWN), 1.0, True),
        (kind(340, KNOWN), 1.0, True),
        (kind(360, UNKNOWN), 2.0, True),
        (kind(230, UNKNOWN), 3.0, True),
        (kind(100, UNKNOWN), 4.0, True),
        (kind(100, ABOUT), 5.0, True),
        (kind(360, ABOUT), 1.0, False),  # nothing like it was fitted
        (kind(90, KNOWN), 1.0, False),
        (kind(30, UNKNOWN), 1.0, False),
    ],
)
def test_the_nearest_kind_of_the_same_knowledge_counts(card, query, temperature, fits):
    chosen = calibration_for(card, query)
    assert (chosen.calibration.temperature, chosen.fits) == (temperature, fits)


def test_without_any_calibration_nothing_fits():
    chosen = calibration_for(create_model("unifygeo-lite0").card(), kind(360, KNOWN))
    assert chosen.calibration == UNCALIBRATED
    assert not chosen.fits
