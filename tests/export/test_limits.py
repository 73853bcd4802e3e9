"""Limits in words fit the photo, the imagery and the verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cvgl_core.export.limits import ImagerySource, limits, query_kind
from cvgl_core.types import Verdict

SHARP = ImagerySource("ortho.tif", "2019-05-01T00:00:00Z", 0.25, "ab" * 32)


def said(case: Any, *sources: ImagerySource, **change: Any) -> str:
    return " ".join(limits(replace(case.result, **change), sources))


def test_a_known_panorama(case: Any) -> None:
    text = said(case, SHARP)
    assert "taken as known (from: XMP GPano:PoseHeadingDegrees)" in text
    assert "Photo of 2025-06-01" in text and "2019-05-01, at least 6 years apart" in text
    assert "not calibrated" in text and "enlarged" not in text
    assert query_kind(case.result.view) == "a full circle, its heading given"


def test_a_narrow_view_of_unknown_heading(case: Any) -> None:
    view = replace(case.result.view, visible=np.arange(256) < 64, centre_azimuth_deg=None)
    estimate = replace(case.result.estimate, heading_std_deg=12.4)
    text = said(case, view=view, estimate=estimate)
    assert "shows 90° of the circle" in text and "± 12°" in text
    assert "The date of the imagery is not stated" in text
    assert query_kind(view) == "90° of the circle, its heading searched"


@pytest.mark.parametrize(
    ("verdict", "words"),
    [(Verdict.NOT_IN_AREA, "does not say where"), (Verdict.AMBIGUOUS, "do not report")],
)
def test_verdicts_leave_something_open(case: Any, verdict: Verdict, words: str) -> None:
    assert words not in said(case)
    assert words in said(case, estimate=replace(case.result.estimate, verdict=verdict))


def test_what_probability_means(case: Any) -> None:
    settings = {"calibrated_on": "400 views of a simulated city"}
    provenance = replace(case.result.provenance, settings=settings)
    assert "400 views of a simulated city" in said(case, provenance=provenance)
    other = replace(provenance, settings=settings | {"calibrated_for_such_photos": "no"})
    assert "not as frequencies" in said(case, provenance=other)


def test_elsewhere_that_was_no_verdict(case: Any) -> None:
    estimate = replace(case.result.estimate, verdict=Verdict.AMBIGUOUS)
    posterior = replace(case.result.posterior, outside_probability=0.9)
    assert "no evidence" in said(case, estimate=estimate, posterior=posterior)
    assert "no evidence" not in said(case, estimate=estimate)


@pytest.mark.parametrize("acquired", ["", "yesterday", "\u202e2019", "99999-01-01", "0000"])
def test_dates_that_are_none(case: Any, acquired: str) -> None:
    assert "not stated" in said(case, replace(SHARP, acquired=acquired))


def test_years_and_months_and_coarse_imagery(case: Any) -> None:
    coarse = replace(SHARP, acquired="2025", gsd_m_per_px=2.0)
    text = said(case, coarse, replace(SHARP, acquired="2025-04"))
    assert "imagery of 2025-01-01 to 2025-04-01." in text
    assert "2.0 m per pixel was enlarged to the 0.56 m" in text


def test_a_first_square_of_a_lower_score(case: Any) -> None:
    assert "not the one of the best score" not in said(case)
    first, second, *others = case.result.candidates
    moved = (second, first, *others)
    assert "not the one of the best score" in said(case, candidates=moved)
    assert said(case, candidates=())
