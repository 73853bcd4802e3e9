import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cvgl_core.evaluation.places import NEVER, average_precision, best_of, place_ranks


def slow_average_precision(right):
    """The loop of the data set's ``compute_mAP``, word by word from its description."""
    rows = [rank for rank, good in enumerate(right) if good]
    total = 0.0
    for i, rank in enumerate(rows):
        precision = (i + 1) / (rank + 1)
        before = i / rank if rank else 1.0
        total += (before + precision) / 2 / len(rows)
    return total


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_by_hand():
    right = np.array([[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]], bool)
    # first: ranks 0 and 2: (1 + 1) / 2 and (1/2 + 2/3) / 2; second: rank 1: (0 + 1/2) / 2
    assert average_precision(right) == pytest.approx([(1 + 7 / 12) / 2, 0.25, 0.0, 1.0])


@given(arrays(bool, st.tuples(st.integers(1, 6), st.integers(1, 12))))
def test_equals_the_slow_loop(right):
    assert average_precision(right) == pytest.approx([slow_average_precision(r) for r in right])


def test_figures_on_a_hand_made_gallery():
    gallery = unit(np.eye(4))
    queries = unit(np.array([[9, 1, 0, 0], [1, 9, 0, 0], [0, 0, 9, 1], [5, 0, 0, 9]]))
    found = place_ranks(queries, gallery, np.array([1, 1, 3, 7]), np.array([1, 2, 3, 4]))
    assert found.best.tolist() == [0, 1, 0, NEVER]
    assert found.without_match == 1
    figures = found.figures()
    # A query without a match is a failure, not left out.
    assert figures["r@1"].value == 0.5
    assert figures["r@5"].value == 0.75
    assert figures["ap"].value == pytest.approx((1 + 0.25 + 1) / 4)
    assert figures["r@1"].low <= 0.5 <= figures["r@1"].high


def test_one_percent_takes_one_more_than_the_rounded_share():
    gallery = unit(np.random.default_rng(0).normal(size=(160, 8)))
    order = best_of(gallery[:1], gallery)[0]
    place = np.zeros(160, int)
    place[order[2]] = 1  # rank 2; round(1.6) = 2, so the first three count
    assert place_ranks(gallery[:1], gallery, np.array([1]), place).figures()["r@1%"].value == 1.0
    place = np.zeros(160, int)
    place[order[3]] = 1
    assert place_ranks(gallery[:1], gallery, np.array([1]), place).figures()["r@1%"].value == 0.0


def test_among_equals_the_first_comes_first():
    gallery = unit(np.ones((5, 3)))
    assert best_of(gallery[:2], gallery, 3).tolist() == [[0, 1, 2], [0, 1, 2]]


def test_chunks_make_no_difference(monkeypatch):
    rng = np.random.default_rng(1)
    queries, gallery = unit(rng.normal(size=(17, 5))), unit(rng.normal(size=(23, 5)))
    places = rng.integers(0, 6, 17), rng.integers(0, 6, 23)
    whole = place_ranks(queries, gallery, *places)
    monkeypatch.setattr("cvgl_core.evaluation.places._CHUNK_SCORES", 50)
    parts = place_ranks(queries, gallery, *places)
    assert (whole.best == parts.best).all()
    assert (whole.average_precision == parts.average_precision).all()


def test_intervals_count_places_not_photos():
    """Ten photos of each of two places that all agree: the interval spans everything."""
    gallery = unit(np.eye(2))
    place = np.repeat([0, 1], 10)
    queries = np.repeat(gallery[:1], 20, axis=0)
    figure = place_ranks(queries, gallery, place, np.arange(2)).figures()["r@1"]
    assert (figure.low, figure.value, figure.high) == (0.0, 0.5, 1.0)
