import math

import pytest
import torch
import torch.nn.functional as F

from cvgl_core.losses import symmetric_infonce


def slow_direction(logits, exclude, smoothing):
    """One query at a time, straight from the definition."""
    total = 0.0
    size = len(logits)
    for i in range(size):
        kept = [j for j in range(size) if j == i or not exclude[i][j]]
        normaliser = math.log(sum(math.exp(logits[i][j]) for j in kept))
        label = {j: smoothing / len(kept) + (1 - smoothing) * (j == i) for j in kept}
        total -= sum(label[j] * (logits[i][j] - normaliser) for j in kept)
    return total / size


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("seed", range(3))
def test_equals_loops(seed, smoothing):
    generator = torch.Generator().manual_seed(seed)
    ground, aerial = (F.normalize(torch.randn(6, 5, generator=generator), dim=1) for _ in "ab")
    exclude = torch.rand(6, 6, generator=generator) < 0.3
    logits = (ground @ aerial.T / 0.2).double()
    expected = 0.5 * (
        slow_direction(logits.tolist(), exclude.tolist(), smoothing)
        + slow_direction(logits.T.tolist(), exclude.T.tolist(), smoothing)
    )
    loss = symmetric_infonce(ground, aerial, torch.tensor(0.2), smoothing, exclude)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_uniform_scores_give_the_logarithm_of_the_batch():
    same = F.normalize(torch.ones(64, 8), dim=1)
    assert symmetric_infonce(same, same, torch.tensor(0.07)).item() == pytest.approx(
        4.159, abs=1e-3
    )


def test_equals_torch_without_exclusion():
    ground, aerial = (F.normalize(torch.randn(9, 4), dim=1) for _ in "ab")
    logits = ground @ aerial.T / 0.07
    target = torch.arange(9)
    expected = 0.5 * (
        F.cross_entropy(logits, target, label_smoothing=0.1)
        + F.cross_entropy(logits.T, target, label_smoothing=0.1)
    )
    loss = symmetric_infonce(ground, aerial, torch.tensor(0.07), 0.1)
    torch.testing.assert_close(loss, expected)


def test_gradients_are_finite_when_all_others_are_excluded():
    ground = F.normalize(torch.randn(4, 4), dim=1).requires_grad_()
    loss = symmetric_infonce(
        ground, ground.detach(), torch.tensor(0.07), exclude=torch.ones(4, 4, dtype=torch.bool)
    )
    loss.backward()
    assert loss.item() == pytest.approx(0.0, abs=1e-6)
    assert torch.isfinite(ground.grad).all()
