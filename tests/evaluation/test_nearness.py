import numpy as np
import pytest

from cvgl_core.evaluation.nearness import Ranking, measure_nearness

QUERIES = np.eye(3, 4, dtype=np.float32)
ITEMS = np.array([[1, 0, 0, 0], [0.6, 0.8, 0, 0], [0, 0, 0, 1]], np.float32)
METRES = np.array([[1.0, 50.0, np.inf], [90.0, 2.0, 30.0], [np.inf, np.inf, np.inf]])


def ranking(distance=None):
    return Ranking("test", QUERIES, ITEMS, np.array([0, 0, 1]), lambda q, i: METRES[q, i], distance)


def test_by_hand():
    found = measure_nearness(ranking(), (100.0, 10.0))
    assert found.levels_m == (10.0, 100.0)
    # The first two queries find items in the order of their levels; the third has none.
    assert found.values["NDCG"][:2] == pytest.approx([1.0, 1.0])
    assert np.isnan(found.values["NDCG"][2])
    assert found.values["top-1 m"].tolist() == [1.0, 2.0, np.inf]
    figures = found.figures()
    assert figures["R@1"].value == 1.0
    assert figures["top-1 p50 m"].value == 2.0
    assert figures["top-1 p90 m"].value == np.inf


def test_new_distances_replace_cosines():
    found = measure_nearness(ranking(np.array([[3.0, 2, 1]] * 3, np.float32)), (10.0, 100.0))
    assert found.values["top-1 m"].tolist() == [np.inf, 30.0, np.inf]
    assert found.values["R@1"][:2].tolist() == [0.0, 0.0]


def test_means_are_bootstrapped_over_places():
    """All queries of one place: no spread is known."""
    rng = np.random.default_rng(0)
    queries = rng.normal(size=(50, 4)).astype(np.float32)
    metres = rng.uniform(0, 200, (50, 3))
    one = Ranking("", queries, ITEMS, np.zeros(50, int), lambda q, i: metres[q, i])
    many = Ranking("", queries, ITEMS, np.arange(50), lambda q, i: metres[q, i])
    same, spread = (measure_nearness(r, (10.0, 100.0)).figures()["NDCG"] for r in (one, many))
    assert same.low == same.high == pytest.approx(same.value)
    assert spread.low < spread.value < spread.high
