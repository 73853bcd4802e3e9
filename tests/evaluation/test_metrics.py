"""The field's figures against slow references and hand-made cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cvgl_core.evaluation import metrics


@given(
    arrays.arrays(np.float32, (6, 9), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    arrays.arrays(np.int64, (6,), elements=st.integers(0, 8)),
)
def test_rank_equals_a_stable_sort(scores, truth):
    order = np.argsort(-scores, axis=1, kind="stable")
    expected = [list(row).index(t) for row, t in zip(order, truth, strict=True)]
    assert metrics.rank_of(scores, truth).tolist() == expected


def test_recall_and_within():
    ranks = np.array([0, 3, 4, 20])
    assert metrics.recall_at(ranks, 1) == 0.25
    assert metrics.recall_at(ranks, 5) == 0.75
    assert metrics.within(np.array([0.5, 10.0, 11.0, 400.0]), 10.0) == 0.5
    assert math.isnan(metrics.recall_at(np.array([], dtype=int), 1))


@pytest.mark.parametrize(("gallery", "k"), [(1, 1), (100, 1), (101, 2), (1156, 12)])
def test_one_percent(gallery, k):
    assert metrics.one_percent(gallery) == k


def test_calibration_error_of_honest_and_boastful_probabilities():
    rng = np.random.default_rng(0)
    stated = rng.uniform(0, 1, 20_000)
    honest = rng.uniform(0, 1, 20_000) < stated
    assert metrics.expected_calibration_error(stated, honest) < 0.02
    boastful = np.zeros(1000, dtype=bool)
    assert metrics.expected_calibration_error(np.full(1000, 0.9), boastful) == pytest.approx(0.9)
