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


@pytest.mark.parametrize(
    ("gallery", "vigor", "sample4geo"), [(1, 1, 0), (100, 2, 1), (199, 2, 1), (45304, 454, 453)]
)
def test_both_definitions_of_one_percent(gallery, vigor, sample4geo):
    assert metrics.one_percent_vigor(gallery) == vigor
    assert metrics.one_percent_sample4geo(gallery) == sample4geo


def test_error_thresholds_are_those_of_vigors_script():
    thresholds_m = metrics.error_thresholds_m()
    assert 0.25 <= thresholds_m[0] < 0.256
    assert 980 < thresholds_m[-1] <= 1000
    one = int(np.argmin(np.abs(thresholds_m - 1)))
    assert thresholds_m[one : one + 100] == pytest.approx([1.1 ** (i / 5) for i in range(100)])


def slow_reliability(probabilities, correct, bins):
    rows = []
    for i in range(bins):
        inside = [
            (p, c)
            for p, c in zip(probabilities, correct, strict=True)
            if min(int(p * bins), bins - 1) == i
        ]
        if inside:
            ps, cs = zip(*inside, strict=True)
            rows.append((sum(ps) / len(ps), sum(cs) / len(cs), len(ps)))
    return rows


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_reliability_equals_a_slow_reference(rows):
    probabilities = np.array([p for p, _ in rows])
    correct = np.array([c for _, c in rows])
    curve = metrics.reliability(probabilities, correct)
    expected = slow_reliability(probabilities, correct, 10)
    assert np.stack([curve.stated, curve.came_true, curve.count], 1) == pytest.approx(
        np.array(expected)
    )
    ece = sum(abs(p - c) * n for p, c, n in expected) / len(rows)
    assert metrics.expected_calibration_error(probabilities, correct) == pytest.approx(ece)


def test_reliability_of_nothing_is_no_number():
    assert math.isnan(metrics.expected_calibration_error(np.zeros(0), np.zeros(0, bool)))


def test_bootstrap_of_a_share_agrees_with_the_binomial():
    values = np.repeat([1.0, 0.0], [300, 100])
    found = metrics.bootstrap(lambda v: float(v.mean()), values)
    half = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert found.value == 0.75
    assert found.low == pytest.approx(0.75 - half, abs=0.01)
    assert found.high == pytest.approx(0.75 + half, abs=0.01)


def test_bootstrap_holds_the_truth_nineteen_times_in_twenty():
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(100):
        found = metrics.bootstrap(lambda v: float(v.mean()), rng.normal(3, 1, 80), rounds=200)
        held += found.low <= 3 <= found.high
    assert 88 <= held <= 100


def test_bootstrap_survives_infinite_errors_and_nothing():
    values = np.array([1.0, 2.0, np.inf, np.inf, np.inf])
    found = metrics.bootstrap(lambda v: float(np.percentile(v, 50, method="nearest")), values)
    assert found.value == np.inf
    assert found.low <= 2.0
    assert math.isnan(metrics.bootstrap(lambda v: 0.0, np.zeros(0)).value)


def test_calibration_error_of_honest_and_boastful_probabilities():
    rng = np.random.default_rng(0)
    stated = rng.uniform(0, 1, 20_000)
    honest = rng.uniform(0, 1, 20_000) < stated
    assert metrics.expected_calibration_error(stated, honest) < 0.02
    boastful = np.zeros(1000, dtype=bool)
    assert metrics.expected_calibration_error(np.full(1000, 0.9), boastful) == pytest.approx(0.9)
