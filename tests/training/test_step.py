"""The part of a step with gradients: terms left out, memory saved, starts from files."""

from __future__ import annotations

import pytest
import torch

from cvgl_core.errors import SettingsError, WeightsError
from cvgl_core.losses import LossSettings, LossWeights, UnifyGeoLoss
from cvgl_core.models import create_model
from cvgl_core.models.backbones import create_timm
from cvgl_core.models.weights import load_model, load_tensors, save_tensors, save_weights
from cvgl_core.training.config import ModelSection
from cvgl_core.training.start import start_model
from cvgl_core.training.step import LossStep, save_memory
from cvgl_core.training.world import World
from tests.training.helpers import KINDS, gradients, whole_batch, without_batch_norm


def test_retrieval_alone_is_the_same_loss_without_the_decoder():
    batch = whole_batch()
    model = without_batch_norm()
    alone = LossStep(model, UnifyGeoLoss(LossSettings(weights=KINDS["retrieval"])), World())
    joint = LossStep(model, UnifyGeoLoss(LossSettings(weights=KINDS["joint"])), World())
    with torch.no_grad():
        assert alone(batch).total == pytest.approx(100 * float(joint(batch).retrieval))
    trained = gradients(World(), batch, KINDS["retrieval"])
    assert not any("decoder" in name or "projectors" in name for name in trained)
    assert any("semantic_head" in name for name in trained)


def test_localization_alone_does_not_teach_descriptors():
    trained = gradients(World(), whole_batch(), LossWeights(1, 0, 10, 0))
    assert trained["model.decoder.steps.0.first.weight"].abs().max() > 0
    assert all(not g.any() for name, g in trained.items() if "aggregator" in name)


def test_saved_memory_changes_no_gradient():
    wanted = gradients(World(), whole_batch(), KINDS["joint"])
    model = without_batch_norm()
    names = set(model.state_dict())
    stages = []
    save_memory(model)
    model.ground.trunk.stages[0][0].register_forward_hook(lambda *_: stages.append(1))
    step = LossStep(model, UnifyGeoLoss(), World())
    step(whole_batch()).total.backward()
    assert len(stages) == 2  # forward, and again for the gradient
    assert set(model.state_dict()) == names
    for name, parameter in step.named_parameters():
        if parameter.grad is not None:
            assert torch.allclose(parameter.grad, wanted[name], rtol=1e-4, atol=1e-5), name


def test_a_shared_encoder_is_saved_and_loaded(tmp_path):
    model = create_model("unifygeo-lite0-shared")
    path = tmp_path / "shared.safetensors"
    save_weights(path, model, model.card(), half=False)
    loaded, _ = load_model(path)
    assert loaded.ground is loaded.aerial
    state = loaded.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert load_tensors(path)[0].keys() == state.keys()


def test_starts_from_a_trained_file_or_a_backbone(tmp_path):
    trained = create_model("unifygeo-lite0")
    save_weights(tmp_path / "own.safetensors", trained, trained.card(), half=False)
    how = ModelSection(start=tmp_path / "own.safetensors")
    assert torch.equal(start_model(how).fine_norm.weight, trained.fine_norm.weight)
    net = create_timm("efficientnet_lite0")
    save_tensors(tmp_path / "timm.safetensors", net.state_dict(), {})
    model = start_model(ModelSection(start=tmp_path / "timm.safetensors"))
    for branch in (model.ground, model.aerial):
        assert torch.equal(branch.trunk.stages[0][0].weight, net.conv_stem.weight)


def test_starts_that_do_not_fit_are_refused(tmp_path):
    save_tensors(tmp_path / "other.safetensors", {"weight": torch.zeros(1)}, {})
    with pytest.raises(WeightsError, match="neither the weights of"):
        start_model(ModelSection(start=tmp_path / "other.safetensors"))
    with pytest.raises(SettingsError, match="no weights are bundled"):
        start_model(ModelSection(variant="mean", start="bundled"))


def test_presence_is_added_to_the_total_and_teaches_the_decoder():
    batch = whole_batch()
    model = without_batch_norm()
    without = LossStep(model, UnifyGeoLoss(), World())(batch)
    weights = LossWeights(presence=10.0)
    losses = LossStep(model, UnifyGeoLoss(LossSettings(weights=weights)), World())(batch)
    assert without.presence is None and losses.presence is not None
    added = (losses.total - without.total).detach()
    assert float(added) == pytest.approx(10 * float(losses.presence.detach()), 1e-3)
    losses.presence.backward()
    assert model.decoder.output.out.weight.grad.abs().max() > 0
