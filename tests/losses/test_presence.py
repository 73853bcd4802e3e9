"""Rivals against loops over views, headings and tiles; the loss against its softmax."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from cvgl_core.losses.presence import hardest_rivals, presence_loss
from cvgl_core.models.decoder import pairwise_cosines
from cvgl_core.models.features import AerialFeatures, GroundFeatures, weigh_columns

VIEWS, TILES, COLUMNS, FINE = 4, 6, 4, 3


@pytest.fixture(params=["full", "narrow"])
def features(request):
    torch.manual_seed(5)
    raw = torch.randn(VIEWS, COLUMNS * FINE)
    columns, weights = F.normalize(raw, dim=1), None
    if request.param == "narrow":
        weights = torch.tensor([[1.0, 0.5, 0, 0], [0, 0, 1, 1], [1, 1, 1, 0], [0, 1, 0, 0]])
        columns = weigh_columns(raw, weights)
    ground = GroundFeatures(torch.randn(VIEWS, 5), (columns, columns), COLUMNS, weights)
    maps = F.normalize(torch.randn(TILES, COLUMNS * FINE, 2, 3), dim=1)
    return ground, AerialFeatures(torch.randn(TILES, 5), (maps, torch.randn(TILES, 2, 4, 6)))


def match(ground, aerial, view, turn, tile):
    turned = ground.rolled(turn)
    weights = None if turned.weights is None else turned.weights[view : view + 1]
    column = turned.columns[0][view : view + 1]
    return float(pairwise_cosines(column, aerial.maps[0][tile : tile + 1], weights).max())


def test_the_rival_is_the_best_fair_match(features):
    ground, aerial = features
    covers = torch.rand(VIEWS, TILES, generator=torch.Generator().manual_seed(1)) < 0.3
    searched = torch.tensor([True, False, True, False])
    found = hardest_rivals(ground, aerial, covers, searched)
    for view in range(VIEWS):
        turns = range(COLUMNS if searched[view] else 1)
        fair = [t for t in range(TILES) if t != view and not covers[view, t]]
        scores = {(r, t): match(ground, aerial, view, r, t) for r in turns for t in fair}
        turn, tile = max(scores, key=lambda place: scores[place])
        assert found.real[view]
        for mine, all_tiles in zip(found.aerial.maps, aerial.maps, strict=True):
            assert torch.equal(mine[view], all_tiles[tile])
        expected = ground.rolled(turn)
        assert torch.equal(found.ground.columns[1][view], expected.columns[1][view])


def test_a_view_without_a_fair_tile_counts_for_nothing(features):
    ground, aerial = features
    covers = torch.zeros(VIEWS, TILES, dtype=torch.bool)
    covers[2] = True
    found = hardest_rivals(ground, aerial, covers, torch.zeros(VIEWS, dtype=torch.bool))
    assert found.real.tolist() == [True, True, False, True]
    own, rival = torch.randn(2, VIEWS, 3, 3).unbind()
    loss = presence_loss(own, rival, found.real)
    kept = [0, 1, 3]
    assert float(loss) == pytest.approx(
        float(presence_loss(own[kept], rival[kept], found.real[kept])), rel=1e-6
    )
    assert float(presence_loss(own, rival, torch.zeros(VIEWS, dtype=torch.bool))) == 0


def test_the_loss_and_the_heatmaps_make_one_softmax_over_both_tiles():
    """Added to ``L_D`` it is the loss of the camera's pixel among all pixels of both tiles."""
    torch.manual_seed(0)
    own, rival = torch.randn(2, VIEWS, 5, 5).unbind()
    both = torch.cat([own.flatten(1), rival.flatten(1)], dim=1).log_softmax(1)[:, 7].mean()
    alone = own.flatten(1).log_softmax(1)[:, 7].mean()
    loss = presence_loss(own, rival, torch.ones(VIEWS, dtype=torch.bool))
    assert float(loss) == pytest.approx(float(alone - both), rel=1e-5)


def test_it_teaches_the_level_and_not_the_place():
    own = torch.randn(VIEWS, 5, 5, requires_grad=True)
    rival = torch.randn(VIEWS, 5, 5, requires_grad=True)
    presence_loss(own, rival, torch.ones(VIEWS, dtype=torch.bool)).backward()
    assert (own.grad < 0).all() and (rival.grad > 0).all()
