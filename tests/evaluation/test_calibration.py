"""Calibration recovers the numbers that made the data."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cvgl_core.data.citypack import CityPack
from cvgl_core.evaluation.asking import Asker
from cvgl_core.evaluation.calibration import (
    HEATMAP_TEMPERATURES,
    CandidateScorer,
    CandidateScores,
    fit_calibration,
)
from cvgl_core.evaluation.evalset import CitySet
from cvgl_core.evaluation.network import Network
from cvgl_core.models import untrained_engine
from cvgl_core.types import HeadingKnowledge, QueryKind

PRESENCE_WEIGHT = 0.03


def drawn(
    rng: np.random.Generator, count: int, temperature: float, outside: float, weight: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scores of candidates, and which of them (10: none) is right by the generating model."""
    retrieval = rng.normal(0.5, 0.15, (count, 10)).astype(np.float32)
    match = rng.normal(0.5, 0.15, (count, 10)).astype(np.float32)
    presence = rng.normal(8.0, 3.0, (count, 10))
    presence[:, 8:] = np.nan  # not decoded: they count as the least of the others
    known = np.nan_to_num(presence, nan=0.0) + np.isnan(presence) * presence[:, :8].min(
        axis=1, keepdims=True
    )
    logits = (retrieval + weight * match + PRESENCE_WEIGHT * known) / temperature
    logits = np.concatenate([logits, np.full((count, 1), outside)], axis=1)
    right = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return retrieval, match, presence, right


def log_masses(right: np.ndarray, best: float) -> np.ndarray:
    """The right candidate's cell is most probable at the temperature ``best``."""
    masses = np.full((len(right), 10, len(HEATMAP_TEMPERATURES)), -np.inf, np.float32)
    inside = np.flatnonzero(right < 10)
    masses[inside, right[inside]] = -3 - (np.array(HEATMAP_TEMPERATURES) - best) ** 2
    return masses


def scores_of(
    retrieval: np.ndarray, match: np.ndarray, presence: np.ndarray, mass: np.ndarray
) -> CandidateScores:
    """Scores of queries with a known heading."""
    known = np.zeros((len(mass), 1))
    return CandidateScores(retrieval[..., None], match[..., None], known, presence, mass)


@pytest.mark.parametrize(
    ("temperature", "outside", "weight"), [(0.1, 12.0, 1.0), (0.2, 6.0, 0.6), (0.1, 20.0, 2.0)]
)
def test_fit_recovers_the_generating_model(temperature, outside, weight):
    rng = np.random.default_rng(1)
    retrieval, match, presence, right = drawn(rng, 4000, temperature, outside, weight)
    asked = scores_of(retrieval, match, presence, log_masses(right, 0.8))
    empty = scores_of(retrieval[:0], match[:0], presence[:0], asked.log_mass[:0])
    fit = fit_calibration(asked, empty)
    assert fit.temperature == pytest.approx(temperature, rel=0.2)
    assert fit.outside_logit * fit.temperature == pytest.approx(outside * temperature, abs=0.15)
    assert fit.match_weight == pytest.approx(weight, rel=0.2)
    assert fit.presence_weight == pytest.approx(PRESENCE_WEIGHT, rel=0.2)
    assert fit.heatmap_temperature == 0.8


def test_separable_data_says_not_here_for_strangers():
    rng = np.random.default_rng(2)
    retrieval = rng.normal(0.2, 0.05, (300, 10)).astype(np.float32)
    right = rng.integers(0, 10, 300)
    own = retrieval.copy()
    own[np.arange(300), right] += rng.normal(0.8, 0.1, 300).astype(np.float32)
    unseen = np.full((300, 10), np.nan)
    inside = scores_of(own, own, unseen, log_masses(right, 1.0))
    nowhere = np.full((300, 10, len(HEATMAP_TEMPERATURES)), -np.inf, np.float32)
    stranger = scores_of(retrieval, retrieval, unseen, nowhere)
    fit = fit_calibration(inside, stranger)

    def outside(scores: CandidateScores) -> float:
        score = scores.retrieval + fit.match_weight * scores.match
        return float(np.mean(fit.outside_logit > score.max(axis=(1, 2)) / fit.temperature))

    assert outside(stranger) > 0.9
    assert outside(inside) < 0.2
    assert "300 held-out views" in fit.fitted_on


def test_scorer_reads_the_heatmap_where_the_camera_stands():
    engine = untrained_engine("unifygeo-lite0")
    network = Network(engine)
    card = engine.card
    rng = np.random.default_rng(3)
    size = 3 * card.aerial_px
    shape = (4, card.ground.height_px, card.ground.width_px, 3)
    pack = CityPack(
        name="noise",
        aerial=rng.integers(0, 255, (size, size, 3), dtype=np.uint8),
        ground=rng.integers(0, 255, shape, dtype=np.uint8),
        xy_m=rng.uniform(60, 150, (4, 2)).astype(np.float32),
        gsd_m_per_px=card.gsd_m_per_px,
    )
    data = CitySet("noise", (pack,), card)
    ask = Asker(QueryKind(360.0, HeadingKnowledge.KNOWN), card)
    scores = CandidateScorer(data, network).own(ask)
    count = len(data.tile_side_m)
    assert scores.match.shape == (4, count, 1)
    # Every place is on four half-overlapping tiles.
    assert np.isfinite(scores.log_mass[..., 0]).sum(axis=1).tolist() == [4] * 4
    one = HEATMAP_TEMPERATURES.index(1.0)
    ground = network.views(data.views(0, 1))
    tile = int(data.positive[0])
    features = network.tiles(data.tiles(tile, tile + 1))
    logits = network.decode(tuple(level[0] for level in ground.columns), features.maps)[0]
    heatmap = logits.flatten().log_softmax(0).reshape(logits.shape)
    here = (scores.presence[0] - float(logits.flatten().logsumexp(0))).tolist()
    assert min(map(abs, here)) < 2e-2
    east, north = data.offset_m(np.array([0]), np.array([tile]))[0] / card.gsd_m_per_px
    row, col = int(card.aerial_px / 2 - north), int(card.aerial_px / 2 + east)
    expected = float(heatmap[row, col])
    found = scores.log_mass[0, :, one]
    assert np.abs(found[np.isfinite(found)] - expected).min() < 2e-2
    assert torch.isfinite(torch.from_numpy(scores.retrieval)).all()


def test_a_prior_for_the_heading_weighs_in_as_the_posterior_has_it():
    """Headings whose log-weight is low win only by as much more score, in units of T."""
    rng = np.random.default_rng(4)
    retrieval, match, presence, right = drawn(rng, 4000, 0.1, 12.0, 1.0)
    both = [np.stack([part, part + 0.3], axis=2) for part in (retrieval, match)]
    known = np.tile([0.0, -200.0], (4000, 1))
    asked = CandidateScores(*both, known, presence, log_masses(right, 0.8))
    none = (part[:0] for part in (*both, known, presence, asked.log_mass))
    fit = fit_calibration(asked, CandidateScores(*none))
    assert fit.temperature == pytest.approx(0.1, rel=0.2)
    assert fit.outside_logit * fit.temperature == pytest.approx(1.2, abs=0.15)
