"""Re-ranking against the algorithm written with Python's own sets, one element at a time."""

import math

import numpy as np
import pytest

from cvgl_core.evaluation.msrerank import RerankSettings, msrerank


def slow(queries, items, how):
    everything = np.concatenate([queries, items]).tolist()
    size = len(everything)
    dot = [
        [math.fsum(a * b for a, b in zip(x, y, strict=True)) for y in everything]
        for x in everything
    ]
    squares = [[0.0 if i == j else (1 - dot[i][j]) ** 2 for j in range(size)] for i in range(size)]
    distance = [[value / max(row) for value in row] for row in squares]
    order = [sorted(range(size), key=lambda j, row=row: row[j]) for row in distance]
    found = [[None] * size for _ in queries]
    settled = [set() for _ in queries]
    for step, scale in enumerate(how.scales):
        sets = slow_sets(distance, order, scale)
        expanded = []
        for i in range(size):
            near = order[i][: how.expansion]
            expanded.append(
                {j: sum(sets[k].get(j, 0) for k in near) / len(near) for j in range(size)}
            )
        for q in range(len(queries)):
            for j in range(size):
                shared = sum(min(expanded[q][m], expanded[j][m]) for m in range(size))
                mixed = (1 - how.original) * (1 - shared / (2 - shared))
                mixed += how.original * distance[q][j]
                if j not in settled[q]:
                    found[q][j] = mixed + step
            nearest = sorted(range(size), key=lambda j, q=q: found[q][j])
            settled[q] |= set(nearest[: scale + 1])
    return np.array(found)[:, len(queries) :]


def slow_sets(distance, order, scale):
    def reciprocal(i, count):
        return {j for j in order[i][: count + 1] if i in order[j][: count + 1]}

    sets = []
    for i in range(len(order)):
        own = reciprocal(i, scale)
        members = set(own)
        for candidate in own:
            theirs = reciprocal(candidate, round(scale / 2))
            if len(theirs & own) > 2 / 3 * len(theirs):
                members |= theirs
        weights = {j: math.exp(-distance[i][j]) for j in members}
        whole = sum(weights.values())
        sets.append({j: weight / whole for j, weight in weights.items()})
    return sets


def descriptors(seed, places=5, each=4, spread=0.5):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(places, 6))
    tiles = centres + spread * rng.normal(size=centres.shape)
    views = np.repeat(centres, each, axis=0) + spread * rng.normal(size=(places * each, 6))
    return tuple(
        (part / np.linalg.norm(part, axis=1, keepdims=True)).astype(np.float32)
        for part in (tiles, views)
    )


@pytest.mark.parametrize(
    "how",
    [
        RerankSettings((4,), expansion=1),
        RerankSettings((3, 8), expansion=3, original=0.0),
        RerankSettings((3, 6, 12), expansion=2),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_equals_sets(seed, how):
    queries, items = descriptors(seed)
    np.testing.assert_allclose(
        msrerank(queries, items, how), slow(queries, items, how), rtol=1e-4, atol=1e-5
    )


def test_scales_stand_one_after_the_other():
    """What the smallest scale settled comes before everything that a larger one orders."""
    queries, items = descriptors(7)
    found = msrerank(queries, items, RerankSettings((3, 6, 12), expansion=2))
    once = msrerank(queries, items, RerankSettings((3,), expansion=2))
    for whole, first in zip(found, once, strict=True):
        first_scale = whole < 1
        assert first_scale.any()
        np.testing.assert_allclose(whole[first_scale], first[first_scale])
        assert set(np.flatnonzero(first_scale)) <= set(np.argsort(first)[:4])


def test_neighbours_help_where_places_have_many_views():
    """Items that only their fellows connect to the query move up."""
    hits = []
    for seed in range(20):
        queries, items = descriptors(seed, places=6, each=8, spread=0.55)
        place = np.repeat(np.arange(6), 8)
        how = RerankSettings((8, 16), expansion=3)
        for distance in (-(queries @ items.T), msrerank(queries, items, how)):
            best = np.argsort(distance, axis=1, kind="stable")[:, :8]
            hits.append((place[best] == np.arange(6)[:, None]).mean())
    plain, reranked = np.array(hits).reshape(-1, 2).mean(axis=0)
    assert reranked > plain + 0.02


def test_published_scales_on_a_gallery_smaller_than_they_are():
    queries, items = descriptors(1)
    found = msrerank(queries, items)
    assert found.shape == (5, 20)
    assert np.isfinite(found).all()
