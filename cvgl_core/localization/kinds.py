"""Kinds of queries: what a view lacks decides which calibration holds for it.

A narrow view scores lower against its own tile than a full circle, and a searched heading scores
higher against every tile; so probabilities are fitted for each kind by itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cvgl_core.geo.heading import HeadingPrior
from cvgl_core.types import Calibration, GroundView, HeadingKnowledge, ModelCard, QueryKind

UNCALIBRATED = Calibration(temperature=0.05, outside_logit=0.9 / 0.05)
"""Used when a model was not calibrated: a score of 0.9 counts as much as "none of them"."""

_FULL_DEG = 324.0
_ALIKE = 1.6
"""A view is like a kind if the one shows at most so many times the other's width."""

_ABOUT_DEG = 60.0
"""A prior for the heading with a deviation up to this makes a kind of its own."""


@dataclass(frozen=True)
class ChosenCalibration:
    """The numbers to use for a query, and whether they were fitted on queries like it."""

    calibration: Calibration
    fits: bool


def kind_of(view: GroundView, prior: HeadingPrior | None = None) -> QueryKind:
    """Return the kind of a query."""
    fov_deg = 360.0 * float(view.visible.mean())
    if view.centre_azimuth_deg is not None:
        return QueryKind(fov_deg, HeadingKnowledge.KNOWN)
    about = prior is not None and prior.std_deg <= _ABOUT_DEG
    return QueryKind(fov_deg, HeadingKnowledge.ABOUT if about else HeadingKnowledge.UNKNOWN)


def calibration_for(card: ModelCard, kind: QueryKind) -> ChosenCalibration:
    """Return the calibration of the kind that is nearest in width and as sure of its heading.

    Where no such kind was calibrated, the card's general one, which then does not fit.
    """
    if kind.heading is HeadingKnowledge.KNOWN and kind.fov_deg >= _FULL_DEG and card.calibration:
        return ChosenCalibration(card.calibration, fits=True)
    alike = [
        (_apart(known.kind, kind), number)
        for number, known in enumerate(card.kinds)
        if known.kind.heading is kind.heading
    ]
    nearest, number = min(alike, default=(math.inf, 0))
    if nearest <= math.log(_ALIKE):
        return ChosenCalibration(card.kinds[number].calibration, fits=True)
    return ChosenCalibration(card.calibration or UNCALIBRATED, fits=False)


def _apart(one: QueryKind, other: QueryKind) -> float:
    return abs(math.log(max(one.fov_deg, 1.0) / max(other.fov_deg, 1.0)))
