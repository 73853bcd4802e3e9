"""Graded figures against values worked by hand and against loops from the definitions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.evaluation.graded import (
    asi,
    average_precision,
    by_score,
    graded_figures,
    hierarchical_ap,
    hierarchical_ap_at_r,
    level_ap,
    map_at_r,
    ndcg,
    precision_at_1,
    recall_rate,
)

rankings = st.lists(st.integers(0, 3), min_size=1, max_size=14)


def slow_ndcg(ranked):
    def gain(order):
        return sum((2**t - 1) / math.log2(k + 1) for k, t in enumerate(order, 1))

    return gain(ranked) / gain(sorted(ranked, reverse=True))


def slow_hap(ranked, first=None, highest=3):
    rel = [(t / highest) / ranked.count(t) if t else 0.0 for t in ranked]
    depth = len(ranked) if first is None else first
    return sum(
        sum(min(rel[k], rel[j]) for j in range(k + 1)) / (k + 1) for k in range(depth) if rel[k]
    ), sum(rel)


def slow_asi(ranked):
    ideal = sorted(ranked, reverse=True)
    relevant = sum(t > 0 for t in ranked)
    shares = []
    for k in range(1, relevant + 1):
        left, shared = list(ranked[:k]), 0
        for level in ideal[:k]:
            if level in left:
                left.remove(level)
                shared += 1
        shares.append(shared / k)
    return sum(shares) / relevant


def slow_ap(hits, depth=None):
    found = [sum(hits[: k + 1]) / (k + 1) for k in range(len(hits)) if hits[k]]
    within = sum(hits[:depth]) if depth is not None else len(found)
    return sum(found[:within]) / sum(hits)


def one(value):
    assert value.shape == (1,)
    return value[0]


@settings(max_examples=200)
@given(rankings)
def test_equal_loops(ranked):
    array = np.array([ranked])
    if not any(ranked):
        assert np.isnan([one(f(array)) for f in (ndcg, asi)]).all()
        assert math.isnan(one(hierarchical_ap(array, 3)))
    else:
        assert one(ndcg(array)) == pytest.approx(slow_ndcg(ranked))
        assert one(asi(array)) == pytest.approx(slow_asi(ranked))
        found, whole = slow_hap(ranked)
        assert one(hierarchical_ap(array, 3)) == pytest.approx(found / whole)
    for level in (1, 2, 3):
        hits = [t >= level for t in ranked]
        if not any(hits):
            assert math.isnan(one(average_precision(np.array([hits]))))
            assert math.isnan(one(precision_at_1(np.array([hits]))))
            continue
        assert one(average_precision(np.array([hits]))) == pytest.approx(slow_ap(hits))
        assert one(map_at_r(np.array([hits]))) == pytest.approx(slow_ap(hits, sum(hits)))
        assert one(precision_at_1(np.array([hits]))) == hits[0]
        assert one(recall_rate(np.array([hits]), 3)) == any(hits[:3])
    for level in (1, 2, 3):
        kept = [t == level for t in ranked if t <= level]
        value = one(level_ap(array, level))
        assert math.isnan(value) if not any(kept) else value == pytest.approx(slow_ap(kept))
    if 3 in ranked:
        count = ranked.count(3)
        found = slow_hap(ranked, count)[0] / slow_hap(sorted(ranked, reverse=True), count)[0]
        assert one(hierarchical_ap_at_r(array, 3)) == pytest.approx(found)


@given(rankings)
def test_small_unsigned_levels_count_like_any_other(ranked):
    """As ``relevance_levels`` makes them: they must not wrap where they are negated or summed."""
    wide, small = (graded_figures(np.array([ranked], kind), 3) for kind in (np.int64, np.uint8))
    for name, value in wide.items():
        assert one(small[name]) == pytest.approx(one(value), nan_ok=True), name


def test_by_hand():
    ranked = np.array([[2, 0, 3, 1]])
    # Gains 3, 0, 7, 1 against 7, 3, 1 in the ideal order.
    expected = (3 + 7 / 2 + 1 / math.log2(5)) / (7 + 3 / math.log2(3) + 1 / 2)
    assert one(ndcg(ranked)) == pytest.approx(expected)
    # Relevances 2/3, 0, 1, 1/3: Hranks 2/3, -, 2/3 + 1, 3 * 1/3.
    assert one(hierarchical_ap(ranked, 3)) == pytest.approx((2 / 3 + 5 / 9 + 1 / 4) / 2)
    # Depth 1: {2} and {3}; 2: {2, 0} and {3, 2}; 3: {2, 0, 3} and {3, 2, 1}.
    assert one(asi(ranked)) == pytest.approx((0 + 1 / 2 + 2 / 3) / 3)
    # Of level 1 alone, the higher ones taken out: [0, 1].
    assert one(level_ap(ranked, 1)) == pytest.approx(1 / 2)


@given(rankings.filter(lambda ranked: 3 in ranked))
def test_the_ideal_order_is_perfect(ranked):
    ideal = np.array([sorted(ranked, reverse=True)])
    values = graded_figures(ideal, 3)
    for name, value in values.items():
        if not name.startswith("H-AP") and not math.isnan(one(value)):
            assert one(value) == pytest.approx(1.0), name
    assert one(values["H-AP@R"]) == pytest.approx(1.0)


def test_hierarchical_ap_of_the_ideal_order():
    """1 where the relevance falls with the level, as it does with equal counts."""
    assert one(hierarchical_ap(np.array([[3, 3, 2, 2, 1, 1, 0]]), 3)) == pytest.approx(1.0)


def test_a_truncated_ideal_would_flatter():
    """A right item far down must cost: the ideal order is that of the whole list."""
    ranked = np.zeros((1, 100), int)
    ranked[0, :5], ranked[0, 99] = 1, 3
    assert one(ndcg(ranked)) < 0.5


def test_ties_go_to_the_first():
    scores = np.array([[0.5, 0.5, 0.7], [0.1, 0.1, 0.1]])
    levels = np.array([[1, 2, 3], [0, 1, 2]])
    assert by_score(scores, levels).tolist() == [[3, 1, 2], [0, 1, 2]]
