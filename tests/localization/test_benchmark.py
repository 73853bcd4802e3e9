"""A benchmark in a world whose every score is known, against one that is slow and plain."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cvgl_core.evaluation.evalset import StrangerSet
from cvgl_core.evaluation.store import TileStore
from cvgl_core.localization import LocalizeSettings
from cvgl_core.localization import benchmark as module
from cvgl_core.localization.benchmark import BenchmarkOptions, benchmark
from cvgl_core.models import AerialFeatures, GroundFeatures
from cvgl_core.types import Calibration

PX, SIDE_M, GRID = 16, 32.0, 5
CELL_M = SIDE_M / PX
CITY_TILES = GRID * GRID
TILES, VIEWS, DIM = 2 * CITY_TILES, 9, 6
FAR = 1 << 20
CALIBRATION = Calibration(0.1, 6.0, "nothing real", 1.5, 0.8, presence_weight=0.05)
SETTINGS = LocalizeSettings(depth=12, decoded_tiles=4, top_k=3, decode_probability=0.05)


class World:
    """Two cities of 5 x 5 half-overlapping tiles; the data set and the network in one."""

    name = "a world"
    device = torch.device("cpu")

    def __init__(self, seed=0, calibration=CALIBRATION):
        rng = np.random.default_rng(seed)
        city, row, col = (a.ravel() for a in np.mgrid[0:2, 0:GRID, 0:GRID])
        self.city = city
        self.corner_px = np.stack([row * PX // 2, col * PX // 2 + city * FAR], axis=1)
        self.centres_m = np.stack([col + 1, -(row + 1)], axis=1) * SIDE_M / 2
        self.tile_side_m = np.full(TILES, SIDE_M)
        self.positive = rng.integers(0, TILES, VIEWS)
        self.cameras_m = self.centres_m[self.positive] + rng.uniform(
            -SIDE_M / 4, SIDE_M / 4, (VIEWS, 2)
        )
        self.semi_positive = np.stack(
            [np.append(self.covering(view), [-1] * 3)[:3] for view in range(VIEWS)]
        )
        self.descriptors = self.unit(rng.normal(size=(TILES, DIM)))
        blurred = self.descriptors[self.positive] + rng.normal(0, 0.35, (VIEWS, DIM))
        self.queries = self.unit(blurred)
        self.matches = rng.uniform(0, 0.5, (VIEWS, TILES)).astype(np.float32)
        self.matches[np.arange(VIEWS), self.positive] += 0.3
        self.logits = rng.normal(0, 1.5, (VIEWS, TILES, PX, PX)).astype(np.float32)
        for view in range(VIEWS):
            for tile in range(TILES):
                self._show(view, tile)
        self.card = SimpleNamespace(
            name="fake",
            aerial_px=PX,
            descriptor_dim=DIM,
            ground_columns=1,
            weights_sha256=None,
            calibration=calibration,
        )

    def covering(self, view):
        """Other tiles that show the camera."""
        offset = np.abs(self.cameras_m[view] - self.centres_m).max(axis=1)
        same = self.city == self.city[self.positive[view]]
        tiles = np.flatnonzero(same & (offset < SIDE_M / 2))
        return tiles[tiles != self.positive[view]]

    def unit(self, rows):
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def _show(self, view, tile):
        """Make the camera's pixel likely on a tile that shows it."""
        offset = self.offset_m(np.array([view]), np.array([tile]))[0]
        if np.abs(offset).max() < SIDE_M / 2:
            row, col = (0.5 - offset[1] / SIDE_M) * PX, (0.5 + offset[0] / SIDE_M) * PX
            self.logits[view, tile, int(row), int(col)] += 4

    def tiles(self, start, stop):
        return np.arange(start, stop).astype(np.uint8)[:, None]

    def views(self, start, stop):
        return np.arange(start, stop).astype(np.uint8)[:, None]

    def offset_m(self, views, tiles):
        same = self.city[self.positive[views]] == self.city[tiles]
        return np.where(same[:, None], self.cameras_m[views] - self.centres_m[tiles], np.inf)


class FakeNetwork:
    """Looks everything up; features hold the number of the view or tile."""

    def __init__(self, world):
        self.world = world
        self.card = world.card
        self.device = world.device

    def tiles(self, pixels):
        numbers = torch.from_numpy(pixels[:, 0].astype(np.float32))[:, None, None, None]
        descriptors = torch.from_numpy(self.world.descriptors[pixels[:, 0]])
        return AerialFeatures(descriptors, (numbers,) * 4)

    def views(self, pixels):
        numbers = torch.from_numpy(pixels[:, 0].astype(np.float32))[:, None]
        descriptors = torch.from_numpy(self.world.queries[pixels[:, 0]])
        return GroundFeatures(descriptors, (numbers,) * 4, 1)

    def best_match(self, columns0, maps0, weights=None):
        views, tiles = columns0[:, 0].long().numpy(), maps0[:, 0, 0, 0].long().numpy()
        return torch.from_numpy(self.world.matches[np.ix_(views, tiles)])

    def decode(self, columns, maps, weights=None):
        view, tiles = int(columns[0][0]), maps[0][:, 0, 0, 0].long().numpy()
        return torch.from_numpy(self.world.logits[view, tiles])


def slow_arg_max_error(world, view, tile):
    row, col = np.unravel_index(world.logits[view, tile].argmax(), (PX, PX))
    if world.city[tile] != world.city[world.positive[view]]:
        return np.inf
    x = world.centres_m[tile, 0] + (col + 0.5 - PX / 2) * CELL_M
    y = world.centres_m[tile, 1] - (row + 0.5 - PX / 2) * CELL_M
    return float(np.hypot(x - world.cameras_m[view, 0], y - world.cameras_m[view, 1]))


def slow_fused(world, view, ranked, scores):
    """Dense posterior of both cities, smoothed by brute force: error and figures."""
    logits = np.append(np.array(scores) / CALIBRATION.temperature, CALIBRATION.outside_logit)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    margin = 8
    span = (GRID + 1) * PX // 2 + 2 * margin
    dense = np.zeros((2, span, span))
    for place, tile in enumerate(ranked):
        heat = np.zeros((PX, PX))
        if place < SETTINGS.top_k or shares[place] >= SETTINGS.decode_probability:
            heat = world.logits[view, tile].astype(float) / CALIBRATION.heatmap_temperature
        heat = np.exp(heat) / np.exp(heat).sum()
        row, col = world.corner_px[tile]
        col = col - world.city[tile] * FAR
        cut = np.s_[row + margin : row + margin + PX, col + margin : col + margin + PX]
        dense[world.city[tile]][cut] += shares[place] * heat
    sigma = SETTINGS.smoothing_m / CELL_M
    half = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    smooth = np.stack([_blurred(part, kernel) for part in dense])
    city, row, col = np.unravel_index(smooth.argmax(), smooth.shape)
    rows = [np.log(smooth[city, row + d, col]) for d in (-1, 0, 1)]
    cols = [np.log(smooth[city, row, col + d]) for d in (-1, 0, 1)]
    x = (col - margin + 0.5 + _vertex(cols)) * CELL_M
    y = -(row - margin + 0.5 + _vertex(rows)) * CELL_M
    yy, xx = np.mgrid[0:span, 0:span]
    away = np.hypot((xx - margin + 0.5) * CELL_M - x, -(yy - margin + 0.5) * CELL_M - y)
    near = dense[city][away <= 10].sum()
    error = np.inf
    if city == world.city[world.positive[view]]:
        error = np.hypot(*(np.array([x, y]) - world.cameras_m[view]))
    return error, shares[0], near, dense[city], away


def _blurred(field, kernel):
    down = np.apply_along_axis(np.convolve, 0, field, kernel, "same")
    return np.apply_along_axis(np.convolve, 1, down, kernel, "same")


def _vertex(three):
    before, here, after = three
    bend = before - 2 * here + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def slow_reranked(world, view, depth, weight, presence_weight=CALIBRATION.presence_weight):
    """Tiles by descriptor, the first ``depth`` of them in order of the weighted sum.

    The best of them by descriptor and match are decoded, for the third part of the sum.
    """
    gallery = world.unit(world.descriptors.astype(np.float16).astype(np.float32))
    retrieval = gallery @ world.queries[view]
    order = sorted(range(TILES), key=lambda t: (-retrieval[t], t))
    score = {t: float(retrieval[t] + np.float32(weight) * world.matches[view, t]) for t in order}
    first = sorted(order[:depth], key=lambda t: -score[t])
    closer = first[: SETTINGS.decoded_tiles]
    present = {t: np.log(np.exp(world.logits[view, t].astype(float)).sum()) for t in closer}
    for tile in first:
        score[tile] += presence_weight * present.get(tile, min(present.values()))
    first = sorted(order[:depth], key=lambda t: -score[t])
    return order, first + order[depth:], [score[t] for t in first]


@pytest.fixture(scope="module")
def world():
    return World()


@pytest.fixture(scope="module")
def found(world):
    return benchmark(world, FakeNetwork(world), BenchmarkOptions(SETTINGS, deepest=20))


def test_retrieval_equals_the_slow_way(world, found):
    for view in range(VIEWS):
        order, _, _ = slow_reranked(world, view, 1, 1.0)
        tile, near = world.positive[view], set(world.semi_positive[view])
        assert found.retrieved.rank[view] == order.index(tile)
        others = [t for t in order if t not in near]
        assert found.retrieved.rank_of_others[view] == others.index(tile)
        assert found.near[view] == (order[0] == tile or order[0] in near)
        assert found.covers[view] == (order[0] == tile or order[0] in world.covering(view))


def test_every_depth_equals_the_slow_way(world, found):
    assert list(found.by_depth) == [1, 5, 10, 12, 20]
    own = (1.5, CALIBRATION.presence_weight)
    asked = [(depth, own, at) for depth, at in found.by_depth.items()]
    asked.append((5, (1.0, 0.0), found.paper))
    for depth, weights, at in asked:
        for view in range(VIEWS):
            _, order, _ = slow_reranked(world, view, depth, *weights)
            assert at.rank[view] == order.index(world.positive[view])
            assert at.error_m[view] == pytest.approx(slow_arg_max_error(world, view, order[0]))
            shown = {world.positive[view], *world.covering(view)}
            assert at.covers[view] == (order[0] in shown)


def test_given_tile_equals_the_slow_way(world, found):
    expected = [slow_arg_max_error(world, view, world.positive[view]) for view in range(VIEWS)]
    assert found.given_m == pytest.approx(expected)


def test_fused_place_equals_a_dense_posterior(world, found):
    for view in range(VIEWS):
        _, order, scores = slow_reranked(world, view, SETTINGS.depth, 1.5)
        error, share, near, mass, away = slow_fused(world, view, order[: SETTINGS.depth], scores)
        assert found.fused.error_m[view] == pytest.approx(error, abs=1e-4)
        assert found.fused.tile_probability[view] == pytest.approx(share, rel=1e-4)
        assert found.fused.probability[view] == pytest.approx(near, rel=1e-4)
        radius = found.fused.radius_50_m[view]
        if np.isfinite(radius) and radius < SIDE_M * 2:
            assert mass[away <= radius * (1 + 1e-6)].sum() > 0.2
        assert found.fused.radius_90_m[view] >= radius


@pytest.mark.parametrize(("maps_bytes", "levels"), [(1 << 20, 4), (150, 1), (10, 0)])
def test_memory_for_maps_changes_nothing(world, found, maps_bytes, levels):
    network = FakeNetwork(world)
    assert TileStore(world, network, maps_bytes).kept_levels == levels
    again = benchmark(world, network, BenchmarkOptions(SETTINGS, 20, maps_bytes=maps_bytes))
    assert (again.fused.error_m == found.fused.error_m).all()
    assert (again.given_m == found.given_m).all()
    assert bool(again.match_seconds) == (levels > 0)
    assert max(again.by_depth) == (20 if levels else SETTINGS.depth)


def test_blocks_of_views_and_chunks_of_tiles_change_nothing(world, found, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 4)
    monkeypatch.setattr("cvgl_core.evaluation.store._CHUNK", 7)
    again = benchmark(world, FakeNetwork(world), BenchmarkOptions(SETTINGS, deepest=20))
    for name in ("error_m", "probability", "radius_90_m"):
        assert (getattr(again.fused, name) == getattr(found.fused, name)).all()
    assert (again.retrieved.rank == found.retrieved.rank).all()


def test_strangers_are_asked_like_views_and_are_never_right(world, found):
    options = BenchmarkOptions(SETTINGS, deepest=20, strangers=StrangerSet(world, world))
    asked = benchmark(world, FakeNetwork(world), options)
    assert asked.strangers is not None
    np.testing.assert_allclose(asked.strangers.probability, found.fused.probability)
    np.testing.assert_allclose(asked.strangers.tile_probability, found.fused.tile_probability)
    assert np.isinf(asked.strangers.error_m).all()
    assert asked.figures["auroc_strangers"].value == pytest.approx(0.5)
    half = dataclasses.replace(options, limit=len(world.positive) // 2)
    few = benchmark(world, FakeNetwork(world), half)
    assert few.strangers is not None
    assert len(few.strangers.probability) == len(world.positive) // 2


def test_only_the_first_views(world, found):
    few = benchmark(world, FakeNetwork(world), BenchmarkOptions(SETTINGS, deepest=20, limit=4))
    assert (few.given_m == found.given_m[:4]).all()
    assert few.figures["r@1"].value == np.mean(found.retrieved.rank[:4] == 0)


def test_tiles_of_unknown_size_are_ranked_only():
    world = World(seed=1)
    world.tile_side_m = np.full(TILES, np.nan)
    found = benchmark(world, FakeNetwork(world), BenchmarkOptions(SETTINGS))
    assert not found.subject.metric
    assert np.isnan(found.fused.error_m).all()
    assert {name for name in found.figures if name.endswith("_m") or "radius" in name} == set()
    assert found.figures["unifygeo_5_r@1"].value == np.mean(found.paper.rank == 0)


def test_a_gallery_smaller_than_every_depth(world):
    few = World(seed=2)
    options = BenchmarkOptions(dataclasses.replace(SETTINGS, depth=500))
    found = benchmark(few, FakeNetwork(few), options)
    assert list(found.by_depth) == [1, 5, 10, 20, TILES]
    assert found.subject.depth == TILES
