import math

import pytest
import torch

from cvgl_core.losses import matching_loss, ranking_loss


def random_case(seed, batch=4, side=3):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(batch, batch, side, side, generator=generator) * 2 - 1
    label = torch.rand(batch, side, side, generator=generator)
    covers = torch.rand(batch, batch, generator=generator) < 0.4
    return scores, label / label.sum((1, 2), keepdim=True), covers


@pytest.mark.parametrize("seed", range(3))
def test_matching_equals_loops(seed):
    scores, label, _ = random_case(seed)
    own = torch.stack([scores[i, i] for i in range(4)])
    expected = 0.0
    for b in range(4):
        normaliser = math.log(sum(math.exp(s / 0.1) for s in own[b].flatten().tolist()))
        for w, s in zip(label[b].flatten().tolist(), own[b].flatten().tolist(), strict=True):
            expected -= w * (s / 0.1 - normaliser) / 4
    loss = matching_loss(own, label, torch.tensor(0.1))
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_ranking_equals_loops(seed):
    scores, label, covers = random_case(seed)
    expected = 0.0
    for i in range(4):
        tiles = [j for j in range(4) if j == i or not covers[i, j]]
        exponentials = [math.exp(s / 0.1) for j in tiles for s in scores[i, j].flatten().tolist()]
        normaliser = math.log(sum(exponentials))
        own = scores[i, i].flatten().tolist()
        for w, s in zip(label[i].flatten().tolist(), own, strict=True):
            expected -= w * (s / 0.1 - normaliser) / 4
    loss = ranking_loss(scores, label, torch.tensor(0.1), covers)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_ranking_with_all_others_covering_is_matching():
    scores, label, _ = random_case(7)
    own = torch.stack([scores[i, i] for i in range(4)])
    covers = torch.ones(4, 4, dtype=torch.bool)
    torch.testing.assert_close(
        ranking_loss(scores, label, torch.tensor(0.1), covers),
        matching_loss(own, label, torch.tensor(0.1)),
    )


def test_uniform_values_of_the_paper():
    tau = torch.tensor(0.1)
    label = torch.zeros(64, 12, 12)
    label[:, 4, 7] = 1.0
    assert ranking_loss(torch.zeros(64, 64, 12, 12), label, tau).item() == pytest.approx(
        9.129, abs=1e-3
    )
    total = 0.0
    for side in (12, 24, 48, 96):
        weight = torch.full((2, side, side), 1.0 / side**2)
        total += matching_loss(torch.full((2, side, side), 0.4), weight, tau).item()
    assert total == pytest.approx(28.197, abs=2e-3)
