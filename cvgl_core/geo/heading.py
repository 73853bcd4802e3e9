"""Headings to try for a photo, and what is known of them beforehand: soft, never certain."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from cvgl_core.errors import SettingsError
from cvgl_core.geo.angle import wrapped
from cvgl_core.types import BoolArray, FloatArray, GroundView

HEADINGS = 32
"""Headings tried where none is known: one every 11 degrees, so none is further off than 5.6."""

_RULED_OUT = 6.0
"""Log-weight that a heading may lie behind the likeliest one and still be searched for."""

WRONG = 0.01
"""Share of all priors that are plain wrong: a compass beside steel, a shadow of another day."""


@dataclass(frozen=True)
class HeadingPrior:
    """A normal distribution wrapped around the circle.

    ``heading_deg`` is an azimuth clockwise from the north of the caller's frame, and of the
    direction that the caller speaks of: see ``turned``.
    """

    heading_deg: float
    std_deg: float

    def __post_init__(self) -> None:
        """Check that it is a direction.

        Raises:
            SettingsError: a number is not finite, or the deviation is not one of a direction.
        """
        if not (math.isfinite(self.heading_deg) and 0 < self.std_deg <= 180):
            raise SettingsError(
                f"a heading of {self.heading_deg:g} +- {self.std_deg:g} degrees: give a standard "
                "deviation over 0 and up to 180 degrees"
            )

    def turned(self, by_deg: float) -> HeadingPrior:
        """Return the same prior of a direction that lies ``by_deg`` clockwise of this one.

        From true to grid north that is minus the convergence; from the optical axis to the centre
        column of a view minus ``GroundView.centre_heading_offset_deg``.
        """
        return replace(self, heading_deg=(self.heading_deg + by_deg) % 360.0)

    def log_weights(self, azimuths_deg: FloatArray) -> FloatArray:
        """Return the logarithm of the weight of hypotheses evenly spaced around the circle ``[R]``.

        The weight is the prior's mass in the sector of a hypothesis, relative to its share of the
        circle: 0 on average without a prior, so it is added to a log-likelihood. A share ``WRONG``
        is spread over all directions, so none is ever ruled out.
        """
        half_deg = 180.0 / len(azimuths_deg)
        away_deg = wrapped(np.asarray(azimuths_deg, np.float64) - self.heading_deg)
        turns_deg = away_deg[:, None] + 360.0 * np.arange(-2, 3)
        upper, lower = (
            _normal_cdf((turns_deg + side) / self.std_deg) for side in (half_deg, -half_deg)
        )
        mass = (upper - lower).sum(axis=1)
        weights: FloatArray = np.log((1 - WRONG) * mass * len(azimuths_deg) + WRONG)
        return weights


@dataclass(frozen=True)
class Hypotheses:
    """Headings under which a view is compared.

    Attributes:
        azimuths_deg: of the view's centre column under each roll ``[R]``, grid north.
        log_weights: of the headings beforehand ``[R]``; the likeliest has 0.
    """

    azimuths_deg: FloatArray
    log_weights: FloatArray

    @property
    def rolls(self) -> tuple[int, ...]:
        """Parts of the circle by which the view is turned to the right ``[R]``."""
        return tuple(range(len(self.azimuths_deg)))

    @property
    def searched(self) -> BoolArray:
        """Headings that are searched for at all ``[R]``; the others only may win when matched."""
        likely: BoolArray = self.log_weights >= -_RULED_OUT
        return likely


def hypotheses(view: GroundView, prior: HeadingPrior | None) -> Hypotheses:
    """Return the one heading of a view whose own is known, else all around the circle.

    Args:
        view: the strip.
        prior: for the azimuth of its centre column.
    """
    known = view.centre_azimuth_deg is not None
    count = 1 if known else HEADINGS
    azimuths_deg: FloatArray = np.arange(count, dtype=np.float64) * (360.0 / count)
    log_weights: FloatArray = np.zeros(count, dtype=np.float64)
    if prior is not None and not known:
        log_weights = prior.log_weights(azimuths_deg)
        log_weights = log_weights - log_weights.max()
    return Hypotheses(azimuths_deg, log_weights)


def _normal_cdf(values: FloatArray) -> FloatArray:
    """Return the cumulative standard normal distribution."""
    cdf: FloatArray = 0.5 * (
        1.0 + np.vectorize(math.erf, otypes=[np.float64])(values / math.sqrt(2))
    )
    return cdf
