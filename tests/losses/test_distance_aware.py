"""DyCL's terms against formulas worked by hand, loops over pairs, and numerical gradients."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.losses.distance_aware import (
    DistanceAwareLoss,
    DistanceAwareSettings,
    DistanceTruth,
    levels_of,
)
from cvgl_core.losses.dynamic_margin import dynamic_margin_loss
from cvgl_core.losses.happier import StepRank, happier_loss, relevances
from cvgl_core.losses.proxy import ProxyLoss
from cvgl_core.losses.triplet import triplet_loss

MARGINS = (0.25, 0.35, 0.45)
STEP = StepRank()


def slow_contrast(scores, levels, scale=32.0):
    total = 0.0
    for level, margin in enumerate(MARGINS, start=1):
        values = []
        for row, labels in zip(scores, levels, strict=True):
            pairs = [
                math.exp(scale * (row[j] - row[p] + margin))
                for j in range(len(row))
                for p in range(len(row))
                if labels[j] == 0 and labels[p] >= level
            ]
            if pairs:
                values.append(math.log1p(sum(pairs)))
        total += sum(values) / max(1, len(values))
    return total


def slow_step(t):
    def sigmoid(x):
        return 1 / (1 + math.exp(-x)) if x > -700 else 0.0

    if t <= 0:
        return sigmoid(t / 0.01)
    return 0.5 + sigmoid(t / 0.01) if t <= 0.05 else 100 * (t - 0.05) + 1.44


def slow_happier(scores, levels, highest=3):
    values = []
    for row, labels in zip(scores, levels, strict=True):
        rel = [(x / highest) / labels.count(x) if x else 0.0 for x in labels]
        if not any(labels):
            continue
        found = 0.0
        for k in range(len(row)):
            if not labels[k]:
                continue
            rank, hrank = 1.0, rel[k]
            for j in range(len(row)):
                if j == k:
                    continue
                step = float(row[j] >= row[k])
                hrank += step * min(rel[j], rel[k])
                rank += slow_step(row[j] - row[k]) if labels[j] < labels[k] else step
            found += hrank / rank
        values.append(1 - found / sum(rel))
    return sum(values) / max(1, len(values))


def batch(seed, size=7, dim=4):
    rng = torch.Generator().manual_seed(seed)
    ground, aerial = (
        F.normalize(torch.randn(size, dim, generator=rng, dtype=torch.float64), dim=1) for _ in "ab"
    )
    return ground, aerial, torch.randint(0, 4, (size, size), generator=rng)


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_contrast_equals_loops(seed):
    ground, aerial, levels = batch(seed)
    scores = ground @ aerial.T
    expected = slow_contrast(scores.tolist(), levels.tolist())
    assert dynamic_margin_loss(scores, levels).item() == pytest.approx(expected, rel=1e-9)


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_happier_equals_loops(seed):
    ground, aerial, levels = batch(seed)
    scores = ground @ aerial.T
    expected = slow_happier(scores.tolist(), levels.tolist())
    assert happier_loss(scores, levels, 3).item() == pytest.approx(expected, rel=1e-9)


def test_contrast_by_hand():
    # One negative, one item of level 3, all cosines equal: each level gives ln(1 + e^(32 m)).
    scores = torch.full((1, 2), 0.3, dtype=torch.float64)
    levels = torch.tensor([[3, 0]])
    expected = sum(math.log1p(math.exp(32 * margin)) for margin in MARGINS)
    assert dynamic_margin_loss(scores, levels).item() == pytest.approx(expected)
    # Of level 1 only, it is a positive of the first margin alone.
    levels = torch.tensor([[1, 0]])
    expected = math.log1p(math.exp(32 * 0.25))
    assert dynamic_margin_loss(scores, levels).item() == pytest.approx(expected)


def test_contrast_of_empty_sets_is_zero_with_finite_gradients():
    scores = torch.zeros(2, 3, requires_grad=True)
    for levels in (torch.zeros(2, 3), torch.full((2, 3), 3)):
        loss = dynamic_margin_loss(scores, levels.int())
        assert loss.item() == 0.0
    one_row = torch.tensor([[3, 0, 1], [0, 0, 0]])
    dynamic_margin_loss(scores, one_row).backward()
    assert torch.isfinite(scores.grad).all()
    assert scores.grad[0].abs().sum() > 0
    assert (scores.grad[1] == 0).all()


def test_argument_is_left_alone():
    ground, aerial, levels = batch(1)
    scores = ground @ aerial.T
    before = scores.clone()
    dynamic_margin_loss(scores, levels)
    happier_loss(scores, levels, 3)
    assert torch.equal(scores, before)


def test_an_item_of_the_same_place_counts_more_than_a_far_one():
    """Bringing a level-3 item closer lowers the loss more than bringing a level-1 item closer."""
    scores = torch.tensor([[0.5, 0.5, 0.5, 0.5]], requires_grad=True)
    levels = torch.tensor([[3, 2, 1, 0]])
    dynamic_margin_loss(scores, levels).backward()
    same, near, far, negative = scores.grad[0].tolist()
    assert same < near < far < 0 < negative


def test_step_by_hand():
    t = torch.tensor([-0.01, 0.0, 0.01, 0.05, 0.06], dtype=torch.float64)
    sigmoid = [1 / (1 + math.e), 0.5, math.e / (1 + math.e), 1 / (1 + math.exp(-5))]
    expected = [sigmoid[0], 0.5, 0.5 + sigmoid[2], 0.5 + sigmoid[3], 100 * 0.01 + 1.44]
    assert STEP(t).tolist() == pytest.approx(expected)


def test_happier_by_hand():
    # The right item second behind one of level 0, 0.1 above: rank 1 + 100 * 0.05 + 1.44.
    loss = happier_loss(torch.tensor([[0.2, 0.3]], dtype=torch.float64), torch.tensor([[3, 0]]), 3)
    assert loss.item() == pytest.approx(1 - 1 / (1 + 100 * 0.05 + 1.44))
    # Relevances 1, 1/2 + 1/2 of two, 1/3; ideal order far apart: H-AP is 1.
    levels = torch.tensor([[3, 1, 1, 0]])
    assert relevances(levels, 3).tolist() == [pytest.approx([1, 1 / 6, 1 / 6, 0])]
    ideal = torch.tensor([[0.9, 0.6, 0.3, 0.0]], dtype=torch.float64)
    assert happier_loss(ideal, levels, 3).item() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_gradients(seed):
    ground, aerial, levels = batch(seed, size=5)
    proxies = ProxyLoss(4, 4).double()
    place = torch.tensor([0, 1, 2, 3, 0])
    ground.requires_grad_()
    # HAPPIER counts ties and jumps by steps, so its scores must keep clear of both.
    coarse = (torch.randperm(25).reshape(5, 5).double() * 0.013 - 0.15).requires_grad_()
    for function, argument in (
        (lambda x: dynamic_margin_loss(F.normalize(x, dim=1) @ aerial.T, levels), ground),
        (lambda x: triplet_loss(F.normalize(x, dim=1) @ aerial.T, levels == 0), ground),
        (lambda x: proxies(F.normalize(x, dim=1), place), ground),
        (lambda x: happier_loss(x, levels, 3), coarse),
    ):
        assert torch.autograd.gradcheck(function, argument, eps=1e-7, atol=1e-5)


def test_descending_happier_puts_the_order_right():
    """The published temperature moves only what is nearly in order, so start near."""
    torch.manual_seed(0)
    scores = (0.02 * torch.randn(1, 8, dtype=torch.float64)).requires_grad_()
    levels = torch.tensor([[0, 0, 0, 1, 1, 2, 2, 3]])
    optimiser = torch.optim.Adam([scores], lr=2e-3)
    for _ in range(300):
        optimiser.zero_grad()
        happier_loss(scores, levels, 3).backward()
        optimiser.step()
    order = levels[0][scores.detach()[0].argsort(descending=True)]
    assert order.tolist() == sorted(order.tolist(), reverse=True)


def test_triplet_by_hand():
    scores = torch.tensor([[0.9, 0.4], [0.7, 0.6]], dtype=torch.float64)
    negative = torch.tensor([[False, True], [False, False]])
    expected = math.log1p(math.exp(10 * (2 * 0.4 - 2 * 0.9)))
    assert triplet_loss(scores, negative).item() == pytest.approx(expected)
    assert triplet_loss(scores, negative & False).item() == 0.0


def test_proxies_by_hand():
    loss = ProxyLoss(2, 2)
    loss.proxies.data = torch.tensor([[3.0, 0.0], [0.0, 0.5]])
    value = loss(torch.tensor([[1.0, 0.0]]), torch.tensor([0]))
    assert value.item() == pytest.approx(math.log(1 + math.exp(-1 / 0.05)), abs=1e-6)


def test_levels_are_inclusive_and_own_tiles_highest():
    apart_m = torch.tensor([[30.0, 3.0, 200.0], [3.1, math.inf, 500.0], [500.1, 0.0, 1.0]])
    truth = DistanceTruth(apart_m, torch.arange(3))
    assert levels_of(truth, (3.0, 200.0, 500.0)).tolist() == [[3, 3, 2], [2, 3, 1], [0, 3, 3]]
    # A camera near the edge of its tile: graded by distance like any other.
    truth = DistanceTruth(apart_m, torch.arange(3), torch.tensor([False, True, True]))
    assert levels_of(truth, (3.0, 200.0, 500.0)).tolist() == [[2, 3, 2], [2, 3, 1], [0, 3, 3]]


def test_all_terms_together():
    ground, aerial, _ = (part.float() for part in batch(3))
    apart_m = torch.rand(7, 7) * 900
    truth = DistanceTruth(apart_m, torch.arange(7))
    how = DistanceAwareSettings(triplet=0.5, weight=10.0)
    loss = DistanceAwareLoss(how, 7, 4)
    found = loss(ground, aerial, truth)
    scores, levels = ground @ aerial.T, levels_of(truth, how.levels_m)
    both = [(scores, levels), (scores.T, levels.T)]
    contrast = sum(dynamic_margin_loss(s, t) for s, t in both) / 2
    ranking = sum(happier_loss(s, t, 3) for s, t in both) / 2
    triplet = sum(triplet_loss(s, t == 0) for s, t in both) / 2
    proxies = (loss.proxies(ground, truth.place) + loss.proxies(aerial, truth.place)) / 2
    expected = 10 * (0.2 * contrast + 0.9 * ranking + 0.1 * proxies + 0.5 * triplet)
    torch.testing.assert_close(found.total, expected)
    torch.testing.assert_close(found.ranking, ranking)


def test_a_term_of_no_weight_is_not_computed():
    how = DistanceAwareSettings(contrast=1.0, ranking=0.0, proxies=0.0)
    loss = DistanceAwareLoss(how, 10, 4)
    assert not list(loss.parameters())
    ground, aerial, _ = (part.float() for part in batch(4))
    found = loss(ground, aerial, DistanceTruth(torch.rand(7, 7) * 900, torch.arange(7)))
    assert found.total.item() == pytest.approx(found.contrast.item())
    assert found.ranking.item() == found.proxies.item() == 0.0


def test_descriptors_are_compared_as_they_are():
    """Cosines are over channels: another row in the batch changes no row's score."""
    ground, aerial, _ = (part.float() for part in batch(5))
    how = DistanceAwareSettings(ranking=0.0, proxies=0.0, levels_m=(1.0,), margins=(0.2,))
    loss = DistanceAwareLoss(how, 7, 4)
    far = torch.full((2, 2), math.inf)
    truth = DistanceTruth(far, torch.arange(2))
    s = ground[:2] @ aerial[:2].T
    softplus = [
        math.log1p(math.exp(32 * (s[i, 1 - i] - s[i, i] + 0.2).item()))
        + math.log1p(math.exp(32 * (s[1 - i, i] - s[i, i] + 0.2).item()))
        for i in range(2)
    ]
    assert loss(ground[:2], aerial[:2], truth).contrast.item() == pytest.approx(
        sum(softplus) / 4, rel=1e-4
    )


def test_as_many_margins_as_levels():
    with pytest.raises(ValueError, match="margins"):
        DistanceAwareLoss(DistanceAwareSettings(levels_m=(10.0,)), 1, 4)
