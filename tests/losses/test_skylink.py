import math

import pytest
import torch
from torch.nn import functional

from cvgl_core.losses.skylink import (
    PlaceFeatures,
    SkyLinkLoss,
    SkyLinkWeights,
    supervised_contrastive,
)

TAU = torch.tensor(0.2)


def unit(*shape, seed=0):
    return functional.normalize(
        torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64),
        dim=-1,
    )


def slow_supcon(features, tau):
    places, images, _ = features.shape
    flat = features.reshape(places * images, -1)
    label = [k // images for k in range(len(flat))]
    total = 0.0
    for i in range(len(flat)):
        others = [a for a in range(len(flat)) if a != i]
        log_sum = math.log(sum(math.exp(float(flat[i] @ flat[a]) / tau) for a in others))
        good = [p for p in others if label[p] == label[i]]
        total -= sum(float(flat[i] @ flat[p]) / tau - log_sum for p in good) / len(good)
    return total / len(flat)


@pytest.mark.parametrize("shape", [(1, 2, 4), (3, 2, 5), (4, 3, 6)])
def test_supcon_equals_the_slow_formula(shape):
    features = unit(*shape)
    found = supervised_contrastive(features, TAU)
    assert float(found) == pytest.approx(slow_supcon(features, 0.2), rel=1e-5)


def test_supcon_of_equal_scores_is_the_logarithm_of_all_others():
    features = torch.ones(5, 2, 3) / math.sqrt(3)
    assert float(supervised_contrastive(features, TAU)) == pytest.approx(math.log(9), rel=1e-5)


def test_supcon_gradient():
    raw = torch.randn(3, 2, 4, dtype=torch.float64, requires_grad=True)
    temperature = TAU.double()

    def loss(x):
        flat = functional.normalize(x, dim=-1)
        # In double precision, to compare with finite differences.
        return supervised_contrastive_double(flat, temperature)

    assert torch.autograd.gradcheck(loss, (raw,))


def supervised_contrastive_double(features, tau):
    original = torch.Tensor.float
    torch.Tensor.float = torch.Tensor.double
    try:
        return supervised_contrastive(features, tau)
    finally:
        torch.Tensor.float = original


def features(scene=True, drone=True):
    return PlaceFeatures(
        unit(4, 2, 8, seed=1).float(),
        unit(4, 2, 8, seed=2).float(),
        unit(3, 4, 2, 8, seed=3).float() if drone else None,
        unit(3, 4, 8, seed=4).float() if scene else None,
    )


def test_values_when_all_scores_are_equal():
    same = torch.ones(4, 2, 8) / math.sqrt(8)
    found = PlaceFeatures(same, same, same.expand(3, -1, -1, -1), same[:, 0].expand(3, -1, -1))
    losses = SkyLinkLoss(SkyLinkWeights())(found)
    for name in ("street_satellite", "street_drone", "satellite_drone", "scene"):
        assert getattr(losses, name).item() == pytest.approx(math.log(4), rel=1e-5)
    assert losses.within.item() == pytest.approx(math.log(7), rel=1e-5)
    assert losses.total.item() == pytest.approx(4 * math.log(4) + math.log(7), rel=1e-5)


def test_total_is_the_weighted_sum():
    weights = SkyLinkWeights(2.0, 3.0, 0.5, 0.25, 4.0)
    losses = SkyLinkLoss(weights)(features())
    expected = sum(
        getattr(weights, name) * getattr(losses, name).item()
        for name in ("street_satellite", "street_drone", "satellite_drone", "within", "scene")
    )
    assert losses.total.item() == pytest.approx(expected, rel=1e-5)


def test_terms_are_zero_without_their_views():
    losses = SkyLinkLoss(SkyLinkWeights())(features(drone=False))
    for name in ("street_drone", "satellite_drone", "scene"):
        assert getattr(losses, name).item() == 0
    assert losses.street_satellite.item() > 0
    assert SkyLinkLoss(SkyLinkWeights())(features(scene=False)).scene.item() == 0
    assert SkyLinkLoss(SkyLinkWeights(within=0))(features()).within.item() == 0


def test_the_right_pairs_lower_it():
    found = features()
    matching = PlaceFeatures(found.street, found.street, found.street.expand(3, -1, -1, -1))
    loss = SkyLinkLoss(SkyLinkWeights(within=0, scene=0))
    crossed = PlaceFeatures(found.street, found.street.roll(1, 0), matching.drone)
    assert loss(matching).total < loss(crossed).total


def test_weights_say_whether_drones_are_needed():
    assert SkyLinkWeights().drone
    assert not SkyLinkWeights(street_drone=0, satellite_drone=0, scene=0).drone
