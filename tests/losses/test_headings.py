"""Every heading a rival: against loops over views, headings and tiles."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from cvgl_core.losses.headings import heading_infonce, heading_ranking
from cvgl_core.models.decoder import all_cosines, pairwise_cosines
from cvgl_core.models.features import AerialFeatures, GroundFeatures, weigh_columns

VIEWS, COLUMNS, AZIMUTH, FINE = 3, 4, 2, 3


@pytest.fixture(params=["full", "narrow"])
def features(request):
    torch.manual_seed(3)
    raw = torch.randn(VIEWS, COLUMNS * FINE)
    weights = None
    columns = F.normalize(raw, dim=1)
    if request.param == "narrow":
        weights = torch.tensor([[1.0, 0.5, 0, 0], [0, 0, 1, 1], [1, 1, 1, 0]])
        columns = weigh_columns(raw, weights)
    ground = GroundFeatures(
        F.normalize(torch.randn(VIEWS, 5 + COLUMNS * AZIMUTH), dim=1),
        (columns,),
        COLUMNS,
        weights,
        AZIMUTH,
    )
    aerial = AerialFeatures(
        F.normalize(torch.randn(VIEWS, 5 + COLUMNS * AZIMUTH), dim=1),
        (F.normalize(torch.randn(VIEWS, COLUMNS * FINE, 2, 3), dim=1),),
    )
    return ground, aerial


def turned(ground, view, turn):
    """A view's descriptor, columns and weights with a greater heading, by slicing."""
    content, tail = ground.descriptor[view, :5], ground.descriptor[view, 5:].reshape(COLUMNS, -1)
    order = [(column - turn) % COLUMNS for column in range(COLUMNS)]
    columns = ground.columns[0][view].reshape(COLUMNS, FINE)[order].flatten()
    weights = torch.ones(COLUMNS) if ground.weights is None else ground.weights[view]
    return torch.cat([content, tail[order].flatten()]), columns, weights[order]


def rivals(mask):
    """Tiles and headings that take part for each view."""
    for view in range(VIEWS):
        yield [
            (tile, turn)
            for tile in range(VIEWS)
            for turn in range(COLUMNS)
            if (tile == view and turn not in (1, COLUMNS - 1))
            or (tile != view and not mask[view, tile])
        ]


def test_infonce_over_headings_is_the_loop(features):
    ground, aerial = features
    mask = torch.zeros(VIEWS, VIEWS, dtype=torch.bool)
    mask[0, 2] = mask[1, 1] = True  # the own tile always takes part
    tau, smoothing = torch.tensor(0.2), 0.1
    expected = []
    for view, taking in enumerate(rivals(mask)):
        logits = torch.stack(
            [turned(ground, view, turn)[0] @ aerial.descriptor[tile] / tau for tile, turn in taking]
        )
        log_p = logits.log_softmax(0)
        own = log_p[taking.index((view, 0))]
        expected.append(-(1 - smoothing) * own - smoothing * log_p.mean())
    found = heading_infonce(ground, aerial, tau, smoothing, mask)
    torch.testing.assert_close(found, torch.stack(expected).mean())
    first = torch.tensor([True, False, False])
    torch.testing.assert_close(
        heading_infonce(ground, aerial, tau, smoothing, mask, first), expected[0]
    )


def test_ranking_over_headings_is_the_loop(features):
    ground, aerial = features
    mask = torch.zeros(VIEWS, VIEWS, dtype=torch.bool)
    mask[2, 0] = True
    tau = torch.tensor(0.3)
    label = torch.rand(VIEWS, 2, 3)
    label = label / label.sum(dim=(1, 2), keepdim=True)
    maps = aerial.maps[0].flatten(2)

    def cosine(view, turn, tile, place):
        _, columns, weights = turned(ground, view, turn)
        each = weights.repeat_interleave(FINE)
        if ground.weights is None:
            return columns @ maps[tile, :, place]
        # `columns` hold the weight already: the cosine of the two, column c counted w_c times.
        return columns @ maps[tile, :, place] / (each * maps[tile, :, place] ** 2).sum().sqrt()

    expected = []
    for view, taking in enumerate(rivals(mask)):
        every = [cosine(view, turn, tile, p) / tau for tile, turn in taking for p in range(6)]
        own = torch.stack([cosine(view, 0, view, place) / tau for place in range(6)])
        expected.append(torch.stack(every).logsumexp(0) - (label[view].flatten() * own).sum())
    found = heading_ranking(ground, aerial, label, tau, mask)
    torch.testing.assert_close(found, torch.stack(expected).mean())


@pytest.mark.parametrize("features", ["narrow"], indirect=True)
def test_weighted_cosines_are_bounded_and_ignore_what_is_not_seen(features):
    ground, aerial = features
    every = all_cosines(ground.columns[0], aerial.maps[0], ground.weights)
    assert every.abs().max() <= 1 + 1e-6
    torch.testing.assert_close(
        pairwise_cosines(ground.columns[0], aerial.maps[0], ground.weights),
        torch.stack([every[view, view] for view in range(VIEWS)]),
    )
    # A tile that differs only where view 1 sees nothing gets the same score from it.
    changed = aerial.maps[0].clone()
    changed[:, : 2 * FINE] *= -3
    again = all_cosines(ground.columns[0], changed, ground.weights)
    torch.testing.assert_close(again[1], every[1])
    assert not torch.allclose(again[0], every[0])
    # A tile that holds exactly what a view shows is a perfect match.
    own = ground.columns[0][1].reshape(1, -1, 1, 1)
    assert all_cosines(ground.columns[0], own, ground.weights)[1].item() == pytest.approx(1.0)


def test_all_turns_are_there_in_order(features):
    ground, _ = features
    every = ground.at_turns(range(ground.column_count))
    for turn in range(COLUMNS):
        for view in range(VIEWS):
            descriptor, columns, weights = turned(ground, view, turn)
            at = turn * VIEWS + view
            torch.testing.assert_close(every.descriptor[at], descriptor)
            torch.testing.assert_close(every.columns[0][at], columns)
            if every.weights is not None:
                torch.testing.assert_close(every.weights[at], weights)
