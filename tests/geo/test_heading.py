"""Priors are soft: they weigh hypotheses, and never rule one out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from cvgl_core.errors import SettingsError
from cvgl_core.geo.heading import WRONG, HeadingPrior

angles = st.floats(-720, 720)
deviations = st.floats(0.5, 180)
counts = st.sampled_from([1, 4, 16, 64])


def azimuths(count: int) -> np.ndarray:
    return np.arange(count) * 360.0 / count


@given(angles, deviations, counts)
def test_weights_share_out_the_circle_and_rule_nothing_out(
    heading: float, std: float, count: int
) -> None:
    weights = np.exp(HeadingPrior(heading, std).log_weights(azimuths(count)))
    assert weights.mean() == pytest.approx(1.0, abs=1e-3)
    assert weights.min() >= WRONG * 0.999


@given(angles, deviations, st.floats(-400, 400))
def test_turning_the_prior_and_the_hypotheses_changes_nothing(
    heading: float, std: float, by: float
) -> None:
    prior = HeadingPrior(heading, std)
    turned = prior.turned(by).log_weights(azimuths(16) + by)
    np.testing.assert_allclose(turned, prior.log_weights(azimuths(16)), atol=1e-6)


def test_weights_are_the_masses_of_the_sectors() -> None:
    weights = np.exp(HeadingPrior(350.0, 20.0).log_weights(azimuths(16)))
    # North lies 10 degrees on; its sector reaches 11.25 degrees to either side.
    mass = norm.cdf(21.25, scale=20.0) - norm.cdf(-1.25, scale=20.0)
    assert weights[0] == pytest.approx((1 - WRONG) * 16 * mass + WRONG, rel=1e-6)


def test_a_sharp_prior_finds_the_hypothesis_it_lies_in() -> None:
    assert HeadingPrior(31.0, 1.0).log_weights(azimuths(16)).argmax() == 1
    assert HeadingPrior(-31.0, 1.0).log_weights(azimuths(16)).argmax() == 15


@pytest.mark.parametrize(
    ("heading", "std"), [(np.nan, 10), (np.inf, 10), (0, 0), (0, -3), (0, 181), (0, np.nan)]
)
def test_what_is_no_direction_is_refused(heading: float, std: float) -> None:
    with pytest.raises(SettingsError, match="standard deviation"):
        HeadingPrior(heading, std)
