"""Ranks without a full matrix, against a full matrix and a sort."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cvgl_core.evaluation import ranking

TILES, QUERIES = 11, 5
levels = st.sampled_from([-1.0, 0.0, 0.5, 1.0])
near = arrays.arrays(np.int64, (QUERIES, 3), elements=st.integers(-1, TILES - 1))
right = arrays.arrays(np.int64, QUERIES, elements=st.integers(0, TILES - 1))


def sorted_tiles(scores):
    """Tiles of each query, best first, the lower number first among equals."""
    return [sorted(range(len(row)), key=lambda t, row=row: (-row[t], t)) for row in scores]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(ranking, "_CHUNK_ROWS", 4)


def check(gallery, queries, positive, semi_positive):
    semi_positive = np.array(
        [
            [s if s != p and s not in row[:i] else -1 for i, s in enumerate(row)]
            for p, row in zip(positive, semi_positive.tolist(), strict=True)
        ]
    )
    found = ranking.ranks(gallery, queries, positive, semi_positive)
    wide = gallery.astype(np.float32)
    unit = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), np.float32(1e-12))
    order = sorted_tiles(queries @ unit.T)
    for query, (tiles, tile) in enumerate(zip(order, positive, strict=True)):
        assert found.rank[query] == tiles.index(tile)
        others = [t for t in tiles if t not in semi_positive[query]]
        assert found.rank_of_others[query] == others.index(tile)


@given(
    arrays.arrays(np.float16, (TILES, 1), elements=levels),  # one channel: ties are exact
    arrays.arrays(np.float32, (QUERIES, 1), elements=levels),
    right,
    near,
)
def test_ranks_with_ties_equal_a_sort_of_all_scores(gallery, queries, positive, semi_positive):
    check(gallery, queries, positive, semi_positive)


@given(st.integers(0, 10_000), right, near)
def test_ranks_equal_a_sort_of_all_scores(seed, positive, semi_positive):
    rng = np.random.default_rng(seed)
    gallery = rng.normal(size=(TILES, 4)).astype(np.float16)
    check(gallery, rng.normal(size=(QUERIES, 4)).astype(np.float32), positive, semi_positive)


@given(
    arrays.arrays(np.float32, (QUERIES, 6), elements=levels),
    st.integers(1, 9),
    right,
    st.randoms(use_true_random=False),
)
def test_rank_after_equals_a_stable_sort_of_the_first(scores, depth, positive, random):
    order = np.array([random.sample(range(TILES), TILES) for _ in range(QUERIES)])
    rank = np.array([list(row).index(t) for row, t in zip(order, positive, strict=True)])
    found = ranking.rank_after(scores, order[:, :6], positive, rank, depth)
    for query in range(QUERIES):
        first = order[query, : min(depth, 6)].tolist()
        again = sorted(range(len(first)), key=lambda i, q=query: (-scores[q, i], i))
        whole = [first[i] for i in again] + order[query, len(first) :].tolist()
        assert found[query] == whole.index(positive[query])


def test_only_the_first_change_places():
    scores = np.array([[0.1, 0.2, 0.9]], np.float32)
    tiles = np.array([[4, 7, 2]])
    for depth, expected in ((1, 2), (2, 2), (3, 0)):
        found = ranking.rank_after(scores, tiles, np.array([2]), np.array([2]), depth)
        assert found.tolist() == [expected]
