import pytest
import torch
import torch.nn.functional as F

from cvgl_core.losses import BatchTruth, LossSettings, LossWeights, UnifyGeoLoss
from cvgl_core.models.features import AerialFeatures, GroundFeatures, MatchOutput


def uniform_batch(batch=64):
    """Everything equal, in the shapes of the paper (level maps as scores only)."""
    one = F.normalize(torch.ones(batch, 8), dim=1)
    ground = GroundFeatures(one, (F.normalize(torch.ones(batch, 24), dim=1),), 24)
    aerial = AerialFeatures(one, (F.normalize(torch.ones(batch, 24, 12, 12), dim=1),))
    scores = tuple(torch.ones(batch, s, s) for s in (12, 24, 48, 96))
    match = MatchOutput(scores, torch.zeros(batch, 384, 384, requires_grad=True))
    return ground, aerial, match


def test_uniform_scores_give_the_papers_values():
    truth = BatchTruth(torch.rand(64, 2) * 384)
    losses = UnifyGeoLoss(LossSettings(sigma_px=3.0))(*uniform_batch(), truth)
    assert losses.localization.item() == pytest.approx(11.901, abs=1e-3)
    assert losses.matching.item() == pytest.approx(28.197, abs=2e-3)
    assert losses.ranking.item() == pytest.approx(9.129, abs=1e-3)
    assert losses.retrieval.item() == pytest.approx(4.159, abs=1e-3)
    assert losses.total.item() == pytest.approx(718.9, abs=0.1)
    assert sum(losses.matching_levels).item() == pytest.approx(losses.matching.item(), abs=1e-4)


def test_weights_make_the_total():
    weights = LossWeights(localization=1, retrieval=0, matching=0, ranking=0)
    truth = BatchTruth(torch.rand(4, 2) * 384)
    losses = UnifyGeoLoss(LossSettings(weights=weights))(*uniform_batch(4), truth)
    torch.testing.assert_close(losses.total, losses.localization)


def test_temperatures_learn_and_are_bounded():
    loss = UnifyGeoLoss()
    retrieval, matching = loss.temperatures()
    assert retrieval.item() == pytest.approx(0.07)
    assert matching.tolist() == pytest.approx([0.1] * 4)
    assert {name for name, _ in loss.named_parameters()} == {
        "retrieval_log_scale",
        "matching_log_scale",
    }
    with torch.no_grad():
        loss.retrieval_log_scale.fill_(50.0)
    assert loss.temperatures()[0].item() == pytest.approx(0.01)


def test_masks_reach_their_terms():
    torch.manual_seed(0)
    ground = GroundFeatures(
        F.normalize(torch.randn(4, 8), dim=1), (F.normalize(torch.randn(4, 24), dim=1),), 24
    )
    aerial = AerialFeatures(
        F.normalize(torch.randn(4, 8), dim=1), (F.normalize(torch.randn(4, 24, 4, 4), dim=1),)
    )
    match = MatchOutput(tuple(torch.rand(4, s, s) for s in (4, 4, 8, 16)), torch.rand(4, 32, 32))
    camera, mask = torch.rand(4, 2) * 32, torch.zeros(4, 4, dtype=torch.bool)
    mask[0, 1] = True
    plain = UnifyGeoLoss()(ground, aerial, match, BatchTruth(camera))
    excluded = UnifyGeoLoss()(ground, aerial, match, BatchTruth(camera, exclude=mask))
    covered = UnifyGeoLoss()(ground, aerial, match, BatchTruth(camera, covers=mask))
    assert excluded.retrieval < plain.retrieval
    assert excluded.ranking == plain.ranking
    assert covered.ranking < plain.ranking
    assert covered.retrieval == plain.retrieval


def test_a_camera_far_out_teaches_no_retrieval():
    torch.manual_seed(0)
    ground = GroundFeatures(
        F.normalize(torch.randn(3, 8), dim=1), (F.normalize(torch.randn(3, 24), dim=1),), 24
    )
    aerial = AerialFeatures(
        F.normalize(torch.randn(3, 8), dim=1), (F.normalize(torch.randn(3, 24, 4, 4), dim=1),)
    )
    match = MatchOutput(tuple(torch.rand(3, s, s) for s in (4, 4, 8, 16)), torch.rand(3, 32, 32))
    truth = BatchTruth(torch.tensor([[16.0, 14.0], [18.0, 17.0], [30.0, 16.0]]))
    strict = LossSettings(central_fraction=0.27)
    losses = UnifyGeoLoss(strict)(ground, aerial, match, truth)
    everyone = UnifyGeoLoss()(ground, aerial, match, truth)
    torch.testing.assert_close(losses.localization, everyone.localization)
    torch.testing.assert_close(losses.matching, everyone.matching)
    tau = UnifyGeoLoss().temperatures()[0]
    logits = ground.descriptor @ aerial.descriptor.T / tau
    target = torch.arange(3)
    smoothed = [
        F.cross_entropy(m, target, label_smoothing=0.1, reduction="none")[:2].mean()
        for m in (logits, logits.T)
    ]
    torch.testing.assert_close(losses.retrieval, sum(smoothed) / 2)
    assert losses.ranking != everyone.ranking
