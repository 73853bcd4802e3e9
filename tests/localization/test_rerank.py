"""Retrieval and re-ranking: Eq. 4, rolls, and what must not change."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvgl_core.geo import wrapped
from cvgl_core.geo.heading import Hypotheses
from cvgl_core.index import ReducedMaps
from cvgl_core.localization.heading import search_heading
from cvgl_core.localization.rerank import decode, heatmaps, ranked_by_presence, rerank
from cvgl_core.localization.retrieve import Retrieved, ViewQuery, retrieve
from cvgl_core.types import Calibration, no_progress

P = 8


class TableEngine:
    """Match scores from a table [tile, roll]; a heatmap's first cells tell its roll and tile."""

    card = SimpleNamespace(aerial_px=P)

    def __init__(self, table):
        self.table = np.asarray(table, np.float32)
        self.decoded = []

    def match_scores(self, query, rgb, rolls=(0,)):
        return self.table[rgb[:, 0, 0, 0]][:, list(rolls)]

    def decode(self, query, rgb, roll_per_tile):
        heatmap = np.zeros((len(rgb), P, P), np.float32)
        heatmap[:, 0, 0] = roll_per_tile
        heatmap[:, 0, 1] = rgb[:, 0, 0, 0]
        self.decoded += rgb[:, 0, 0, 0].tolist()
        return heatmap


def pixels_of(indices):
    pixels = np.zeros((len(indices), P, P, 3), np.uint8)
    pixels[:, 0, 0, 0] = indices
    return pixels


INDEX = SimpleNamespace(tile_pixels=pixels_of, has_maps=False)


PAPER = Calibration(temperature=0.05, outside_logit=10.0)


def query_of(rolls, descriptors=None, log_weights=None):
    """A query under so many headings, spread around the circle."""
    count = len(rolls)
    weights = np.zeros(count) if log_weights is None else np.asarray(log_weights)
    turns = Hypotheses(np.arange(count) * 360.0 / count, weights)
    if descriptors is None:
        descriptors = np.zeros((count, 4), np.float32)
    return ViewQuery(turns, descriptors, None)


def turns_deg(count):
    return np.arange(count) * 360.0 / count


def ranked(retrieval, match, batch=3):
    retrieval, match = np.asarray(retrieval, np.float32), np.asarray(match, np.float32)
    order = np.argsort(-retrieval.max(axis=1), kind="stable")
    query = query_of(range(match.shape[1]))
    found = Retrieved(order, retrieval[order])
    return rerank(TableEngine(match), INDEX, query, found, batch, no_progress, PAPER)


@given(st.integers(1, 12), st.sampled_from([1, 4]), st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_against_the_formula(count, rolls, seed, batch):
    rng = np.random.default_rng(seed)
    retrieval = rng.random((count, rolls)).astype(np.float32)
    match = rng.random((count, rolls)).astype(np.float32)
    out = ranked(retrieval, match, batch)
    total = retrieval + match
    assert sorted(tile.tile for tile in out) == list(range(count))
    assert [tile.score for tile in out] == sorted((total.max(axis=1)).tolist(), reverse=True)
    for tile in out:
        assert tile.roll == total[tile.tile].argmax()
        assert tile.retrieval_score == retrieval[tile.tile, tile.roll]
        assert tile.match_score == match[tile.tile, tile.roll]


def test_decoding_uses_each_tiles_own_roll_and_skips_the_hopeless():
    match = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.4], [0.0, 0.1]])
    out = ranked(np.zeros((4, 2)), match)
    engine = TableEngine(match)
    query = query_of((0, 1))
    known = {}
    decode(engine, INDEX, query, out[:3], known, batch_tiles=2)
    maps = [np.exp(heatmap) for heatmap in heatmaps(out, known, P)]
    assert engine.decoded == [0, 1, 2] == sorted(known)
    assert all(heatmap.sum() == pytest.approx(1.0, rel=1e-5) for heatmap in maps)
    maps = [known[tile] for tile in (0, 1, 2)] + maps[3:]
    assert [heatmap[0, 0] for heatmap in maps[:3]] == [1, 0, 1]
    assert [heatmap[0, 1] for heatmap in maps[:3]] == [0, 1, 2]
    assert maps[3].shape == (P, P)
    assert np.ptp(maps[3]) == 0


def test_equal_matches_keep_the_order_of_retrieval():
    retrieval = np.array([[0.1], [0.9], [0.5]])
    out = ranked(retrieval, np.full((3, 1), 0.25))
    assert [tile.tile for tile in out] == [1, 2, 0]
    assert [tile.retrieval_rank for tile in out] == [1, 2, 3]


def test_ties_are_broken_by_retrieval():
    out = ranked([[0.5], [0.25]], [[0.25], [0.5]])
    assert [tile.retrieval_rank for tile in out] == [1, 2]


@given(st.integers(1, 30), st.integers(1, 6), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_retrieval_over_rolls_is_the_best_of_all_pairs(count, rolls, depth, seed):
    rng = np.random.default_rng(seed)
    gallery = rng.standard_normal((count, 5))
    gallery = (gallery / np.linalg.norm(gallery, axis=1, keepdims=True)).astype(np.float16)
    queries = rng.standard_normal((rolls, 5)).astype(np.float32)

    def search(descriptors, k, where=None):
        scores = descriptors @ gallery.astype(np.float32).T
        return SimpleNamespace(indices=np.argsort(-scores, axis=1, kind="stable")[:, :k])

    index = SimpleNamespace(rows=np.arange(count), descriptors=gallery, search=search)
    found = retrieve(index, query_of(range(rolls), queries), depth, None)
    unit = gallery.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    cosines = unit @ (queries / np.linalg.norm(queries, axis=1, keepdims=True)).T
    best = cosines.max(axis=1)
    assert len(found.tiles) == min(depth, count)
    np.testing.assert_allclose(
        np.sort(best)[::-1][: len(found.tiles)], best[found.tiles], atol=1e-6
    )
    np.testing.assert_allclose(found.scores, cosines[found.tiles], atol=1e-5)


def test_a_prior_for_the_heading_is_a_log_probability():
    log_weights = np.array([0.0, -3.0, -100.0])
    retrieval, match = np.full((1, 3), 0.5, np.float32), np.zeros((1, 3), np.float32)
    found = Retrieved(np.arange(1), retrieval)
    (tile,) = rerank(
        TableEngine(match),
        INDEX,
        query_of((0, 1, 2), log_weights=log_weights),
        found,
        4,
        no_progress,
        PAPER,
    )
    # Divided by the temperature, as the posterior does, the scores differ by the log-weights.
    np.testing.assert_allclose(
        (tile.roll_scores - tile.roll_scores[0]) / PAPER.temperature, log_weights, atol=1e-4
    )
    assert tile.roll == 0


def test_headings_that_a_prior_rules_out_are_not_searched_for():
    gallery = np.eye(3, 4, dtype=np.float32)

    def search(descriptors, k, where=None):
        return SimpleNamespace(indices=np.argsort(-(descriptors @ gallery.T), axis=1)[:, :k])

    index = SimpleNamespace(rows=np.arange(3), descriptors=gallery, search=search)
    queries = np.eye(3, 4, dtype=np.float32)[[2, 0]]
    free = retrieve(index, query_of((0, 1), queries), 1, None)
    bound = retrieve(index, query_of((0, 1), queries, [-50.0, 0.0]), 1, None)
    assert free.tiles.tolist() == [0] or free.tiles.tolist() == [2]
    assert bound.tiles.tolist() == [0]
    assert bound.scores.shape == (1, 2)


@given(st.floats(0, 359.99), st.sampled_from([8, 16, 24]))
def test_heading_of_a_smooth_score_is_exact(heading, count):
    angles = np.radians(np.arange(count) * 360 / count - heading)
    rows = [np.cos(angles).astype(np.float32) * 0.5, np.cos(angles).astype(np.float32) * 0.4]
    found = search_heading(rows, np.array([0.7, 0.3]), 0.05, turns_deg(count))
    assert abs(float(wrapped(np.array(found.heading_deg - heading)))) < 360 / count / 10
    assert 360 / count / np.sqrt(12) <= found.std_deg < 60


def test_two_likely_headings_make_it_uncertain():
    rows = np.zeros((1, 16), np.float32)
    rows[0, [2, 10]] = 1.0, 0.99
    found = search_heading(list(rows), np.ones(1), 0.05, turns_deg(16))
    assert found.heading_deg == pytest.approx(45.0, abs=1)
    assert found.std_deg > 90


def test_tiles_without_weight_have_no_say():
    rows = np.zeros((2, 16), np.float32)
    rows[0, 4], rows[1, 12] = 1.0, 5.0
    found = search_heading(list(rows), np.array([1.0, 0.0]), 0.05, turns_deg(16))
    assert found.heading_deg == pytest.approx(90)


class MapIndex:
    """Keeps maps whose only code is the tile's number; has no imagery."""

    has_maps = True

    def tile_maps(self, indices):
        for number in np.unique(np.asarray(indices) % 3):
            places = np.flatnonzero(np.asarray(indices) % 3 == number)
            codes = np.asarray(indices)[places].astype(np.int8)[:, None, None, None]
            yield places, ReducedMaps(codes, np.ones((1, 1), np.float32))


class MapEngine(TableEngine):
    def match_maps(self, query, maps, rolls=(0,)):
        return self.table[maps.codes[:, 0, 0, 0]][:, list(rolls)]


@given(st.integers(1, 12), st.sampled_from([1, 4]), st.integers(0, 2**32 - 1))
def test_maps_rank_as_images_do_and_no_image_is_read(count, rolls, seed):
    rng = np.random.default_rng(seed)
    retrieval = rng.random((count, rolls)).astype(np.float32)
    match = rng.random((count, rolls)).astype(np.float32)
    order = np.argsort(-retrieval.max(axis=1), kind="stable")
    query = query_of(range(rolls))
    steps = []
    out = rerank(
        MapEngine(match),
        MapIndex(),
        query,
        Retrieved(order, retrieval[order]),
        2,
        lambda *step: steps.append(step),
        PAPER,
    )
    assert [t.tile for t in out] == [t.tile for t in ranked(retrieval, match)]
    assert [t.match_score for t in out] == [t.match_score for t in ranked(retrieval, match)]
    assert steps[0] == ("matching", 0, count) and steps[-1] == ("matching", count, count)


@given(st.floats(0.0, 5.0), st.integers(0, 2**32 - 1))
def test_the_match_counts_as_much_as_the_calibration_says(weight, seed):
    rng = np.random.default_rng(seed)
    retrieval, match = rng.random((2, 6, 3)).astype(np.float32)
    order = np.arange(6)
    query = query_of((0, 1, 2))
    calibration = replace(PAPER, match_weight=weight)
    found = Retrieved(order, retrieval)
    out = rerank(TableEngine(match), INDEX, query, found, 4, no_progress, calibration)
    total = retrieval.astype(np.float64) + weight * match
    for tile in out:
        assert tile.score == pytest.approx(total[tile.tile].max(), rel=1e-5)
        assert tile.score == pytest.approx(
            tile.retrieval_score + weight * tile.match_score, rel=1e-5
        )
    assert [t.score for t in out] == sorted((t.score for t in out), reverse=True)


def test_what_is_decoded_already_is_not_decoded_again():
    match = np.array([[0.9], [0.8], [0.3]])
    out = ranked(np.zeros((3, 1)), match)
    engine, known = TableEngine(match), {}
    decode(engine, INDEX, query_of((0,)), out[:1], known, batch_tiles=2)
    assert engine.decoded == [0] and list(known) == [0]
    decode(engine, INDEX, query_of((0,)), [out[2], out[0]], known, batch_tiles=2)
    assert engine.decoded == [0, 2] and sorted(known) == [0, 2]


def test_presence_ranks_what_was_decoded_and_the_rest_counts_as_the_least():
    out = ranked(np.zeros((4, 1)), np.array([[0.9], [0.8], [0.7], [0.6]]))
    logits = {
        tile: np.full((P, P), level, np.float32) for tile, level in {0: 1, 1: 6, 2: 2.5}.items()
    }
    again = ranked_by_presence(out, logits, 0.1)
    assert [tile.tile for tile in again] == [1, 0, 2, 3]
    added = {tile.tile: tile.presence_score for tile in again}
    whole = {tile: 0.1 * (level + np.log(P * P)) for tile, level in {0: 1, 1: 6, 2: 2.5}.items()}
    assert added == pytest.approx(whole | {3: whole[0]}, rel=1e-6)
    assert all(t.score == pytest.approx(t.matched_score + added[t.tile]) for t in again)
    assert ranked_by_presence(out, {}, 0.1) == out
