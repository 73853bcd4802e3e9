import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.index import exact_search, search


def brute(gallery: np.ndarray, queries: np.ndarray, k: int, where: np.ndarray) -> list[list[int]]:
    g, q = gallery.astype(np.float64), queries.astype(np.float64)
    g /= np.maximum(np.linalg.norm(g, axis=1, keepdims=True), 1e-12)
    q /= np.maximum(np.linalg.norm(q, axis=1, keepdims=True), 1e-12)
    cosines = np.round(q @ g.T, 5)
    cosines[:, ~where] = -9
    return [
        sorted(range(len(g)), key=lambda i: (-row[i], i))[: min(k, where.sum())] for row in cosines
    ]


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 60),
    st.integers(1, 5),
    st.integers(1, 70),
    st.integers(1, 9),
)
def test_against_brute_force_with_many_ties(seed: int, n: int, q: int, k: int, chunk: int) -> None:
    rng = np.random.default_rng(seed)
    gallery = rng.integers(-1, 2, (n, 3)).astype(np.float16)
    queries = np.eye(3, dtype=np.float32)[rng.integers(0, 3, q)]
    where = rng.random(n) < 0.7
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_CHUNK_ROWS", chunk)
        result = exact_search(gallery, queries, k, where)
    assert result.indices.tolist() == brute(gallery, queries, k, where)
    assert result.indices.shape == result.scores.shape == (q, min(k, where.sum()))
    assert (np.diff(result.scores, axis=1) <= 0).all()


def test_equal_descriptors_come_in_order_of_the_index() -> None:
    gallery = np.repeat(np.array([[0.3, 0.4]], np.float16), 9000, axis=0)
    assert exact_search(gallery, np.ones((1, 2), np.float32), 5).indices.tolist() == [
        [0, 1, 2, 3, 4]
    ]


def test_nothing_allowed_gives_nothing() -> None:
    result = exact_search(
        np.ones((3, 2), np.float16), np.ones((2, 2), np.float32), 4, np.zeros(3, bool)
    )
    assert result.indices.shape == (2, 0)
