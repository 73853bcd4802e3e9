"""Calibration recovers the numbers that made the data."""

from __future__ import annotations

import numpy as np
import pytest

from cvgl_core.evaluation.calibration import fit_calibration, minimise_nll
from cvgl_core.evaluation.gallery import Scores


@pytest.mark.parametrize(("temperature", "outside"), [(0.05, 14.0), (0.2, 3.0)])
def test_fit_recovers_the_generating_model(temperature, outside):
    rng = np.random.default_rng(1)
    scores = rng.normal(0.5, 0.15, (6000, 10)).astype(np.float32)
    logits = np.concatenate([scores / temperature, np.full((6000, 1), outside)], axis=1)
    right = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    found_temperature, found_outside = minimise_nll(scores, right, np.ones(6000))
    assert found_temperature == pytest.approx(temperature, rel=0.08)
    assert found_outside * found_temperature == pytest.approx(outside * temperature, abs=0.02)


def test_separable_data_says_not_here_for_strangers():
    rng = np.random.default_rng(2)
    retrieval = rng.normal(0.2, 0.05, (300, 40)).astype(np.float32)
    truth = rng.integers(0, 40, 300)
    inside = Scores(retrieval.copy(), retrieval.copy())
    inside.retrieval[np.arange(300), truth] += rng.normal(0.8, 0.1, 300).astype(np.float32)
    stranger = Scores(retrieval, retrieval)
    fit = fit_calibration(inside, truth, stranger, depth=10)

    def outside(scores: Scores) -> float:
        best = np.sort(scores.retrieval + scores.match, axis=1)[:, -10:] / fit.temperature
        return float(np.mean(fit.outside_logit > best.max(axis=1)))

    assert outside(stranger) > 0.9
    assert outside(inside) < 0.2
    assert "300 held-out views" in fit.fitted_on
